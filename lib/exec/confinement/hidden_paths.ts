/**
 * What of /proc and /sys a RUN may not see or change: the masked and read-only paths of Docker's containers (moby,
 * daemon/pkg/oci/defaults.go).
 *
 * @module
 */
import type { BytePath } from "../../io/byte_path.ts";
import { MS } from "../../sys/mount.ts";
import type { SyscallScript } from "../../sys/syscall_script.ts";

/** Files that show nothing: the null device is put on them. */
const MASKED_FILES = [
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/timer_list",
  "/proc/timer_stats",
];

/** Directories that show nothing: an empty file system is put on them. */
const MASKED_DIRECTORIES = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/scsi",
  "/sys/devices/virtual/powercap",
  "/sys/firmware",
];

/** What can be read only. */
const READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** Hides and protects them below `root`, where /proc, /sys and /dev are mounted. A kernel has some and lacks some. */
export function hidePaths(script: SyscallScript, root: BytePath): void {
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC | MS.RDONLY;
  for (const path of MASKED_FILES) {
    script.attempt(`hide ${path}`, "mount", `${root}/dev/null`, root + path, null, MS.BIND, null);
  }
  for (const path of MASKED_DIRECTORIES) {
    script.attempt(`hide ${path}`, "mount", "tmpfs", root + path, "tmpfs", flags, "nr_inodes=1,mode=555");
  }
  for (const path of READ_ONLY) {
    script
      .attempt(`protect ${path}`, "mount", root + path, root + path, null, MS.BIND | MS.REC, null)
      .attempt(`protect ${path}`, "mount", null, root + path, null, MS.REMOUNT | MS.BIND | flags, null);
  }
}
