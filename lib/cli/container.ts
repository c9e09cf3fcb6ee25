/**
 * Telling whether this process runs inside a container, by the signs that kaniko goes by (kaniko.md 4.4).
 *
 * @module
 */

/** What the signs are read from. */
export interface ContainerSigns {
  exists(path: string): boolean;
  /** Returns the content of a file, or undefined if it cannot be read. */
  read(path: string): string | undefined;
  env(name: string): string | undefined;
}

const RUNTIMES: readonly string[] = [
  "docker",
  "rkt",
  "systemd-nspawn",
  "lxc",
  "lxc-libvirt",
  "openvz",
  "kube",
  "garden",
  "podman",
  "gvisor",
  "firejail",
  "wsl",
];

/** Returns the first sign of a container, in words that end "because of ...", or undefined if there is none. */
export function detectContainer(signs: ContainerSigns): string | undefined {
  for (const path of ["/run/.containerenv", "/.dockerenv", "/var/run/secrets/kubernetes.io/serviceaccount"]) {
    if (signs.exists(path)) return path;
  }
  if (namesRuntime(signs.read("/proc/self/cgroup"))) return "/proc/self/cgroup";
  // OpenVZ: the host has both, a container only the first.
  if (signs.exists("/proc/vz") && !signs.exists("/proc/bc")) return "/proc/vz";
  if (signs.exists("/__runsc_containers__")) return "/__runsc_containers__";
  if (namesRuntime(signs.read("/proc/1/cmdline"))) return "/proc/1/cmdline";
  if (signs.read("/proc/version_signature")?.startsWith("Microsoft") === true) return "/proc/version_signature";
  if (namesRuntime(signs.env("container"))) return 'the environment variable "container"';
  if (namesRuntime(signs.read("/run/systemd/container"))) return "/run/systemd/container";
  return hasOverlayRoot(signs.read("/proc/mounts")) ? "an overlay mounted on /" : undefined;
}

function namesRuntime(text: string | undefined): boolean {
  return text !== undefined && RUNTIMES.some((runtime) => text.includes(runtime));
}

function hasOverlayRoot(mounts: string | undefined): boolean {
  const [, point, type] = mounts?.split("\n", 1)[0]?.split(" ") ?? [];
  return point === "/" && type === "overlay";
}
