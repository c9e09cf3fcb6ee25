/**
 * Debian's podman with a storage of its own, to load and run images as a user would.
 *
 * Each call has a private mount namespace: crun refuses hosts with both cgroup hierarchies mounted, and podman mounts
 * its storage over itself. Limits are given low, because raising them needs a capability that containers lack.
 *
 * @module
 */
import { join } from "node:path/posix";
import { run } from "./environment/command.ts";
import { ensureTools } from "./environment/tools.ts";

/** A podman. */
export interface Podman extends AsyncDisposable {
  /** Loads an archive and returns the name of its image. */
  load(archive: string): Promise<string>;
  /** Runs an image without a network and returns what it printed. */
  run(image: string, command?: readonly string[]): Promise<string>;
}

const PRIVATE = 'mount --make-rprivate / && { umount -l /sys/fs/cgroup/unified 2> /dev/null || true; } && exec "$@"';

/** Sets one up in an existing folder. */
export async function startPodman(folder: string): Promise<Podman> {
  await ensureTools(["podman", "crun"]);
  const storage = ["root", "runroot", "tmpdir"].map((name) => `--${name}=${join(folder, name)}`);
  const settings = ["--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--runtime=crun"];
  const podman = async (args: readonly string[]): Promise<string> => {
    const command = ["podman", ...storage, ...settings, ...args];
    return (await run(["unshare", "--mount", "sh", "-c", PRIVATE, "sh", ...command])).stdout;
  };
  return {
    async load(archive): Promise<string> {
      const said = await podman(["load", "--quiet", `--input=${archive}`]);
      const name = /^Loaded image: (\S+)$/m.exec(said)?.[1];
      if (name === undefined) throw new Error(`podman load names no image: ${said}`);
      return name;
    },
    async run(image, command = []): Promise<string> {
      const limits = ["--ulimit=nofile=1000:1000", "--ulimit=nproc=1000:1000"];
      return await podman(["run", "--rm", "--network=none", "--cgroups=disabled", ...limits, image, ...command]);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await podman(["rmi", "--all", "--force"]);
    },
  };
}
