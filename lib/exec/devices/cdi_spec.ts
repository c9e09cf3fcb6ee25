/**
 * Specifications of the Container Device Interface: which devices there are, and what a container needs for each.
 *
 * https://github.com/cncf-tags/container-device-interface/blob/main/SPEC.md. What can be asked for there and is not done
 * here is kept by name, so that only who uses it is refused.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import {
  asArray,
  asObject,
  type Fields,
  optionalInteger,
  optionalRecord,
  optionalString,
  optionalStrings,
  requiredString,
} from "../../oci/json.ts";

/** A device node, as a specification has it. */
export interface CdiNode {
  /** In the container. */
  readonly path: string;
  readonly hostPath: string;
  /** Absent: that of the host. */
  readonly type?: "block" | "character" | "fifo";
  readonly major?: number;
  readonly minor?: number;
  /** Permission bits. */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** A file or directory of the host. */
export interface CdiMount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
}

/** What a container gets. */
export interface CdiEdits {
  /** `NAME=value`. */
  readonly environment: readonly string[];
  readonly nodes: readonly CdiNode[];
  readonly mounts: readonly CdiMount[];
  /** More groups of the process. */
  readonly groups: readonly number[];
  /** What else it asks for: each in words that follow "it has". */
  readonly refused: readonly string[];
}

/** One device. */
export interface CdiDevice {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly edits: CdiEdits;
}

/** One file of devices of one kind. */
export interface CdiSpec {
  /** `vendor/class`. */
  readonly kind: string;
  readonly devices: readonly CdiDevice[];
  /** Of each of them. */
  readonly edits: CdiEdits;
}

const KIND = /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?\/[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?$/;
const DEVICE = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/** Reads a specification. @throws {KilnError} kind `integrity`, naming the file */
export function parseCdiSpec(document: unknown, what: string): CdiSpec {
  const fields = asObject(document, what);
  requiredString(fields, "cdiVersion", what);
  const kind = requiredString(fields, "kind", what);
  if (!KIND.test(kind)) throw malformed(what, `its kind "${kind}" is not of the form VENDOR/CLASS`);
  const shared = optionalRecord(fields, "annotations", what) ?? {};
  const devices = asArray(fields["devices"], `the devices of ${what}`).map((value) => {
    const device = asObject(value, `a device of ${what}`);
    const name = requiredString(device, "name", `a device of ${what}`);
    if (!DEVICE.test(name)) throw malformed(what, `"${name}" is no name of a device`);
    const own = `the device "${name}" of ${what}`;
    const annotations = { ...shared, ...optionalRecord(device, "annotations", own) };
    return { name, annotations, edits: parseEdits(device["containerEdits"], own) };
  });
  return { kind, devices, edits: parseEdits(fields["containerEdits"], what) };
}

function parseEdits(value: unknown, what: string): CdiEdits {
  const fields = asObject(value ?? {}, `what ${what} asks for`);
  const environment = optionalStrings(fields, "env", what) ?? [];
  const bad = environment.find((line) => !/^[^=\0]+=[^\0]*$/.test(line));
  if (bad !== undefined) throw malformed(what, `"${bad}" is not NAME=VALUE`);
  const mounts = objects(fields, "mounts", what).map((mount) => parseMount(mount, what));
  const nodes = objects(fields, "deviceNodes", what).map((node) => parseNode(node, what));
  const groups = asArray(fields["additionalGids"], `the groups of ${what}`);
  if (!groups.every((id) => Number.isSafeInteger(id))) throw malformed(what, "a group is not a number");
  return {
    environment,
    nodes,
    mounts: mounts.flatMap(({ mount }) => mount ?? []),
    // As the specification has it: 0 means nothing.
    groups: (groups as readonly number[]).filter((id) => id !== 0),
    refused: [
      ...(objects(fields, "hooks", what).length > 0 ? ["hooks, which are not run"] : []),
      ...(objects(fields, "netDevices", what).length > 0 ? ["network devices, which are not moved"] : []),
      ...("intelRdt" in fields ? ["settings of Intel RDT, which are not made"] : []),
      ...nodes.filter(({ path }) => !isInDev(path)).map(({ path }) => `"${path}", a device node outside of /dev`),
      ...mounts.flatMap(({ refused }) => refused ?? []),
    ],
  };
}

function isInDev(path: string): boolean {
  return path.startsWith("/dev/") &&
    !path.split("/").some((name, at) => at > 0 && (name === "" || /^\.\.?$/.test(name)));
}

function objects(fields: Fields, name: string, what: string): readonly Fields[] {
  return asArray(fields[name], `"${name}" of ${what}`).map((value) => asObject(value, `"${name}" of ${what}`));
}

const NODE_TYPES = { b: "block", c: "character", u: "character", p: "fifo" } as const;

function parseNode(fields: Fields, what: string): CdiNode {
  const path = absolute(requiredString(fields, "path", what), what);
  const type = optionalString(fields, "type", what) || undefined;
  const found = type === undefined ? undefined : Object.entries(NODE_TYPES).find(([letter]) => letter === type)?.[1];
  if (type !== undefined && found === undefined) throw malformed(what, `"${type}" is no type of a device`);
  const number = (name: string): number | undefined => {
    const value = optionalInteger(fields, name, what);
    if (value !== undefined && (value < 0 || value > 0xffff_ffff)) throw malformed(what, `"${name}" is out of range`);
    return value;
  };
  const [major, minor, mode, uid, gid] = ["major", "minor", "fileMode", "uid", "gid"].map(number);
  return {
    path,
    hostPath: absolute(optionalString(fields, "hostPath", what) || path, what),
    ...(found === undefined ? {} : { type: found }),
    // Without a major number both are those of the host.
    ...(major === undefined || major === 0 ? {} : { major, minor: minor ?? 0 }),
    ...(mode === undefined ? {} : { mode: mode & 0o777 }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

/** Options that say what a mount is here in any case, or nothing. */
const USUAL_OPTIONS = /^(?:bind|rbind|rw|ro|nosuid|nodev|r?private|r?slave|)$/;

function parseMount(fields: Fields, what: string): { readonly mount?: CdiMount; readonly refused?: string } {
  const containerPath = absolute(requiredString(fields, "containerPath", what), what);
  const hostPath = requiredString(fields, "hostPath", what);
  const type = optionalString(fields, "type", what) || "bind";
  const options = optionalStrings(fields, "options", what) ?? [];
  const unknown = options.find((option) => !USUAL_OPTIONS.test(option));
  const shown = `a mount on "${containerPath}"`;
  if (type !== "bind" && type !== "none") return { refused: `${shown} of the type "${type}"` };
  if (unknown !== undefined) return { refused: `${shown} with the option "${unknown}"` };
  return { mount: { hostPath: absolute(hostPath, what), containerPath, readOnly: options.includes("ro") } };
}

function absolute(path: string, what: string): string {
  if (path.startsWith("/") && !path.includes("\0")) return path;
  throw malformed(what, `"${path}" is not an absolute path`);
}

function malformed(what: string, why: string): KilnError {
  return new KilnError("integrity", `Cannot read ${what}: ${why}`);
}
