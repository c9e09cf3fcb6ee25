/**
 * Runs a pod from its manifest as a node does: makes its volumes, turns it into the runtime's terms (CRI), and has
 * `pod_runner` run it in containerd. What is set where the manifest says nothing is what a kubelet sets, with
 * `seccompDefault: true`; pods share the host's network.
 *
 *     await using kubelet = await startKubelet(registry, { secrets: { push: { "config.json": "{}" } } });
 *     const { exits, logs } = await kubelet.run(manifest);
 *
 * @module
 */
import { join } from "node:path/posix";
import { run } from "../environment/command.ts";
import type { LocalRegistry } from "../environment/registry_server.ts";
import { ownGoProgram } from "../go_program.ts";
import { type Containerd, startContainerd } from "./containerd.ts";
import type { ContainerdRelease } from "./containerd_release.ts";
import type { ClusterObjects, PodManifest } from "./manifest.ts";
import { containerNames, podRequest, terminationLog } from "./pod_request.ts";

/** How a container ended. */
export interface ContainerExit {
  readonly code: number;
  /** `Completed`, `Error`, `OOMKilled`, `StartError`. */
  readonly reason: string;
  readonly message: string;
}

/** How a pod ended: its containers in the order they ran, init containers first. */
export interface PodOutcome {
  readonly exits: readonly ContainerExit[];
  /** What each printed, by name. */
  readonly logs: Readonly<Record<string, string>>;
  /** What each wrote to /dev/termination-log, by name. */
  readonly terminations: Readonly<Record<string, string>>;
}

/** A pod that runs. */
export interface RunningPod {
  /** Resolves when the log of a container holds the text; rejects when the pod ends before. */
  said(container: string, text: string): Promise<void>;
  /** Stops it as a deleted pod is: SIGTERM, then SIGKILL after 30 s; or with SIGKILL at once. */
  stop(how: "terminate" | "kill"): void;
  readonly outcome: Promise<PodOutcome>;
}

/** A node. */
export interface Kubelet extends AsyncDisposable {
  /** Runs a pod to its end. */
  run(pod: PodManifest): Promise<PodOutcome>;
  start(pod: PodManifest): Promise<RunningPod>;
}

/** Starts a node that pulls from `registry`, which must have the base `pause`. */
export async function startKubelet(
  registry: LocalRegistry,
  objects: ClusterObjects = {},
  release: ContainerdRelease = "debian",
): Promise<Kubelet> {
  const runner = await ownGoProgram(join(import.meta.dirname ?? ".", "pod_runner"));
  const containerd = await startContainerd(registry, release);
  const userNamespaces = release === "user namespaces";
  const start = (pod: PodManifest): Promise<RunningPod> =>
    startPod(pod, { runner, containerd, objects, userNamespaces });
  return {
    start,
    run: async (pod) => await (await start(pod)).outcome,
    [Symbol.asyncDispose]: () => containerd[Symbol.asyncDispose](),
  };
}

interface Node {
  readonly runner: string;
  readonly containerd: Containerd;
  readonly objects: ClusterObjects;
  readonly userNamespaces: boolean;
}

async function startPod(pod: PodManifest, node: Node): Promise<RunningPod> {
  const folder = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-pod-" });
  // Ids of a user namespace have to get through.
  await Deno.chmod(folder, 0o711);
  const { objects, userNamespaces } = node;
  const request = await podRequest(pod, { folder, cgroup: node.containerd.cgroup, objects, userNamespaces });
  const child = new Deno.Command(node.runner, {
    args: [node.containerd.socket],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(request)));
  await writer.close();
  let ended = false;
  const outcome = finish(child, folder, containerNames(pod)).finally(() => {
    ended = true;
  });
  // Whoever stops a pod half-way may not care how it ends.
  outcome.catch(() => {});
  return {
    outcome,
    stop: (how) => child.kill(how === "kill" ? "SIGINT" : "SIGTERM"),
    async said(container, text): Promise<void> {
      while (!(await readLog(folder, container)).includes(text)) {
        if (ended) throw new Error(`The pod ended before "${container}" said "${text}"`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}

async function finish(child: Deno.ChildProcess, folder: string, names: readonly string[]): Promise<PodOutcome> {
  const { code, stdout, stderr } = await child.output();
  const logs: Record<string, string> = {};
  const terminations: Record<string, string> = {};
  for (const name of names) {
    logs[name] = await readLog(folder, name);
    terminations[name] = await Deno.readTextFile(terminationLog(folder, name));
  }
  await run(["rm", "-rf", "--one-file-system", folder]);
  if (code !== 0) throw new Error(`Cannot run the pod: ${new TextDecoder().decode(stderr).trim()}`);
  return { exits: JSON.parse(new TextDecoder().decode(stdout)).exits, logs, terminations };
}

/** Lines are `TIME stdout F text`; `P` in the place of `F` for a part of a line. */
async function readLog(folder: string, container: string): Promise<string> {
  const raw = await Deno.readTextFile(join(folder, "logs", `${container}.log`)).catch(() => "");
  return raw.split("\n").filter((line) => line !== "").map((line) => {
    const [, , tag, ...text] = line.split(" ");
    return text.join(" ") + (tag === "P" ? "" : "\n");
  }).join("");
}
