/**
 * The programs the tests use as servers, oracles and peers, and where Debian has them.
 *
 * What is missing is installed with apt, saying so. Without root or apt the error holds the exact command to run.
 * Nothing but those packages is changed on the host; their services are neither started nor left enabled.
 *
 * @module
 */
import { locked } from "./cache.ts";
import { findProgram, run } from "./command.ts";
import { tell } from "./tell.ts";

/** A program, or a file by its path, and the Debian package that brings it. */
const PACKAGES = {
  "busybox": "busybox-static",
  "docker-registry": "docker-registry",
  "skopeo": "skopeo",
  "umoci": "umoci",
  "debootstrap": "debootstrap",
  "podman": "podman",
  "buildah": "buildah",
  "crun": "crun",
  "runc": "runc",
  "getfattr": "attr",
  "setfattr": "attr",
  "getcap": "libcap2-bin",
  "xz": "xz-utils",
  "bzip2": "bzip2",
  "zstd": "zstd",
  "git": "git",
  "python3": "python3",
  "pip3": "python3-pip",
  "bsdtar": "libarchive-tools",
  "mkfs.ext4": "e2fsprogs",
  "losetup": "mount",
  "patchelf": "patchelf",
  "rclone": "rclone",
  "strace": "strace",
  "newuidmap": "uidmap",
  "openssl": "openssl",
  "setpriv": "util-linux",
  "nginx": "nginx-light",
  "git-lfs": "git-lfs",
  "ssh": "openssh-client",
  "sshd": "openssh-server",
  "containerd": "containerd",
  "gcc": "gcc",
  "/usr/include/stdio.h": "libc6-dev",
  "pkg-config": "pkg-config",
  "/usr/include/seccomp.h": "libseccomp-dev",
  "qemu-aarch64-static": "qemu-user-static",
  // What arm64 programs find their libraries in, under qemu.
  "/usr/aarch64-linux-gnu/lib/libc.so.6": "libc6-arm64-cross",
  "/usr/aarch64-linux-gnu/lib/libgcc_s.so.1": "libgcc-s1-arm64-cross",
} as const;

/** A program that `ensureTools` can provide. */
export type Tool = keyof typeof PACKAGES;

/** Units that Debian enables with those packages and that nobody asked for. */
const UNITS: Readonly<Record<string, readonly string[]>> = {
  "containerd": ["containerd.service"],
  "docker-registry": ["docker-registry.service"],
  "nginx-light": ["nginx.service"],
  "openssh-server": ["ssh.service", "ssh.socket"],
  "podman": ["podman.socket", "podman.service", "podman-auto-update.timer", "podman-restart.service"],
};

/** Makes sure that the programs are installed. */
export async function ensureTools(tools: readonly Tool[]): Promise<void> {
  if (missing(tools).length === 0) return;
  await locked("apt", async () => {
    const packages = missing(tools).map((tool) => PACKAGES[tool]);
    if (packages.length === 0) return;
    const command = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(" ")}`;
    const why = findProgram("apt-get") === undefined
      ? "there is no apt-get here"
      : Deno.uid() !== 0
      ? "only root may install packages"
      : undefined;
    if (why !== undefined) {
      throw new Error(`Cannot install ${packages.join(", ")}: ${why}\nhint: run as root: ${command}`);
    }
    tell(`installing ${packages.join(", ")} with apt`);
    await install(packages);
    const still = missing(tools);
    if (still.length > 0) throw new Error(`Cannot find ${still.join(", ")} after: ${command}`);
  });
}

function missing(tools: readonly Tool[]): readonly Tool[] {
  return tools.filter((tool) => tool.startsWith("/") ? !isFile(tool) : findProgram(tool) === undefined);
}

async function install(packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const wait = ["-o", "DPkg::Lock::Timeout=300"];
  await run(["apt-get", ...wait, "-qq", "update"], { env });
  const policy = await forbidServices();
  try {
    await run(["apt-get", ...wait, "-qq", "install", "-y", "--no-install-recommends", ...packages], { env });
  } finally {
    if (policy !== undefined) await Deno.remove(policy);
  }
  const units = packages.flatMap((name) => UNITS[name] ?? []);
  // Where systemd runs, packages enable their units for the next boot.
  if (units.length > 0 && await isDirectory("/run/systemd/system")) {
    await run(["systemctl", "disable", "--now", ...units], { accept: [0, 1] });
  }
}

/** Debian's own way to keep packages from starting services; an administrator's policy is left alone. */
async function forbidServices(): Promise<string | undefined> {
  const path = "/usr/sbin/policy-rc.d";
  try {
    await Deno.writeTextFile(path, "#!/bin/sh\nexit 101\n", { createNew: true, mode: 0o755 });
    return path;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
