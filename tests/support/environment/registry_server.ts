/**
 * Debian's `docker-registry` on a free port of 127.0.0.1, with a folder of its own, seeded with base images.
 *
 * The bases are put in once per cache, by skopeo; a new registry starts with a copy of that folder (blobs are hard
 * links, which the registry never rewrites), so that each test may have its own.
 *
 * @module
 */
import { join } from "node:path/posix";
import { baseLayout, type BaseName } from "./bases.ts";
import { cached, cacheFolder } from "./cache.ts";
import { run, SEARCH_PATH } from "./command.ts";
import { ensureTools } from "./tools.ts";

/** A running registry; it ends and its folder goes when it is disposed. */
export interface LocalRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly pid: number;
  /** Where it keeps its blobs, for tests that damage them. */
  readonly folder: string;
  /** The reference of a seeded base. */
  base(name: BaseName): string;
}

/** What a registry starts with. */
export interface RegistryRequest {
  readonly bases?: readonly BaseName[];
  /** Folders of {@link registrySeed}. */
  readonly seeds?: readonly string[];
}

/** Starts a registry. */
export async function startRegistry(request: RegistryRequest = {}): Promise<LocalRegistry> {
  await ensureTools(["docker-registry", "skopeo"]);
  const seeds = [...request.seeds ?? []];
  for (const base of request.bases ?? []) seeds.push(await seedOf(base));
  // Beside the seeds, because hard links do not leave their file system.
  const parent = join(cacheFolder(), "registries");
  await Deno.mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const folder = await Deno.makeTempDir({ dir: parent, prefix: `${Deno.pid}-` });
  try {
    for (const from of seeds) await copySeed(from, folder);
    return await serve(folder);
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

async function serve(folder: string): Promise<LocalRegistry> {
  const config = join(folder, "config.json");
  const log = join(folder, "log");
  // YAML reads JSON.
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "info", accesslog: { disabled: true } },
      storage: {
        filesystem: { rootdirectory: folder, maxthreads: 100 },
        delete: { enabled: true },
        cache: { blobdescriptor: "inmemory" },
      },
      http: { addr: "127.0.0.1:0" },
    }),
  );
  // To a file: a pipe would have to be read for as long as the registry lives, across tests. It dies with us, however
  // we die.
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec setpriv --pdeathsig KILL docker-registry serve "$1" > "$2" 2>&1', "sh", config, log],
    env: { PATH: SEARCH_PATH, OTEL_TRACES_EXPORTER: "none" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async (): Promise<void> => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // Already gone.
      if (!(error instanceof TypeError)) throw error;
    }
    await child.status;
    await run(["rm", "-rf", "--one-file-system", folder]);
  };
  try {
    const host = await listening(child, log);
    return {
      host,
      pid: child.pid,
      folder,
      base: (name) => `${host}/base/${name}:latest`,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The registry says where it listens; with port 0 nobody can have taken the port before it. */
async function listening(child: Deno.ChildProcess, log: string): Promise<string> {
  let ended = false;
  const watch = child.status.then(() => {
    ended = true;
  });
  for (let waited = 0; waited < 30_000 && !ended; waited += 10) {
    const said = await Deno.readTextFile(log).catch(() => "");
    const address = /listening on (127\.0\.0\.1:\d+)/.exec(said)?.[1];
    if (address !== undefined) return address;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  if (ended) await watch;
  throw new Error(`Cannot start docker-registry: ${await Deno.readTextFile(log).catch(() => "it said nothing")}`);
}

/** The storage folder of a registry that holds just this base. */
async function seedOf(base: BaseName): Promise<string> {
  const layout = await baseLayout(base);
  return await registrySeed({
    name: base,
    inputs: ["1", layout],
    images: [{ layout, reference: `base/${base}:latest` }],
  });
}

/** What a registry may start with. */
export interface SeedRequest {
  readonly name: string;
  /** Everything the images depend on; a change makes the seed anew. */
  readonly inputs: readonly string[];
  readonly images: readonly { readonly layout: string; readonly reference: string }[];
}

/** Returns the storage folder of a registry that holds just these images; it is made once per cache. */
export async function registrySeed({ name, inputs, images }: SeedRequest): Promise<string> {
  return await cached({
    name: `registry-${name}`,
    inputs,
    what: `a registry's folder with the ${name} images`,
    make: async (folder) => {
      await using registry = await startRegistry();
      for (const { layout, reference } of images) {
        const target = `docker://${registry.host}/${reference}`;
        await run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", `oci:${layout}:latest`, target]);
      }
      await run(["cp", "-a", join(registry.folder, "docker"), folder]);
    },
  });
}

async function copySeed(from: string, folder: string): Promise<void> {
  const storage = "docker/registry/v2";
  await Deno.mkdir(join(folder, storage), { recursive: true });
  await run(["cp", "-aln", join(from, storage, "blobs"), join(folder, storage)]);
  // Tags are rewritten in place when something is pushed over a base: real copies.
  await run(["cp", "-a", join(from, storage, "repositories"), join(folder, storage)]);
}

/** Folders whose owner was killed before it could remove them. */
async function removeAbandoned(parent: string): Promise<void> {
  for await (const entry of Deno.readDir(parent)) {
    const owner = /^(\d+)-/.exec(entry.name)?.[1];
    if (owner !== undefined && !await isAlive(Number(owner))) {
      await run(["rm", "-rf", "--one-file-system", join(parent, entry.name)]);
    }
  }
}

async function isAlive(pid: number): Promise<boolean> {
  try {
    await Deno.stat(`/proc/${pid}`);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
