/**
 * `--secret`: where the secrets of a build come from, and reading them when a step asks.
 *
 * Grammar: `id=ID[,src=FILE|,source=FILE|,env=NAME][,type=file|env]`, one CSV record as in BuildKit, so that a path
 * with a comma can be quoted. Nothing is read while parsing: a secret that no step mounts need not exist.
 *
 * @module
 */
import { resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { GuardedSecret } from "../image/secret_guard.ts";
import { guardedForms } from "../report/secret_forms.ts";
import { parseGoCsv } from "./go_values.ts";

/** The largest secret, in bytes: BuildKit's limit. */
export const LARGEST_SECRET = 500 * 1024;

/** Where one secret comes from. */
export type SecretSource =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "environment"; readonly name: string };

/** One secret, described. */
export interface SecretSpec {
  readonly id: string;
  readonly source: SecretSource;
}

/** What reading and parsing need of the world. */
export interface SecretWorld {
  env(name: string): string | undefined;
  readonly cwd: string;
}

/** Reads secrets. */
export interface SecretReader {
  /** The ids that were given. */
  readonly ids: readonly string[];
  /**
   * Returns the value of a secret, or undefined if no secret has this id.
   *
   * @throws {KilnError} kind `usage`, if the file or variable it names is missing, unreadable or too large.
   */
  read(id: string): Promise<Uint8Array | undefined>;
  /** Returns what gives the secrets away; one that cannot be read is left out: whoever uses it will hear of it. */
  guarded(): Promise<readonly GuardedSecret[]>;
}

/**
 * Parses all `--secret` flags.
 *
 * @throws {KilnError} kind `usage`.
 */
export function parseSecretFlags(texts: readonly string[], world: SecretWorld): readonly SecretSpec[] {
  const specs: SecretSpec[] = [];
  for (const text of texts) {
    const spec = parseSecretFlag(text, world);
    if (specs.some(({ id }) => id === spec.id)) {
      throw new KilnError("usage", `Cannot use --secret "${text}": the id "${spec.id}" is given twice`);
    }
    specs.push(spec);
  }
  return specs;
}

/**
 * Makes the reader of these secrets. Each value goes to `reveal` before it is returned, so that the log hides it from
 * its first moment on. A secret is read once: a pipe such as `<(pass show token)` gives its bytes only once.
 */
export function createSecretReader(
  specs: readonly SecretSpec[],
  options: { readonly world: SecretWorld; readonly reveal: (value: Uint8Array) => void },
): SecretReader {
  const values = new Map<string, Promise<Uint8Array>>();
  const read = (id: string): Promise<Uint8Array | undefined> => {
    const spec = specs.find((candidate) => candidate.id === id);
    if (spec === undefined) return Promise.resolve(undefined);
    const value = values.get(id) ?? readSecret(spec, options);
    values.set(id, value);
    return value;
  };
  return {
    ids: specs.map(({ id }) => id),
    read,
    async guarded(): Promise<readonly GuardedSecret[]> {
      const readable = await Promise.allSettled(specs.map(async ({ id }) => ({ id, value: await read(id) })));
      return readable.flatMap((result) => {
        if (result.status === "rejected" || result.value.value === undefined) return [];
        const forms = guardedForms(result.value.value);
        return forms.length === 0 ? [] : [{ id: result.value.id, forms }];
      });
    },
  };
}

async function readSecret(
  { id, source }: SecretSpec,
  { world, reveal }: { readonly world: SecretWorld; readonly reveal: (value: Uint8Array) => void },
): Promise<Uint8Array> {
  const value = source.kind === "file"
    ? await readFileSecret(id, source.path)
    : readEnvironmentSecret(id, source.name, world);
  reveal(value);
  return value;
}

function parseSecretFlag(text: string, world: SecretWorld): SecretSpec {
  const refuse = (why: string): KilnError =>
    new KilnError("usage", `Cannot use --secret "${text}": ${why}`, {
      hint: "write it as id=ID,src=FILE or id=ID,env=NAME",
    });
  const parts = parseGoCsv(text);
  if (parts === undefined) throw refuse("its quotes do not pair up");
  const fields = new Map<string, string>();
  for (const part of parts) {
    const equals = part.indexOf("=");
    if (equals < 0) throw refuse(`"${part}" has no "="`);
    const key = part.slice(0, equals).toLowerCase();
    if (!["id", "src", "source", "env", "type"].includes(key)) throw refuse(`it does not know "${key}"`);
    fields.set(key === "source" ? "src" : key, part.slice(equals + 1));
  }
  const [id = "", type] = [fields.get("id"), fields.get("type")];
  if (id === "") throw refuse("it has no id");
  if (type !== undefined && type !== "file" && type !== "env") throw refuse(`the type "${type}" is not file or env`);
  // An empty part is no part: `src=$FILE` with FILE unset must not name the current directory.
  const [src, env] = [fields.get("src") || undefined, fields.get("env") || undefined];
  if (src !== undefined && env !== undefined) throw refuse("it has both a file and an environment variable");
  if (type === "file" && env !== undefined) throw refuse("it has the type file and an environment variable");
  return { id, source: sourceOf({ id, type, src, env }, world) };
}

interface SecretFields {
  readonly id: string;
  readonly type: "file" | "env" | undefined;
  readonly src: string | undefined;
  readonly env: string | undefined;
}

/** With an id alone, BuildKit takes the variable of that name if it is set, else the file. */
function sourceOf({ id, type, src, env }: SecretFields, world: SecretWorld): SecretSource {
  if (env !== undefined) return { kind: "environment", name: env };
  if (type === "env") return { kind: "environment", name: src ?? id };
  const bare = src === undefined && type === undefined;
  if (bare && world.env(id) !== undefined) return { kind: "environment", name: id };
  return { kind: "file", path: resolve(world.cwd, src ?? id) };
}

function readEnvironmentSecret(id: string, name: string, world: SecretWorld): Uint8Array {
  const value = world.env(name);
  if (value === undefined) throw cannotRead(id, `the environment variable "${name}" is not set`);
  // The host has put this character in the place of bytes; passing it on would be another secret.
  if (value.includes("\ufffd")) throw cannotRead(id, `the environment variable "${name}" is not UTF-8 text`);
  const bytes = new TextEncoder().encode(value);
  if (bytes.length > LARGEST_SECRET) throw tooLarge(id, `the environment variable "${name}"`);
  return bytes;
}

async function readFileSecret(id: string, path: string): Promise<Uint8Array> {
  try {
    using file = await Deno.open(path);
    return await readAtMost(file, () => tooLarge(id, `"${path}"`));
  } catch (error) {
    throw error instanceof KilnError ? error : cannotRead(id, `"${path}" ${reasonOf(error)}`, error);
  }
}

/** Reads to the end, whatever size the file claims: a pipe such as `<(pass show x)` claims none. */
async function readAtMost(file: Deno.FsFile, tooMuch: () => KilnError): Promise<Uint8Array> {
  const buffer = new Uint8Array(LARGEST_SECRET + 1);
  let length = 0;
  while (length < buffer.length) {
    const bytesRead = await file.read(buffer.subarray(length));
    if (bytesRead === null) return buffer.slice(0, length);
    length += bytesRead;
  }
  throw tooMuch();
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") return "does not exist";
  if (code === "EISDIR") return "is a directory";
  if (code === "EACCES" || code === "EPERM") return "is not readable for this user";
  return `cannot be read (${code === "" ? String(error) : code})`;
}

function cannotRead(id: string, why: string, cause?: unknown): KilnError {
  return new KilnError("usage", `Cannot read the secret "${id}": ${why}`, {
    hint: "see --secret",
    ...(cause === undefined ? {} : { cause }),
  });
}

function tooLarge(id: string, what: string): KilnError {
  return new KilnError("usage", `Cannot read the secret "${id}": ${what} is larger than ${LARGEST_SECRET / 1024} KiB`);
}
