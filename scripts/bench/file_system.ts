/**
 * A fresh file system for each run: an ext4 in a file, or a tmpfs, mounted where only this process tree sees it.
 *
 * Without it, a root ext4 without journal gets up to five times slower with every large tree that is deleted, and one
 * tool's dirty pages are written out in the next one's time (decisions.md 29).
 *
 * @module
 */
import { join } from "node:path/posix";
import { run } from "../../tests/support/environment/command.ts";

/** Where a run keeps its state. */
export interface FreshFileSystem extends AsyncDisposable {
  readonly folder: string;
}

/** How the fresh file systems are made. */
export type Kind = "ext4" | "tmpfs";

const SIZE_GB = 14;

/** The environment variable that says we are in a mount namespace of our own. */
const MARK = "KILN_BENCH_NAMESPACE";

/**
 * Starts this program again in a private mount namespace, so that mounts vanish with it however it ends. Returns the
 * exit code of that run, or undefined when we are it.
 */
export async function inPrivateNamespace(): Promise<number | undefined> {
  if (Deno.env.get(MARK) !== undefined) return undefined;
  const script = Deno.mainModule.replace(/^file:\/\//, "");
  const { code } = await new Deno.Command("unshare", {
    args: ["--mount", "--propagation=private", Deno.execPath(), "run", "-A", script, ...Deno.args],
    env: { [MARK]: "1" },
  }).spawn().status;
  return code;
}

/** Makes a file system, its blocks in a file in `parent`, and mounts it; disposing unmounts it. */
export async function freshFileSystem(parent: string, kind: Kind): Promise<FreshFileSystem> {
  // Short: podman refuses state folders with more than 50 characters.
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "kb-" });
  const image = join(parent, "file-system.img");
  if (kind === "tmpfs") await run(["mount", "-t", "tmpfs", "-o", `size=${SIZE_GB}g`, "tmpfs", folder]);
  else await mountExt4(image, folder);
  return {
    folder,
    [Symbol.asyncDispose]: async () => {
      await unmountBelow(folder);
      await Deno.remove(folder);
    },
  };
}

/** The blocks are allocated beforehand and written directly: the host's page cache is not part of the race. */
async function mountExt4(image: string, folder: string): Promise<void> {
  await run(["fallocate", "-l", `${SIZE_GB}G`, image]);
  await run(["mkfs.ext4", "-q", "-F", "-E", "nodiscard", image]);
  const device = (await run(["losetup", "--find", "--show", "--direct-io=on", image])).stdout.trim();
  try {
    await run(["mount", "-o", "noinit_itable", device, folder]);
  } finally {
    // Once mounted, the device lives until it is unmounted.
    await run(["losetup", "--detach", device]);
  }
}

/** Unmounts everything at and below a folder, the innermost first. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) => line.split(" ")[1] ?? "");
  const ours = mounts.filter((path) => path === folder || path.startsWith(`${folder}/`)).reverse();
  for (const path of ours) {
    for (let tries = 0;; tries++) {
      const { code, stderr } = await run(["umount", path], { accept: [0, 1, 32] });
      if (code === 0) break;
      // The last writers of a killed build may still be going.
      if (tries === 40) throw new Error(`Cannot unmount "${path}": ${stderr.trim()}`);
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}
