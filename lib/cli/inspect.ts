/**
 * Planning without building: what checking a Dockerfile and showing its plan have in common. Registries are asked for
 * manifests and configs; no layer is pulled, and nothing is written unless the context has to be fetched.
 *
 * @module
 */
import { isAbsolute, relative } from "node:path/posix";
import { Gate } from "../async/gate.ts";
import { Semaphore } from "../async/semaphore.ts";
import {
  checkContext,
  type DockerfileRequest,
  planDockerfile,
  type PlannedDockerfile,
} from "../build/plan_dockerfile.ts";
import type { OpenParts } from "../contexts/open_context.ts";
import { fetchDockerfile } from "../contexts/remote_dockerfile.ts";
import { KilnError } from "../errors.ts";
import { BlobFetcher } from "../image/blob_fetcher.ts";
import { ImagePuller, type ImageRegistry } from "../image/pull.ts";
import { withLayouts } from "../image/routed_registry.ts";
import { bytePathOf } from "../io/byte_path.ts";
import { BlobDirectory } from "../store/blob_directory.ts";
import { WorkDirectory } from "../store/work_directory.ts";
import { type ContextDeps, createNamedContexts } from "./build_context_flag.ts";
import { createClient } from "./create_client.ts";
import type { Startup } from "./startup.ts";
import { startContext } from "./fetch_context.ts";
import { startGitAgent } from "./git_agent.ts";
import { holdRoot } from "./hold_root.ts";
import { chooseIgnoreFile } from "./ignore_file.ts";
import type { InspectOptions } from "./inspect_options.ts";
import { type DockerfileSource, loadDockerfile } from "./read_dockerfile.ts";
import type { BuildContext } from "./build_context.ts";
import { sourceParts } from "./source_parts.ts";
import { openAgents } from "./ssh_flag.ts";
import { watchSignals } from "./watch_signals.ts";
import { WorkerPools } from "./worker_pools.ts";

/** Tries of a request after the first: whoever checks would rather know that a registry is down. */
const RETRIES = 1;

/** What is asked for. */
export type InspectRequest = Pick<DockerfileRequest, "targets" | "onWarning" | "onOpen"> & {
  /** Told the name that positions have and the text, once there is one. */
  readonly onSource: (name: string, text: string) => void;
};

/** Plans a Dockerfile. @throws {KilnError} what keeps it from being built, as far as that is known without building */
export async function inspect(
  options: InspectOptions,
  { targets, onWarning, onOpen, onSource }: InspectRequest,
  context: BuildContext,
  startup: Startup,
): Promise<PlannedDockerfile> {
  const { request } = options;
  const { host, report } = context;
  using resources = new Resources(options, startup);
  using interruption = watchSignals(host, report);
  const { signal } = interruption;
  using _root = holdRoot(host);
  const client = createClient(options.registry, context, { gate: new Gate(), retries: RETRIES });
  const registry = withLayouts(options.offline ? UNREACHABLE : client);
  try {
    const images = { registry, platform: request.platform, store: new BlobDirectory(NOWHERE) };
    using agent = await startGitAgent(
      openAgents(request.ssh).get("default"),
      () => bytePathOf(resources.makeDirectory("agent")),
    );
    const sources: OpenParts = {
      ...sourceParts(request, context, agent),
      get images() {
        return { ...images, store: resources.store };
      },
    };
    await using fetched = await startContext(request, {
      work: resources,
      sources,
      get pool() {
        return resources.pools.jobs;
      },
      report,
      signal,
    });
    const source = nearHere(
      await loadDockerfile(request.dockerfile, {
        cwd: host.cwd,
        context: () => fetched.located,
        stdin: host.stdin,
        fetch: (url) => fetchDockerfile(url, { sources, report, signal }),
      }),
      host.cwd,
    );
    const text = new TextDecoder().decode(source.bytes);
    context.rememberSource(source.name, text);
    onSource(source.name, text);
    const fetcher = new BlobFetcher({ ...images, downloads: new Semaphore(1), signal });
    const planned = await planDockerfile({
      bytes: source.bytes,
      name: source.name,
      targets,
      platform: request.platform,
      buildArgs: request.buildArgs,
      contexts: createNamedContexts(request.buildContexts, { remotes: UNREAD, written: [] }),
      tolerant: options.tolerant,
      onWarning,
      ...(onOpen === undefined ? {} : { onOpen }),
    }, new ImagePuller({ registry, fetcher, signal }));
    const ignore = { always: request.contextDockerignore, report };
    checkContext(planned, chooseIgnoreFile(await fetched.located, source.place, ignore));
    return planned;
  } catch (error) {
    throw interruption.reason() ?? error;
  } finally {
    client.close();
  }
}

/** No blob is ever written. */
const NOWHERE = "/nonexistent";

/** A file is called as it is seen from here, which is what editors and code hosts understand. */
function nearHere(source: DockerfileSource, cwd: string): DockerfileSource {
  if (source.place?.kind !== "host") return source;
  const name = relative(cwd, source.place.path);
  return name.startsWith("../") || isAbsolute(name) ? source : { ...source, name };
}

/** A registry that is not asked. */
const UNREACHABLE: ImageRegistry = {
  manifest: () => Promise.reject(refusal()),
  blob: () => {
    throw refusal();
  },
};

function refusal(): KilnError {
  return new KilnError("registry", "Cannot ask a registry: --offline was given", { cause: new Error("offline") });
}

/** Named contexts that are files: nothing is read from them. */
const UNREAD: ContextDeps["remotes"] = { file: () => unread(), context: () => unread() };

function unread(): never {
  throw new Error("Unreachable: a plan reads no files");
}

/** What is made only if a context has to be fetched. */
class Resources implements Disposable {
  readonly #options: InspectOptions;
  readonly #startup: Startup;
  #work: WorkDirectory | undefined;
  #pools: WorkerPools | undefined;
  #store: BlobDirectory | undefined;

  constructor(options: InspectOptions, startup: Startup) {
    this.#options = options;
    this.#startup = startup;
  }

  get pools(): WorkerPools {
    return this.#pools ??= new WorkerPools(this.#startup.workerModule);
  }

  get store(): BlobDirectory {
    return this.#store ??= new BlobDirectory(this.makeDirectory("blobs"));
  }

  makeDirectory(name: string): string {
    this.#work ??= WorkDirectory.create(this.#options.workDirectory);
    return this.#work.makeDirectory(name);
  }

  [Symbol.dispose](): void {
    // Workers end before the directory is removed: they may still be writing in it.
    this.#pools?.[Symbol.dispose]();
    this.#work?.[Symbol.dispose]();
  }
}
