/**
 * The syscall scripts of a RUN: what the child does between clone and the command.
 *
 * With namespaces there are two: the set-up script makes the mounts and enters the rootfs as process 1, then becomes
 * the init program, whose child runs the entry script (ids, working directory, execve). Without them the child does
 * chroot and the entry script itself.
 *
 * @module
 */
import { type BytePath, bytesOf } from "../io/byte_path.ts";
import { AT_EMPTY_PATH, AT_FDCWD, encodeDevice, O } from "../sys/file.ts";
import { hardLimitOfOpenFiles, ownOomScore } from "../sys/limits.ts";
import { ATTRIBUTE, MNT, mountAttributes, MS } from "../sys/mount.ts";
import { mayPivotRoot } from "../sys/pivot_root.ts";
import { S, tryStatAt } from "../sys/stat.ts";
import { SyscallScript } from "../sys/syscall_script.ts";
import type { Abilities } from "./abilities.ts";
import { CHROOT_CAPABILITIES, DEFAULT_CAPABILITIES, limitCapabilities } from "./confinement/capabilities.ts";
import { hidePaths } from "./confinement/hidden_paths.ts";
import { seccompFilter } from "./confinement/seccomp_filter.ts";
import { type DeviceNode, type ExecSpec, NEW_MEMORY_MODE, type PreparedMount } from "./spec.ts";

/** Descriptors handed to the child; all are above 9. */
export interface ChildDescriptors {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
  /** Where init or the guardian reports, see init_program.ts. */
  readonly report: number;
  /** The program of init or the guardian. */
  readonly init: number;
}

const REPORT_FD = 3;
/** As if it had so many thousandths of all memory more. */
const OOM_SCORE_MORE = 200;
const SPARE_FD = 4;
const SIGKILL = 9;
const SIGPIPE = 13;
const PR_SET_PDEATHSIG = 1;
const PR_SET_CHILD_SUBREAPER = 36;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const RLIMIT_NOFILE = 7;
const SECCOMP_SET_MODE_FILTER = 1;
/** Deno raises the soft limit to the hard one; programs that close every possible descriptor would crawl. */
const MAX_OPEN_FILES = 65_536;

/** What scripts are made for. */
export interface ScriptOptions {
  readonly fds: ChildDescriptors;
  readonly abilities: Abilities;
}

/** Returns the script of process 1: mounts, root, then the init program. */
export function setUpScript(root: BytePath, spec: ExecSpec, options: ScriptOptions): SyscallScript {
  return namespaceScript(root, spec, options)
    .call("follow the builder's end", "prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
    .call("start init", "execveat", options.fds.init, "", ["init"], [], AT_EMPTY_PATH);
}

/** Returns the script of a process 1 that becomes the command itself. */
export function wholeScript(root: BytePath, spec: ExecSpec, options: ScriptOptions): SyscallScript {
  const script = namespaceScript(root, spec, options)
    .call("keep the report to the builder", "fcntl", REPORT_FD, F_SETFD, FD_CLOEXEC);
  enterCommand(script, spec, options.abilities);
  return script;
}

function namespaceScript(root: BytePath, spec: ExecSpec, { fds, abilities }: ScriptOptions): SyscallScript {
  const script = new SyscallScript();
  inheritDescriptors(script, fds);
  if (spec.network === "none") raiseLoopback(script);
  script
    .call("set the host name", "sethostname", spec.hostname, spec.hostname.length)
    .call("make mounts private", "mount", null, "/", null, MS.REC | MS.PRIVATE, null)
    .call("make the rootfs a mount", "mount", root, root, null, MS.BIND | MS.REC, null)
    .call("set the file mode mask", "umask", 0)
    .call("mount /proc", "mount", "proc", `${root}/proc`, "proc", MS.NOSUID | MS.NODEV | MS.NOEXEC, null);
  mountDevices(script, `${root}/dev`, abilities);
  for (const device of spec.devices ?? []) addDevice(script, root, { device, abilities });
  const shown = abilities.userNamespace && spec.network === "host";
  mountSystem(script, `${root}/sys`, { shown, readOnly: spec.confined });
  if (spec.confined) {
    hidePaths(script, root);
    // Device nodes that the image or the command makes must not open a device of the host.
    restrict(script, "forbid devices", { target: root, flags: MS.NODEV, abilities });
  } else {
    // Not where it was mounted in a user namespace that is not ours.
    script.attempt("allow devices", "mount", null, root, null, MS.REMOUNT | MS.BIND, null);
    const cgroups = `${root}/sys/fs/cgroup`;
    script.attempt("mount the cgroups", "mount", "cgroup", cgroups, "cgroup2", MS.NOSUID | MS.NODEV | MS.NOEXEC, null);
  }
  for (const prepared of spec.mounts) addMount(script, root, { prepared, abilities });
  enterRoot(script, root);
  resetProcess(script);
  if (spec.confined) confine(script);
  return script;
}

function confine(script: SyscallScript): void {
  // The filter comes first: without CAP_SYS_ADMIN it would forbid setuid programs for good.
  const filter = seccompFilter();
  script.call("filter system calls", "seccomp", SECCOMP_SET_MODE_FILTER, 0, {
    number: filter.length / 8,
    block: filter,
  });
  limitCapabilities(script, DEFAULT_CAPABILITIES);
}

/**
 * Makes the rootfs, a mount by now, the root. Where pivot_root is forbidden it is moved over the old root: no path leads
 * to what lies beneath, and a command has neither the capability to unmount nor a descriptor of it.
 */
function enterRoot(script: SyscallScript, root: BytePath): void {
  script.call("enter the rootfs", "chdir", root);
  if (mayPivotRoot()) {
    script
      .call("make the rootfs the root", "pivot_root", ".", ".")
      .call("leave the host's file systems", "umount2", ".", MNT.DETACH);
  } else {
    script
      .call("move the rootfs over the root", "mount", ".", "/", null, MS.MOVE, null)
      .call("make the rootfs the root", "chroot", ".");
  }
  script.call("enter the new root", "chdir", "/");
}

/** Returns the script of init's child: ids and command. */
export function entryScript(spec: ExecSpec, abilities: Abilities): SyscallScript {
  const script = new SyscallScript().call("keep the report to init", "fcntl", REPORT_FD, F_SETFD, FD_CLOEXEC);
  enterCommand(script, spec, abilities);
  return script;
}

/** Returns the script of a guardian. */
export function guardianScript(fds: ChildDescriptors): SyscallScript {
  const script = new SyscallScript();
  inheritDescriptors(script, fds);
  return script
    .call("become the parent of orphans", "prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    .call("start the guardian", "execveat", fds.init, "", ["guardian"], [], AT_EMPTY_PATH);
}

/** What the scripts of commands without namespaces of their own are made for. */
export interface PlainScriptOptions extends Omit<ScriptOptions, "fds"> {
  /** Set where there is no guardian, whose child has its descriptors. */
  readonly fds?: ChildDescriptors;
}

/** Returns the script of a command without namespaces of its own. */
export function chrootScript(root: BytePath, spec: ExecSpec, { fds, abilities }: PlainScriptOptions): SyscallScript {
  const script = new SyscallScript();
  if (fds !== undefined) inheritDescriptors(script, fds);
  script
    .call("keep the report to the builder", "fcntl", REPORT_FD, F_SETFD, FD_CLOEXEC)
    .call("enter the rootfs", "chdir", root)
    .call("make the rootfs the root", "chroot", ".");
  resetProcess(script);
  if (spec.confined) limitCapabilities(script, CHROOT_CAPABILITIES);
  enterCommand(script, spec, abilities);
  return script;
}

/** The same for a command in the root that we are in ourselves, or in tests a directory with mounts. */
export function inPlaceScript(root: BytePath, spec: ExecSpec, { fds, abilities }: PlainScriptOptions): SyscallScript {
  const script = new SyscallScript();
  if (fds !== undefined) inheritDescriptors(script, fds);
  closeOthers(script);
  script.call("keep the report to the builder", "fcntl", REPORT_FD, F_SETFD, FD_CLOEXEC);
  if (root !== "/") script.call("enter the rootfs", "chdir", root).call("make the rootfs the root", "chroot", ".");
  resetProcess(script);
  if (spec.confined) limitCapabilities(script, DEFAULT_CAPABILITIES);
  enterCommand(script, spec, abilities);
  return script;
}

/** Without an init to be started from a descriptor, no other needs to be kept until execve. */
function closeOthers(script: SyscallScript): void {
  script.attempt("close other descriptors", "close_range", SPARE_FD, 0xffff_ffff, 0);
}

function inheritDescriptors(script: SyscallScript, fds: ChildDescriptors): void {
  script
    .call("pass standard input", "dup3", fds.stdin, 0, 0)
    .call("pass standard output", "dup3", fds.stdout, 1, 0)
    .call("pass standard error", "dup3", fds.stderr, 2, 0)
    .call("pass the report", "dup3", fds.report, REPORT_FD, 0)
    // Everything Deno opens is close-on-exec already; this holds for what a library may have opened otherwise.
    .attempt("keep other descriptors", "close_range", SPARE_FD, 0xffff_ffff, CLOSE_RANGE_CLOEXEC);
  yieldMemory(script);
}

/**
 * When memory runs out the kernel kills whom it scores highest. A command is to go before the builder: the builder can
 * say what happened, and clean up (fault F27).
 */
function yieldMemory(script: SyscallScript): void {
  const score = String(Math.min(ownOomScore() + OOM_SCORE_MORE, 1000));
  script
    .attempt("free a descriptor", "close", SPARE_FD)
    .attempt("open the score", "openat", AT_FDCWD, "/proc/self/oom_score_adj", O.WRONLY, 0)
    .attempt("be killed first", "write", SPARE_FD, bytesOf(score), score.length)
    .attempt("close the score", "close", SPARE_FD);
}

/** SIOCSIFFLAGS IFF_UP on "lo"; the socket gets the number just closed. */
function raiseLoopback(script: SyscallScript): void {
  const [AF_INET, SOCK_DGRAM, SIOCSIFFLAGS, IFF_UP] = [2, 2, 0x8914, 1];
  const request = new Uint8Array(40);
  request.set([0x6c, 0x6f]);
  request[16] = IFF_UP;
  script
    .attempt("free a descriptor", "close", SPARE_FD)
    .call("open a socket", "socket", AF_INET, SOCK_DGRAM, 0)
    .call("bring up the loopback interface", "ioctl", SPARE_FD, SIOCSIFFLAGS, request)
    .call("close the socket", "close", SPARE_FD);
}

/** Device nodes every image expects: name, major, minor. */
export const DEVICES: readonly (readonly [name: string, major: number, minor: number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

const DEVICE_LINKS: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["core", "/proc/kcore"],
  ["ptmx", "pts/ptmx"],
];

/** The group of terminals, in Debian and in every container runtime. */
const TTY_GROUP = 5;

function mountDevices(script: SyscallScript, dev: BytePath, { userNamespace, ids }: Abilities): void {
  const noExec = MS.NOSUID | MS.NOEXEC;
  script.call("mount /dev", "mount", "tmpfs", dev, "tmpfs", MS.NOSUID | MS.STRICTATIME, "mode=755,size=65536k");
  for (const [name, major, minor] of DEVICES) {
    const path = `${dev}/${name}`;
    if (userNamespace) {
      if (!isThere(`/dev/${name}`)) continue;
      script
        .call(`make /dev/${name}`, "mknodat", AT_FDCWD, path, S.IFREG | 0o666, 0)
        .call(`show /dev/${name}`, "mount", `/dev/${name}`, path, null, MS.BIND, null);
      continue;
    }
    script.call(`make /dev/${name}`, "mknodat", AT_FDCWD, path, S.IFCHR | 0o666, encodeDevice(major, minor));
  }
  for (const [name, target] of DEVICE_LINKS) {
    script.call(`make /dev/${name}`, "symlinkat", target, AT_FDCWD, `${dev}/${name}`);
  }
  script
    .call("make /dev/pts", "mkdirat", AT_FDCWD, `${dev}/pts`, 0o755)
    .attempt(
      "mount /dev/pts",
      "mount",
      "devpts",
      `${dev}/pts`,
      "devpts",
      noExec,
      `newinstance,ptmxmode=0666,mode=0620${ids.groups.has(TTY_GROUP) ? `,gid=${TTY_GROUP}` : ""}`,
    )
    .call("make /dev/shm", "mkdirat", AT_FDCWD, `${dev}/shm`, 0o1777)
    .call("mount /dev/shm", "mount", "shm", `${dev}/shm`, "tmpfs", noExec | MS.NODEV, "mode=1777,size=65536k")
    .call("make /dev/mqueue", "mkdirat", AT_FDCWD, `${dev}/mqueue`, 0o1777)
    .attempt("mount /dev/mqueue", "mount", "mqueue", `${dev}/mqueue`, "mqueue", noExec | MS.NODEV, null);
}

/** Whether the host has something to show. */
function isThere(path: BytePath): boolean {
  return tryStatAt(AT_FDCWD, path) !== undefined;
}

function addDevice(
  script: SyscallScript,
  root: BytePath,
  { device, abilities }: { readonly device: DeviceNode; readonly abilities: Abilities },
): void {
  const { mode, major, minor, uid, gid } = device;
  const path = root + device.path;
  makeParents(script, "make a directory", path);
  script.attempt(`replace ${device.path}`, "unlinkat", AT_FDCWD, path, 0);
  if (abilities.userNamespace) {
    script
      .call(`make ${device.path}`, "mknodat", AT_FDCWD, path, S.IFREG | 0o666, 0)
      .call(`show ${device.path}`, "mount", device.source, path, null, MS.BIND, null);
    return;
  }
  script
    .call(`make ${device.path}`, "mknodat", AT_FDCWD, path, mode, encodeDevice(major, minor))
    .call(`give ${device.path} its owner`, "fchownat", AT_FDCWD, path, uid, gid, 0);
}

/** `shown`: the host's own is shown, for the network it tells of is not that of our user namespace. */
function mountSystem(
  script: SyscallScript,
  sys: BytePath,
  { shown, readOnly }: { readonly shown: boolean; readonly readOnly: boolean },
): void {
  const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC | (readOnly ? MS.RDONLY : 0);
  if (!shown) {
    script.attempt("mount /sys", "mount", "sysfs", sys, "sysfs", flags, null);
    return;
  }
  if (!isThere("/sys")) return;
  const attributes = mountAttributes(flags);
  script
    .call("show /sys", "mount", "/sys", sys, null, MS.BIND | MS.REC, null)
    // Everything in it, too: control groups may be the user's to change.
    .call("protect /sys", "mount_setattr", AT_FDCWD, sys, ATTRIBUTE.RECURSIVE, attributes, attributes.length);
}

/** Adds flags to a mount. In a user namespace those it has from the host must stay, which an older call cannot say. */
function restrict(
  script: SyscallScript,
  purpose: string,
  { target, flags, abilities }: { readonly target: BytePath; readonly flags: number; readonly abilities: Abilities },
): void {
  if (!abilities.userNamespace) {
    script.call(purpose, "mount", null, target, null, MS.REMOUNT | MS.BIND | flags, null);
    return;
  }
  const attributes = mountAttributes(flags);
  script.call(purpose, "mount_setattr", AT_FDCWD, target, 0, attributes, attributes.length);
}

function addMount(
  script: SyscallScript,
  root: BytePath,
  { prepared, abilities }: { readonly prepared: PreparedMount; readonly abilities: Abilities },
): void {
  const target = root + prepared.target;
  const purpose = `mount ${prepared.target}`;
  if (isBelow(prepared.target, "/dev") || prepared.inMemory) makeTarget(script, target, prepared.type);
  if (prepared.kind === "tmpfs") {
    const size = prepared.sizeBytes === undefined ? "" : `,size=${prepared.sizeBytes}`;
    const mode = (prepared.mode ?? NEW_MEMORY_MODE).toString(8);
    script.call(purpose, "mount", "tmpfs", target, "tmpfs", MS.NOSUID | MS.NODEV, `mode=${mode}${size}`);
    return;
  }
  const flags = MS.NODEV | MS.NOSUID | (prepared.readOnly ? MS.RDONLY : 0);
  script.call(purpose, "mount", prepared.source, target, null, MS.BIND, null);
  restrict(script, `restrict ${prepared.target}`, { target, flags, abilities });
}

/** What is in memory is only there once the child has mounted it, so mount points in it are made by the child. */
function makeTarget(script: SyscallScript, target: BytePath, type: "file" | "directory"): void {
  makeParents(script, "make a mount point", target);
  if (type === "directory") script.attempt("make a mount point", "mkdirat", AT_FDCWD, target, 0o755);
  else script.attempt("make a mount point", "mknodat", AT_FDCWD, target, S.IFREG | 0o644, 0);
}

function makeParents(script: SyscallScript, purpose: string, path: BytePath): void {
  const parts = path.split("/");
  for (let at = 2; at < parts.length; at++) {
    script.attempt(purpose, "mkdirat", AT_FDCWD, parts.slice(0, at).join("/"), 0o755);
  }
}

/** Tells whether a path is inside a directory. */
export function isBelow(path: BytePath, directory: BytePath): boolean {
  return path.startsWith(`${directory}/`);
}

function resetProcess(script: SyscallScript): void {
  const openFiles = BigInt(Math.min(MAX_OPEN_FILES, hardLimitOfOpenFiles()));
  const limit = new Uint8Array(new BigUint64Array([openFiles, openFiles]).buffer);
  script
    .call("set the file mode mask", "umask", 0o022)
    .attempt("limit open files", "prlimit64", 0, RLIMIT_NOFILE, limit, null)
    // Deno ignores SIGPIPE, which would be inherited; and the child was started with all signals blocked.
    .call("restore SIGPIPE", "rt_sigaction", SIGPIPE, new Uint8Array(32), null, 8)
    .call("unblock signals", "rt_sigprocmask", 2, new Uint8Array(8), null, 8);
}

function enterCommand(script: SyscallScript, spec: ExecSpec, { ids, boundByModes }: Abilities): void {
  const groups = new Uint8Array(new Uint32Array(spec.user.groups).buffer);
  const enterDirectory = (): unknown => script.call(`enter ${spec.workingDirectory}`, "chdir", spec.workingDirectory);
  script.call("start a session", "setsid");
  // It is there, but a mount may hide it: as runc, make it in what is mounted.
  makeParents(script, "make the working directory", `${spec.workingDirectory}/`);
  // As runc: a user may start in a directory below one that is closed to him, as in WORKDIR /root/app, USER app.
  if (!boundByModes) enterDirectory();
  // Where a namespace has one group only, the kernel lets nobody give up groups, as they may forbid something.
  if (ids.setsGroups) script.call("set supplementary groups", "setgroups", spec.user.groups.length, groups);
  script
    .call("set the group", "setgid", spec.user.gid)
    .call("set the user", "setuid", spec.user.uid);
  if (boundByModes) enterDirectory();
  script.call("follow the builder's end", "prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const candidates = commandPaths(spec);
  candidates.forEach((path, at) => {
    const add = at === candidates.length - 1 ? script.call : script.attempt;
    add.call(script, `execute ${path}`, "execve", path, spec.argv, spec.environment);
  });
}

/** Returns the paths execve is tried on: the word itself if it has a slash, else one per PATH entry. */
export function commandPaths(spec: ExecSpec): readonly BytePath[] {
  const command = spec.argv[0] ?? "";
  if (command.includes("/")) return [command];
  const path = spec.environment.findLast((line) => line.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  const directories = path.split(":");
  return directories.map((directory) => directory === "" ? `./${command}` : `${directory}/${command}`);
}
