/**
 * The build command: the one place where everything a build consists of is put together.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { Background } from "../async/background.ts";
import { Gate } from "../async/gate.ts";
import { Semaphore } from "../async/semaphore.ts";
import { build } from "../build/build.ts";
import { checkContext, planDockerfile } from "../build/plan_dockerfile.ts";
import { checkEntitlements } from "../build/entitlements.ts";
import { fetchRemote } from "../build/remote_sources.ts";
import { findDevices } from "../build/step_devices.ts";
import { SecretDirectory } from "../build/secret_directory.ts";
import { checkStepSecrets } from "../build/step_secrets.ts";
import { contextTree } from "../contexts/directory.ts";
import type { OpenParts } from "../contexts/open_context.ts";
import { RemoteTrees } from "../contexts/remote_trees.ts";
import { fetchDockerfile } from "../contexts/remote_dockerfile.ts";
import { KilnError } from "../errors.ts";
import { type Abilities, ownAbilities } from "../exec/abilities.ts";
import { rememberHostFiles } from "../exec/runtime_files.ts";
import { SourceViews } from "../exec/mounts/source_views.ts";
import { BlobFetcher } from "../image/blob_fetcher.ts";
import { LayerPacker } from "../image/packer.ts";
import { isOf } from "../instructions/instruction.ts";
import { RUN } from "../instructions/run.ts";
import { ImagePuller } from "../image/pull.ts";
import { withLayouts } from "../image/routed_registry.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { chooseBackend, type ChosenBackend } from "../rootfs/choose.ts";
import { BlobDirectory } from "../store/blob_directory.ts";
import { WorkDirectory } from "../store/work_directory.ts";
import { forbidCoreDumps } from "../sys/limits.ts";
import { makeSideRecord } from "../tree/side_record.ts";
import { asSubreaper } from "../sys/process_flags.ts";
import { createNamedContexts } from "./build_context_flag.ts";
import type { BuildOptions } from "./build_options.ts";
import { BuildWarnings } from "./build_warnings.ts";
import { chooseFormat } from "./choose_format.ts";
import { createClient } from "./create_client.ts";
import { abandonOutputs, createOutputs, type Outputs, writeOutputs } from "./create_outputs.ts";
import type { Startup } from "./startup.ts";
import { startContext } from "./fetch_context.ts";
import { startGitAgent } from "./git_agent.ts";
import { holdRoot } from "./hold_root.ts";
import { chooseIgnoreFile } from "./ignore_file.ts";
import { machineSigns, offerRoot } from "./in_place.ts";
import { noteFrontend } from "./note_frontend.ts";
import { writePlan } from "./plan_command.ts";
import { loadDockerfile } from "./read_dockerfile.ts";
import type { Host } from "./host.ts";
import type { BuildContext } from "./build_context.ts";
import { sourceParts } from "./source_parts.ts";
import { openAgents } from "./ssh_flag.ts";
import { watchSignals } from "./watch_signals.ts";
import { WorkerPools } from "./worker_pools.ts";

/** Base layers downloaded at the same time. */
const DOWNLOADS = 3;
/** How long a command may take to end after SIGTERM. Kubernetes gives a pod 30 s in all. */
const GRACE_MS = 5000;

/** Builds an image and writes it to its outputs. */
export async function buildCommand(options: BuildOptions, context: BuildContext, startup: Startup): Promise<void> {
  const { host, report } = context;
  const began = host.elapsedMs();
  Deno.umask(0o022);
  using pools = new WorkerPools(startup.workerModule);
  using interruption = watchSignals(host, report);
  const { signal } = interruption;
  if (startup.mounts.kind === "no") asSubreaper();
  using rootLock = holdRoot({ executable: host.executable, force: options.isolation.force });
  forbidCoreDumps();

  const { request, step: { cacheTtlMs, ...step } } = options;
  const gate = new Gate();
  const registry = createClient(options.registry, context, { gate });
  const outputs = createOutputs(options.outputs, {
    registry,
    report,
    signal,
    stdout: host.stdout,
    platform: request.platform,
  });
  try {
    using work = WorkDirectory.create(options.isolation.workDirectory);
    await using background = new Background(interruption.controller);
    // Workers end before the directory is removed: they may still be writing in it when the build fails.
    using _workers = { [Symbol.dispose]: (): void => pools[Symbol.dispose]() };
    const record = makeSideRecord(bytePathOf(work.path));
    pools.jobs.shared = record;
    const store = new BlobDirectory(work.makeDirectory("blobs"));
    const readable = withLayouts(registry);
    const fetcher = new BlobFetcher({ registry: readable, store, downloads: new Semaphore(DOWNLOADS), signal });
    const puller = new ImagePuller({ registry: readable, fetcher, signal });
    const images = { registry, store, platform: request.platform };
    const agents = openAgents(request.ssh);
    const trees = work.makeDirectory("trees");
    const newTree = (): BytePath => bytePathOf(Deno.makeTempDirSync({ dir: trees }));
    using gitAgent = await startGitAgent(agents.get("default"), newTree);
    const sources: OpenParts = { ...sourceParts(request, context, gitAgent), images };
    await using remotes = new RemoteTrees({
      sources,
      newDirectory: newTree,
      pool: pools.jobs,
      report,
      limits: request.contextLimits,
      signal,
      gate,
    });
    await using fetched = await startContext(request, { work, sources, pool: pools.jobs, report, signal });
    const source = await loadDockerfile(request.dockerfile, {
      cwd: host.cwd,
      context: () => fetched.located,
      stdin: host.stdin,
      fetch: (url) => fetchDockerfile(url, { sources, report, signal }),
    });
    context.rememberSource(source.name, new TextDecoder().decode(source.bytes));
    const warnings = new BuildWarnings(report);
    let prepared: Promise<unknown> = Promise.resolve();
    const planning = planDockerfile({
      bytes: source.bytes,
      name: source.name,
      targets: request.targets,
      platform: request.platform,
      buildArgs: request.buildArgs,
      contexts: createNamedContexts(request.buildContexts, { remotes, written: writtenPaths(options) }),
      times: {
        context: () => fetched.time,
        remote: async (source) => await (await fetchRemote(source, remotes)).time(),
      },
      tolerant: false,
      onWarning: (warning) => warnings.add(warning),
      onRead: (directives) => {
        noteFrontend(directives, request.buildArgs, report);
        // While base images are looked up.
        prepared = prepareOutputs(outputs, background);
      },
    }, puller);
    pools.warm();
    const planned = await planning;
    const { plan, checks, epoch } = planned;
    if (options.printPlan) await writePlan(plan, { file: source.name, format: "text", context });
    checkEntitlements(plan, request.entitlements);
    const devices = await findDevices(plan, { directories: request.deviceDirectories, report });
    const latestSec = epoch ?? (request.image.reproducible ? 0 : undefined);
    const format = chooseFormat(plan, request.image, options.outputs, report);
    const guarded = context.secrets.guarded();
    const packer = new LayerPacker({ pool: pools.jobs, store, secrets: () => guarded }, {
      compression: format.compression.algorithm,
      ignorePaths: request.image.ignorePaths.map(bytePathOf),
      ...(format.compression.level === undefined ? {} : { level: format.compression.level }),
      ...(latestSec === undefined ? {} : { latestSec }),
    });
    const abilities = abilitiesWith(startup.mounts, host);
    const chosen = chooseBackend(options.isolation.isolation, startup.mounts, {
      directory: work.makeDirectory("rootfs"),
      pool: pools.jobs,
      packer,
      store,
      record,
      abilities,
      runs: [...plan.stages.values()].some(({ steps }) => steps.some(({ node }) => isOf(RUN, node))),
      expansion: request.contextLimits.expansion,
      inPlace: offerRoot({
        options,
        executable: host.executable,
        signs: machineSigns((name) => host.env(name)),
        workerModule: startup.workerModule,
        work,
        lock: rootLock,
        gate,
        abilities,
        report,
      }),
    });
    await using backend = chosen.backend;
    report.message("info", `Isolation: ${backend.description}`);
    const level = backend.name === "chroot" ? "warn" : "info";
    if (abilities.singleUser !== undefined) report.message("info", `One user and group only: ${abilities.singleUser}`);
    for (const reason of chosen.reasons) report.message(level, `No better isolation: ${reason}`);
    using secretDirectory = new SecretDirectory(`${work.path}/secrets`, { canMount: startup.mounts.kind === "yes" });

    // What a step asks for must have been read while the files it is in are our own.
    await guarded;
    const stepSecrets = { secret: (id: string) => context.secrets.read(id), agents };
    await checkStepSecrets(plan, stepSecrets);
    const hostFile = rememberHostFiles();
    await prepared;
    const located = await fetched.located;
    const ignore = chooseIgnoreFile(located, source.place, { always: request.contextDockerignore, report });
    checkContext(planned, ignore);
    // As BuildKit: once everything is known that needs no file system, before anything is built.
    if (checks.options.error) warnings.assertNone();
    const built = await build(plan, {
      labels: request.image.labels,
      annotations: request.image.annotations,
      family: format.family,
      singleLayer: request.image.singleSnapshot,
      wantsImage: outputs.wantsImage,
      ...(request.platformGiven ? { platform: request.platform } : {}),
      ...(latestSec === undefined ? {} : { latestSec }),
    }, {
      backend,
      puller,
      store,
      context: contextTree(located.root, ignore, { written: writtenPaths(options) }),
      early: outputs.early,
      background,
      secrets: () => guarded,
      packer,
      newTree,
      commands: new Semaphore(Math.max(4, navigator.hardwareConcurrency)),
      shared: {
        directory: makeSteps(chosen),
        cacheDirectory: work.cacheMounts,
        views: new SourceViews({ directory: bytePathOf(work.makeDirectory("views")), pool: pools.jobs }),
        secretDirectory: () => secretDirectory.path(),
        ...stepSecrets,
        hostFile,
        pool: pools.jobs,
        redactor: context.redactor,
        signal,
        graceMs: GRACE_MS,
        force: interruption.force,
        ...step,
        expansion: request.contextLimits.expansion,
        remotes,
        devices,
        buildArgs: request.buildArgs,
      },
      report,
      abort: (reason) => interruption.controller.abort(reason),
      now: () => host.now(),
    });
    await writeOutputs(outputs, built, { background, family: format.family, report, host });
    await removeOldCaches({ directory: work.cacheMounts, ttlMs: cacheTtlMs, pool: pools.jobs, report });
    report.message("info", `Done in ${((host.elapsedMs() - began) / 1000).toFixed(1)} s`);
  } catch (error) {
    await abandonOutputs(outputs, report);
    // Whatever fails after an interruption fails because of it.
    throw interruption.reason() ?? error;
  } finally {
    registry.close();
  }
}

/** Makes room, when the image is where it belongs: a failure is not the build's. */
async function removeOldCaches(
  { directory, ttlMs, pool, report }: {
    readonly directory: string;
    readonly ttlMs: number | undefined;
    readonly pool: WorkerPools["jobs"];
    readonly report: BuildContext["report"];
  },
): Promise<void> {
  if (ttlMs === undefined) return;
  try {
    const count = await pool.run("pruneCaches", { directory, usedBeforeMs: Date.now() - ttlMs });
    if (count > 0) report.message("info", `Removed ${count} caches of RUN that no build has used for long`);
  } catch (error) {
    report.message("warn", `Cannot remove old caches: ${error instanceof Error ? error.message : error}`);
  }
}

/** Steps move files between their directories and the tree of their stage. */
function makeSteps({ directory }: ChosenBackend): BytePath {
  const path = join(dirname(directory), "steps");
  Deno.mkdirSync(path, { mode: 0o755 });
  return bytePathOf(path);
}

function abilitiesWith(mounts: Startup["mounts"], host: Host): Abilities {
  const single = mounts.kind === "yes" ? mounts.userNamespace?.singleBecause : undefined;
  return ownAbilities({
    namespaces: mounts.kind === "yes",
    ...startOf(host),
    ...single === undefined ? {} : { singleUser: single },
  });
}

/** For tests of the way that other machines than this one take. */
function startOf(host: Host): { readonly start?: "stub" | "runner" } {
  const start = host.env("KILN_START");
  if (start === undefined) return {};
  if (start === "stub" || start === "runner") return { start };
  throw new KilnError("usage", `Cannot use KILN_START="${start}": it is neither stub nor runner`);
}

/** What the build writes to while it runs. */
function writtenPaths({ isolation, outputs }: BuildOptions): readonly string[] {
  const { ociLayoutPath, exports } = outputs;
  const directories = exports.flatMap((spec) => "path" in spec ? [spec.path] : []);
  return [isolation.workDirectory, ...ociLayoutPath === undefined ? [] : [ociLayoutPath], ...directories];
}

/** Learns before the build whether everything can be written, while base images are looked up. */
function prepareOutputs(outputs: Outputs, background: Background): Promise<unknown> {
  // Each is followed by itself: when one fails, what another has begun in a registry is still ended in order.
  const prepared = Promise.all(
    outputs.all.map((output) => background.follow("prepare an output", output.prepare())),
  );
  // Planning may fail first; this failure is heard where it is awaited, or not at all.
  prepared.catch(() => {});
  return prepared;
}
