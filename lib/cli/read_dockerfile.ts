/**
 * Finding and reading the Dockerfile.
 *
 * @module
 */
import { basename, dirname, isAbsolute, join, resolve } from "node:path/posix";
import type { DockerfilePlace, LocatedContext } from "../contexts/directory.ts";
import { KilnError } from "../errors.ts";
import { bytePathOf, textOf } from "../io/byte_path.ts";
import { readFileIn } from "../tree/read_file_in.ts";
import type { DockerfileLocation } from "./dockerfile_location.ts";

/** A Dockerfile as read. */
export interface DockerfileSource {
  /** As the user named it, for positions. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Where it was found; absent where nothing can lie beside it. */
  readonly place?: DockerfilePlace;
}

/** Where to look. */
export interface DockerfileSearch {
  readonly cwd: string;
  /** Resolves when the context is there; asked only if the Dockerfile does not lie here. */
  readonly context: () => Promise<LocatedContext>;
}

/** What reading takes besides. */
export interface DockerfileDeps extends DockerfileSearch {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Fetches the Dockerfile of a URL. */
  readonly fetch: (url: URL) => Promise<DockerfileSource>;
}

/** Reads the Dockerfile from wherever it is. @throws {KilnError} kind `dockerfile`, and what fetching throws */
export async function loadDockerfile(location: DockerfileLocation, deps: DockerfileDeps): Promise<DockerfileSource> {
  switch (location.kind) {
    case "file":
      return await readDockerfile(location.name, deps);
    case "http":
      return await deps.fetch(location.url);
    case "stdin":
      return { name: "Dockerfile", bytes: await readStream(deps.stdin, "the Dockerfile on stdin") };
    case "descriptor":
      return { name: location.path, bytes: await readDescriptor(location.path) };
  }
}

async function readDescriptor(path: string): Promise<Uint8Array> {
  const fail = (why: string, cause: unknown) => new KilnError("dockerfile", `Cannot read "${path}": ${why}`, { cause });
  try {
    return await readStream((await Deno.open(path)).readable, `"${path}"`);
  } catch (error) {
    if (error instanceof KilnError) throw error;
    if (error instanceof Deno.errors.NotFound) throw fail("no such descriptor is open", error);
    throw fail(error instanceof Error ? error.message : String(error), error);
  }
}

async function readStream(stream: AsyncIterable<Uint8Array>, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(new Uint8Array(chunk));
    length += chunk.length;
    if (length > MAX_FETCHED_BYTES) {
      throw new KilnError("dockerfile", `Cannot read ${what}: it has more than ${MAX_FETCHED_BYTES} bytes`);
    }
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** A Dockerfile of a context that somebody else made is not read any further: a large one is no Dockerfile. */
const MAX_FETCHED_BYTES = 16 * 1024 * 1024;

/**
 * Reads the Dockerfile, in kaniko's order: from here, then from the context. If a file of the default name is not
 * there, `dockerfile` beside it is tried, as Docker does.
 *
 * @throws {KilnError} kind `dockerfile`, if there is none or it cannot be read.
 */
async function readDockerfile(name: string, { cwd, context }: DockerfileSearch): Promise<DockerfileSource> {
  const here: DockerfilePlace = { kind: "host", path: resolve(cwd, name) };
  const own = tryRead(here, undefined);
  if (own !== undefined) return { name, place: here, bytes: own };
  const located = await context();
  const places = candidates(name, here, located);
  const lowerCase = basename(name) === "Dockerfile" ? places.map(inLowerCase) : [];
  for (const place of [...places.slice(1), ...lowerCase]) {
    const bytes = tryRead(place, located);
    if (bytes !== undefined) return { name, place, bytes };
  }
  const shown = places.map(({ kind, path }) => kind === "host" ? path : `"${path}" of ${located.description}`);
  const inner = onlyDirectory(located);
  throw new KilnError("dockerfile", `Cannot find the Dockerfile "${name}": there is none at ${shown.join(" or ")}`, {
    hint: inner === undefined
      ? "name it with --dockerfile"
      : `all of the context is in "${inner}": --context-sub-path=${inner}`,
  });
}

/** The one directory that a context consists of: archives of releases are packed so. */
function onlyDirectory({ root, fetched }: LocatedContext): string | undefined {
  const directory = textOf(root);
  if (!fetched || directory === undefined) return undefined;
  const entries = Deno.readDirSync(directory)[Symbol.iterator]();
  const [first, second] = [entries.next(), entries.next()];
  return first.done !== true && first.value.isDirectory && second.done === true ? first.value.name : undefined;
}

/** Returns where to look: here, in the directory that stands for the context, in the whole context. */
function candidates(name: string, here: DockerfilePlace, located: LocatedContext): readonly DockerfilePlace[] {
  const { directory, subPath, fetched } = located;
  if (isAbsolute(name)) return [here];
  const names = [...new Set([join(subPath, name), name])];
  const inContext = names.map((path): DockerfilePlace =>
    fetched ? { kind: "context", path } : { kind: "host", path: resolve(directory, path) }
  );
  return [here, ...inContext.filter(({ kind, path }) => kind !== here.kind || path !== here.path)];
}

function inLowerCase(place: DockerfilePlace): DockerfilePlace {
  return { ...place, path: join(dirname(place.path), "dockerfile") };
}

function tryRead(place: DockerfilePlace, located: LocatedContext | undefined): Uint8Array | undefined {
  if (place.kind === "host") return readHost(place.path);
  if (located === undefined) throw new Error("Unreachable: a Dockerfile of a context that is not there");
  try {
    return readFileIn(bytePathOf(located.directory), bytePathOf(place.path), MAX_FETCHED_BYTES);
  } catch (error) {
    throw error instanceof KilnError ? new KilnError("dockerfile", error.message, { cause: error }) : error;
  }
}

function readHost(path: string): Uint8Array | undefined {
  try {
    if (!Deno.statSync(path).isFile) throw new KilnError("dockerfile", `Cannot read "${path}": it is not a file`);
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof KilnError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KilnError("dockerfile", `Cannot read "${path}": ${why}`, { cause: error });
  }
}
