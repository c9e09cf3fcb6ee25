/**
 * Times the workloads for Kiln and every peer that is there, side by side, each run cold on a fresh file system.
 *
 *     deno task bench [w1 w2 w5 w6] [--runs=N] [--tools=kiln,buildah] [--on=ext4|tmpfs] [--executor=PATH | --source]
 *
 * Peers: buildah and podman when installed, kaniko with `KANIKO=path of an executor`, BuildKit with `BUILDKITD=` and
 * `BUILDCTL=`. Without `--executor` dist/executor is built first; `--source` times the source instead. Runs take
 * turns, so that a noisy minute hits everybody. The last line is JSON: figures and the ratio to the best peer.
 *
 * @module
 */
import { join } from "node:path/posix";
import { prepared } from "../tests/support/environment/environment.ts";
import { cacheFolder } from "../tests/support/environment/cache.ts";
import { startRegistry } from "../tests/support/environment/registry_server.ts";
import { type Builder, builders, type Job } from "./bench/builder.ts";
import { freshFileSystem, inPrivateNamespace, type Kind } from "./bench/file_system.ts";
import { measure, type Measured, waitForQuiet } from "./bench/measure.ts";
import { readPushed } from "./bench/pushed.ts";
import { type Workload, WORKLOADS } from "./bench/workload.ts";
import { build } from "./build.ts";
import { runMain } from "./run_main.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");

interface Options {
  readonly workloads: readonly Workload[];
  readonly tools: readonly string[] | undefined;
  readonly runs: number;
  readonly on: Kind;
  readonly executor: string | undefined;
  readonly source: boolean;
}

interface Run extends Measured {
  readonly layers: number;
  readonly bytes: number;
  /** Why the run does not count; undefined when it does. */
  readonly fault: string | undefined;
}

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  const tools = await choose(options);
  await prepared({ tools: ["skopeo", "docker-registry", "mkfs.ext4", "losetup"] });
  const parent = join(cacheFolder(), "bench");
  await Deno.mkdir(parent, { recursive: true });
  const report: Record<string, Summary> = {};
  try {
    for (const workload of options.workloads) {
      report[workload.name] = await compare(workload, tools, { options, parent });
    }
  } finally {
    await Deno.remove(join(parent, "file-system.img")).catch(() => {});
  }
  console.log(`\n${JSON.stringify(report)}`);
  if (Object.values(report).some((summary) => summary.failed)) Deno.exitCode = 1;
}

interface Summary {
  readonly [tool: string]: unknown;
  /** Whether any run went wrong. */
  readonly failed: boolean;
}

function parseOptions(args: readonly string[]): Options {
  const value = (name: string): string | undefined =>
    args.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);
  const named = args.filter((argument) => !argument.startsWith("--"));
  const unknown =
    args.find((argument) => argument.startsWith("--") && !/^--(source$|(runs|tools|on|executor)=.)/.test(argument)) ??
      named.find((name) => WORKLOADS[name] === undefined);
  const on = value("on") ?? "ext4";
  if (unknown !== undefined || (on !== "ext4" && on !== "tmpfs")) {
    throw new Error(`Cannot run the bench: unknown argument "${unknown ?? on}"`);
  }
  return {
    workloads: Object.values(WORKLOADS).filter((workload) => named.length === 0 || named.includes(workload.name)),
    tools: value("tools")?.split(","),
    runs: Number(value("runs") ?? 1),
    on,
    executor: value("executor"),
    source: args.includes("--source"),
  };
}

async function choose(options: Options): Promise<readonly Builder[]> {
  const all = builders({ words: await kilnCommand(options) });
  const wanted = all.filter((builder) => options.tools?.includes(builder.name) ?? true);
  for (const builder of wanted) {
    const why = builder.missing();
    if (why !== undefined) console.log(`without ${builder.name}: ${why}`);
  }
  return wanted.filter((builder) => builder.missing() === undefined);
}

async function kilnCommand(options: Options): Promise<readonly string[]> {
  if (options.executor !== undefined) return [options.executor];
  if (options.source || options.tools?.includes("kiln") === false) {
    return [Deno.execPath(), "run", "-A", join(ROOT, "main.ts")];
  }
  const { executor, kind } = await build({
    source: ROOT,
    output: join(ROOT, "dist"),
    denort: Deno.env.get("DENORT_BIN"),
  });
  console.log(`kiln: dist/executor, ${kind}`);
  return [executor];
}

/** Times one workload with every tool, in turns, and prints and returns the comparison. */
async function compare(
  workload: Workload,
  tools: readonly Builder[],
  where: { readonly options: Options; readonly parent: string },
): Promise<Summary> {
  console.log(`\n== ${workload.name}: ${workload.what}`);
  const context = await workload.context();
  const runs = new Map<string, Run[]>(tools.map((tool) => [tool.name, []]));
  for (let round = 1; round <= where.options.runs; round++) {
    for (const tool of tools) {
      const run = await once(workload, tool, { ...where, context });
      runs.get(tool.name)?.push(run);
      console.log(formatRun(tool.name, run));
    }
  }
  if (workload.kaniko !== undefined && !runs.has("kaniko")) {
    const { wallSeconds, peakMiB } = workload.kaniko;
    console.log(
      `kaniko    ${wallSeconds.toFixed(2).padStart(9)} s  memory ${peakMiB} MiB: not measured now, but before`,
    );
  }
  return summary(runs);
}

async function once(
  workload: Workload,
  tool: Builder,
  where: { readonly options: Options; readonly parent: string; readonly context: string },
): Promise<Run> {
  await using registry = await startRegistry({ bases: workload.bases });
  await using fresh = await freshFileSystem(where.parent, where.options.on);
  const logs = await Deno.makeTempDir({ prefix: "kiln-bench-" });
  const dockerfile = join(logs, "Dockerfile");
  await Deno.writeTextFile(dockerfile, workload.dockerfile(registry.base));
  const destination = `${registry.host}/out/${tool.name}:1`;
  const job: Job = { folder: fresh.folder, context: where.context, dockerfile, destination };
  const daemons = await tool.before?.(job) ?? [];
  try {
    await waitForQuiet(10);
    const command = tool.command(job);
    const log = join(logs, "log");
    const measured = await measure({ command, programs: tool.programs, env: {}, log, helpers: daemons });
    if (measured.code !== 0) return { ...measured, layers: 0, bytes: 0, fault: `exit code ${measured.code}` };
    const base = registry.base(workload.bases[0] ?? "busybox");
    const { layers, bytes, names } = await readPushed(destination, base);
    return { ...measured, layers, bytes, fault: workload.wrong(names) };
  } finally {
    for (const pid of daemons) Deno.kill(pid, "SIGKILL");
    await Deno.remove(logs, { recursive: true });
  }
}

function formatRun(name: string, run: Run): string {
  const fault = run.fault === undefined ? "" : `  WRONG: ${run.fault}\n${run.tail}`;
  return [
    name.padEnd(10),
    `${run.wallSeconds.toFixed(2).padStart(8)} s`,
    `cpu ${run.cpuSeconds.toFixed(2).padStart(7)} s`,
    `own memory ${run.ownPeakMiB.toFixed(0).padStart(5)} MiB`,
    `(with RUN ${run.treePeakMiB.toFixed(0).padStart(5)})`,
    `${(run.bytes / 1e6).toFixed(1).padStart(7)} MB in ${run.layers} new layers`,
    `others used ${run.otherCpuSeconds.toFixed(1)} s`,
  ].join("  ") + fault;
}

/** Medians, and our wall time in units of the best peer's. */
function summary(runs: ReadonlyMap<string, readonly Run[]>): Summary {
  const figures: Record<string, unknown> = {};
  let best: number | undefined;
  let ours: number | undefined;
  for (const [name, all] of runs) {
    const good = all.filter((run) => run.fault === undefined);
    if (good.length < all.length || good.length === 0) {
      figures[name] = { failed: all.length - good.length };
      continue;
    }
    const wall = median(good.map((run) => run.wallSeconds));
    figures[name] = {
      wallSeconds: round(wall),
      cpuSeconds: round(median(good.map((run) => run.cpuSeconds))),
      ownPeakMiB: round(median(good.map((run) => run.ownPeakMiB))),
      treePeakMiB: round(median(good.map((run) => run.treePeakMiB))),
      newBytes: good[0]?.bytes,
      runs: good.length,
    };
    if (name === "kiln") ours = wall;
    else best = Math.min(best ?? Infinity, wall);
  }
  const ratio = ours === undefined || best === undefined ? undefined : round(ours / best);
  if (ratio !== undefined) console.log(`kiln takes ${ratio.toFixed(2)} times as long as the best peer`);
  const failed = [...runs.values()].flat().some((run) => run.fault !== undefined);
  return { ...figures, ratioToBestPeer: ratio ?? null, failed };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[middle]];
  return (low + high) / 2;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

if (import.meta.main) {
  await runMain(async () => {
    if (Deno.uid() !== 0) throw new Error("Cannot run the bench: it mounts file systems\nhint: run it as root");
    const code = await inPrivateNamespace();
    if (code !== undefined) return code;
    return await main();
  });
}
