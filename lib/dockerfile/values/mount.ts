/**
 * The grammar of `RUN --mount=` (dockerfile.md 3.2) and the defaults that do not depend on the build.
 *
 * Fields are read left to right, and the type in force then decides which keys fit: `type=` must stand in front of
 * `required` and `size`.
 *
 * @module
 */
import { posix } from "node:path";
import { KilnError } from "../../errors.ts";
import { didYouMean } from "../suggest.ts";
import { parseBoolean } from "./boolean.ts";
import { splitCsv } from "./csv.ts";
import { parseSize } from "./size.ts";

const MOUNT_TYPES = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const SHARING_MODES = ["shared", "private", "locked"] as const;

/** What is mounted. */
export type MountType = typeof MOUNT_TYPES[number];
/** Whether steps that run at the same time may use a cache together. */
export type SharingMode = typeof SHARING_MODES[number];

/** One mount as written; what was not written is absent. */
export interface MountSpec {
  readonly type: MountType;
  /** A stage, a named context or an image; absent: the build context, or nothing for a cache. */
  readonly from?: string;
  readonly source?: string;
  readonly target?: string;
  readonly readOnly: boolean;
  /** Bytes, for tmpfs; absent or 0: no limit. */
  readonly size?: number;
  readonly id?: string;
  /** For caches; absent: shared. */
  readonly sharing?: SharingMode;
  /** For secrets and ssh: whether the step fails when there is none. */
  readonly required: boolean;
  /** For secrets: the variable that holds the value. */
  readonly env?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

type Draft = { -readonly [Key in keyof MountSpec]: MountSpec[Key] };

const KEYS = [
  ...["type", "from", "source", "src", "target", "dst", "destination", "readonly", "ro", "readwrite", "rw", "id"],
  ...["sharing", "required", "size", "mode", "uid", "gid", "env"],
];

const MAX_UINT32 = 2 ** 32 - 1;

/** What a mount reads, as far as its text tells before variables are known. */
export interface MountOrigin {
  /** As written. */
  readonly from?: string;
  /** Whether it is, or may turn out to be, a bind mount of the build context. */
  readonly readsContext: boolean;
}

/**
 * Checks what can be checked before variables are known: the CSV syntax, and that `from` has no variable.
 *
 * @throws {KilnError} kind `dockerfile`.
 */
export function checkMount(text: string): MountOrigin {
  let type: string = "bind";
  let from: string | undefined;
  for (const { key, value } of fieldsOf(text)) {
    if (key === "type" && value !== undefined) type = value.toLowerCase();
    if (key !== "from" || value === undefined) continue;
    const dollar = value.indexOf("$");
    if (dollar >= 0 && dollar !== value.length - 1) {
      throw badMount(text, `variables are not expanded in "from"`, {
        hint: "give the image a stage of its own: FROM $IMAGE AS name, then from=name",
      });
    }
    from = value;
  }
  const readsContext = !from && !MOUNT_TYPES.some((known) => known !== "bind" && known === type);
  return { readsContext, ...(from ? { from } : {}) };
}

/**
 * Reads one mount; `expand` replaces variables in a value.
 *
 * @throws {KilnError} kind `dockerfile`, saying which field is wrong.
 */
export function parseMount(text: string, expand: (value: string) => string): MountSpec {
  const mount: Draft = { type: "bind", readOnly: false, required: false };
  let readOnlyGiven = false;
  for (const { field, key, value } of fieldsOf(text)) {
    if (value === undefined) {
      const readOnly = READ_ONLY_KEYS.get(key);
      if (readOnly !== undefined) [mount.readOnly, readOnlyGiven] = [readOnly, true];
      else if (key === "required") {
        requireType(mount, text, { key, types: ["secret", "ssh"] });
        mount.required = true;
      } else if (KEYS.includes(key)) throw badMount(text, `"${field}" has no value`, { hint: `write ${field}=value` });
      else throw noField(text, field, key);
      continue;
    }
    readOnlyGiven ||= READ_ONLY_KEYS.has(key);
    setField(mount, text, { field, key, value: expand(value) });
  }
  if (!readOnlyGiven) mount.readOnly = mount.type !== "cache" && mount.type !== "tmpfs";
  checkCombination(mount, text);
  return mount;
}

/** Returns where a mount goes: its target joined to the working directory. */
export function mountTarget(target: string | undefined, workingDirectory: string): string {
  const written = target ?? "";
  const path = posix.isAbsolute(written) ? written : posix.join("/", workingDirectory, written);
  if (posix.normalize(path) !== "/") return path;
  if (target !== undefined) {
    throw new KilnError("dockerfile", `Cannot mount on "${target}": it is ${target === "" ? "empty" : "the root"}`);
  }
  throw new KilnError("dockerfile", "Cannot mount: the mount has no target", { hint: "say where with target=PATH" });
}

/** Returns the id of a secret, a cache or an agent; "" for mounts that have none. */
export function mountId(mount: MountSpec): string {
  switch (mount.type) {
    case "cache":
      return cacheId(mount);
    case "secret":
      return secretId(mount);
    case "ssh":
      return mount.id || "default";
    default:
      return "";
  }
}

/** Its `id` or `source`, else the last component of its target. */
function secretId(mount: MountSpec): string {
  return mount.id || mount.source || posix.basename(mount.target ?? "");
}

/** Returns the file a secret is mounted as, or undefined when it is only an environment variable. */
export function secretTarget(mount: MountSpec): string | undefined {
  if (mount.target) return mount.target;
  return mount.env === undefined ? `/run/secrets/${posix.basename(secretId(mount))}` : undefined;
}

/** Its `id`, else its target, cleaned. */
function cacheId(mount: MountSpec): string {
  return mount.id || posix.normalize(mount.target || ".").replace(/(?<=.)\/$/, "");
}

const READ_ONLY_KEYS: ReadonlyMap<string, boolean> = new Map([
  ["ro", true],
  ["readonly", true],
  ["rw", false],
  ["readwrite", false],
]);

interface Field {
  /** As written. */
  readonly field: string;
  /** Lower case. */
  readonly key: string;
  readonly value: string | undefined;
}

function fieldsOf(text: string): readonly Field[] {
  const fields = splitCsv(text);
  if (fields === undefined) {
    throw badMount(text, text === "" ? "it is empty" : "its quotes are not those of comma-separated values");
  }
  return fields.map((field) => {
    const equals = field.indexOf("=");
    return {
      field,
      key: (equals < 0 ? field : field.slice(0, equals)).toLowerCase(),
      value: equals < 0 ? undefined : field.slice(equals + 1),
    };
  });
}

function setField(mount: Draft, text: string, { field, key, value }: Field & { readonly value: string }): void {
  switch (key) {
    case "type":
      mount.type = oneOf(value, text, { key, words: MOUNT_TYPES });
      break;
    case "sharing":
      mount.sharing = oneOf(value, text, { key, words: SHARING_MODES });
      break;
    case "from":
      mount.from = value;
      break;
    case "source":
    case "src":
      mount.source = value;
      break;
    case "target":
    case "dst":
    case "destination":
      mount.target = value;
      break;
    case "id":
      mount.id = value;
      break;
    case "env":
      mount.env = value;
      break;
    case "ro":
    case "readonly":
      mount.readOnly = booleanOf(value, text, key);
      break;
    case "rw":
    case "readwrite":
      mount.readOnly = !booleanOf(value, text, key);
      break;
    case "required":
      requireType(mount, text, { key, types: ["secret", "ssh"] });
      mount.required = booleanOf(value, text, key);
      break;
    case "size":
      requireType(mount, text, { key, types: ["tmpfs"] });
      mount.size = defined(parseSize(value), text, { key, value, form: "a size such as 64m" });
      break;
    case "mode":
      mount.mode = unsigned(value, text, { key, base: 8 });
      break;
    case "uid":
    case "gid":
      mount[key] = unsigned(value, text, { key, base: 10 });
      break;
    default:
      throw noField(text, field, key);
  }
}

function checkCombination(mount: Draft, text: string): void {
  for (const key of ["mode", "uid", "gid"] as const) {
    if (mount[key] !== undefined) requireType(mount, text, { key, types: ["secret", "ssh", "cache"] });
  }
  if (mount.type === "secret") {
    if (mount.from) throw badMount(text, 'a secret has no "from"');
    if (!mount.source && !mount.target && !mount.id) throw badMount(text, "a secret needs an id, a source or a target");
    if (mount.source && mount.id) throw badMount(text, 'a secret has either "id" or "source"');
  }
  if (mount.type === "ssh" && mount.source) throw badMount(text, 'ssh has no "source"');
  if (mount.sharing !== undefined) requireType(mount, text, { key: "sharing", types: ["cache"] });
}

function requireType(
  mount: Draft,
  text: string,
  { key, types }: { readonly key: string; readonly types: readonly MountType[] },
): void {
  if (types.includes(mount.type)) return;
  const late = new RegExp(`(^|,)"?type=(${types.join("|")})`, "i").test(text);
  throw badMount(text, `"${key}" does not fit a mount of type ${mount.type}`, {
    hint: late
      ? `put type= in front of ${key}`
      : `it belongs to type ${types.join(", ").replace(/, (\w+)$/, " or $1")}`,
  });
}

function oneOf<T extends string>(
  value: string,
  text: string,
  { key, words }: { readonly key: string; readonly words: readonly T[] },
): T {
  const found = words.find((word) => word === value.toLowerCase());
  if (found !== undefined) return found;
  throw badMount(text, `${key}="${value}" is not known`, {
    hint: `one of ${words.join(", ")}`,
    ...didYouMean(value, words),
  });
}

function booleanOf(value: string, text: string, key: string): boolean {
  return defined(parseBoolean(value), text, { key, value, form: "true or false" });
}

function unsigned(value: string, text: string, how: { readonly key: string; readonly base: 8 | 10 }): number {
  const form = how.base === 8 ? "an octal number" : `a number from 0 to ${MAX_UINT32}`;
  const digits = how.base === 8 ? /^[0-7]+$/ : /^[0-9]+$/;
  const number = digits.test(value) ? Number.parseInt(value, how.base) : NaN;
  return defined(number <= MAX_UINT32 ? number : undefined, text, { key: how.key, value, form });
}

function defined<T>(
  found: T | undefined,
  text: string,
  { key, value, form }: { readonly key: string; readonly value: string; readonly form: string },
): T {
  if (found !== undefined) return found;
  throw badMount(text, `${key}="${value}" is not ${form}`);
}

function noField(text: string, field: string, key: string): KilnError {
  if (field === "") return badMount(text, "a field is empty");
  return badMount(text, `"${field}" is no field of a mount`, didYouMean(key, KEYS));
}

function badMount(text: string, state: string, options: { readonly hint?: string } = {}): KilnError {
  return new KilnError("dockerfile", `Cannot parse --mount="${text}": ${state}`, options);
}
