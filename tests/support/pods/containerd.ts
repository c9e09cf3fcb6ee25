/**
 * Debian's containerd and runc, with folders of their own: what a Kubernetes node runs pods with.
 *
 * Everything it starts is in a mount and a pid namespace, so nothing of a pod is left when the test ends, however it
 * ends.
 *
 * @module
 */
import { join } from "node:path/posix";
import { run, SEARCH_PATH } from "../environment/command.ts";
import { prepared } from "../environment/environment.ts";
import type { LocalRegistry } from "../environment/registry_server.ts";

/** A running containerd. */
export interface Containerd extends AsyncDisposable {
  /** Its socket, which speaks CRI. */
  readonly socket: string;
  /** Where the cgroups of its pods are. */
  readonly cgroup: string;
}

/** Starts containerd; images come from `registry`, which must have the base `pause`. */
export async function startContainerd(registry: LocalRegistry): Promise<Containerd> {
  await prepared({ tools: ["containerd", "runc"] });
  // On disk, as on a node: overlay mounts of containers lie here. Paths of sockets are short.
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-cri-" });
  const socket = join(folder, "c.sock");
  const log = join(folder, "log");
  await Deno.writeTextFile(join(folder, "config.toml"), settings(folder, socket, registry));
  const script = 'exec containerd --config "$1/config.toml" > "$1/log" 2>&1';
  const namespaces = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const child = new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", "unshare", ...namespaces, "sh", "-c", script, "sh", folder],
    env: { PATH: SEARCH_PATH },
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

function settings(folder: string, socket: string, registry: LocalRegistry): string {
  const cri = '"io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "${socket}"
[plugins.${cri}]
  sandbox_image = "${registry.base("pause")}"
  restrict_oom_score_adj = true
  [plugins.${cri}.registry.mirrors."${registry.host}"]
    endpoint = ["http://${registry.host}"]
`;
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
