/**
 * containerd and runc, with folders of their own: what a Kubernetes node runs pods with.
 *
 * Everything it starts is in a mount and a pid namespace, so nothing of a pod is left when the test ends, however it
 * ends.
 *
 * @module
 */
import { join } from "node:path/posix";
import { run, SEARCH_PATH } from "../environment/command.ts";
import type { LocalRegistry } from "../environment/registry_server.ts";
import { containerdProgram, type ContainerdRelease } from "./containerd_release.ts";

/** A running containerd. */
export interface Containerd extends AsyncDisposable {
  /** Its socket, which speaks CRI. */
  readonly socket: string;
  /** Where the cgroups of its pods are. */
  readonly cgroup: string;
}

/** Starts containerd; images come from `registry`, which must have the base `pause`. */
export async function startContainerd(registry: LocalRegistry, release: ContainerdRelease): Promise<Containerd> {
  const program = await containerdProgram(release);
  // On disk, as on a node: overlay mounts of containers lie here. Paths of sockets are short.
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-cri-" });
  // Ids of pods' user namespaces have to get through.
  await Deno.chmod(folder, 0o711);
  const socket = join(folder, "c.sock");
  const log = join(folder, "log");
  await Deno.writeTextFile(join(folder, "config.toml"), await program.configure(folder, registry));
  const script = 'exec "$2" --config "$1/config.toml" > "$1/log" 2>&1';
  const namespaces = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "unshare", ...namespaces, "sh", "-c", script, "sh", folder, program.path],
    env: { PATH: [...program.searchPath, SEARCH_PATH].join(":") },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const cgroup = `/kiln-${folder.split("-").at(-1)}`;
  const stop = async (): Promise<void> => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // Already gone.
      if (!(error instanceof TypeError)) throw error;
    }
    await child.status;
    await removeCgroups(cgroup);
    await run(["rm", "-rf", "--one-file-system", folder]);
  };
  try {
    await listening(child, log);
    return { socket, cgroup, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listening(child: Deno.ChildProcess, log: string): Promise<void> {
  let ended = false;
  const watch = child.status.then(() => {
    ended = true;
  });
  for (let waited = 0; waited < 60_000 && !ended; waited += 20) {
    if (/containerd successfully booted/.test(await Deno.readTextFile(log).catch(() => ""))) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (ended) await watch;
  throw new Error(`Cannot start containerd: ${await Deno.readTextFile(log).catch(() => "it said nothing")}`);
}

/** A pod that was killed with containerd leaves its empty groups; removing them may take the kernel a moment. */
async function removeCgroups(name: string): Promise<void> {
  const mounts = (await Deno.readTextFile("/proc/self/mounts")).split("\n").map((line) => line.split(" "));
  for (const [, point = "", type = ""] of mounts) {
    if (!type.startsWith("cgroup")) continue;
    await run(["find", `${point}${name}`, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], { accept: [0, 1] });
  }
}
