/**
 * What the devices of one command give it, with everything looked up that the host knows.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { type BytePath, bytePathOf } from "../../io/byte_path.ts";
import { AT_FDCWD } from "../../sys/file.ts";
import { S, type Stat, tryStatAt } from "../../sys/stat.ts";
import type { BindMount, DeviceNode } from "../spec.ts";
import type { NamedDevice } from "./cdi_devices.ts";
import type { CdiMount, CdiNode } from "./cdi_spec.ts";

/** What a command gets. */
export interface DeviceEdits {
  /** `NAME=value`. */
  readonly environment: readonly BytePath[];
  readonly nodes: readonly DeviceNode[];
  readonly mounts: readonly BindMount[];
  /** More groups. */
  readonly groups: readonly number[];
}

/** No device. */
export const NO_DEVICES: DeviceEdits = { environment: [], nodes: [], mounts: [], groups: [] };

/**
 * Puts together what some devices need. Each counts once, and what a file has for all its devices, too.
 *
 * @throws {KilnError} kind `run`, for what is not there, and for what such a device may ask for and is not done here
 */
export function editsOf(devices: readonly NamedDevice[]): DeviceEdits {
  const specs = new Set<NamedDevice["spec"]>();
  const distinct = [...new Map(devices.map((device) => [device.name, device])).values()];
  const all = distinct.flatMap(({ name, file, edits, spec }) => {
    const shared = specs.has(spec) ? [] : [spec.edits];
    specs.add(spec);
    return [...shared, edits].map((edits) => ({ edits, refuse: refusalOf(name, file) }));
  });
  for (const { edits: { refused: [found] }, refuse } of all) if (found !== undefined) throw refuse(`it has ${found}`);
  return {
    environment: all.flatMap(({ edits }) => edits.environment.map(bytePathOf)),
    nodes: all.flatMap(({ edits, refuse }) => edits.nodes.map((node) => deviceNode(node, refuse))),
    mounts: all.flatMap(({ edits, refuse }) => edits.mounts.map((mount) => bindMount(mount, refuse))),
    groups: all.flatMap(({ edits }) => edits.groups),
  };
}

type Refuse = (why: string) => KilnError;

function refusalOf(name: string, file: string): Refuse {
  return (why) => new KilnError("run", `Cannot give the command the device ${name}: ${why}`, { hint: `see "${file}"` });
}

const TYPES = { block: S.IFBLK, character: S.IFCHR, fifo: S.IFIFO } as const;

function deviceNode(node: CdiNode, refuse: Refuse): DeviceNode {
  const found = tryStatAt(AT_FDCWD, bytePathOf(node.hostPath));
  const numbers = node.major === undefined ? hostNumbers(node, found) : node;
  const type = node.type === undefined ? hostType(found) : TYPES[node.type];
  if (numbers === undefined || type === undefined) {
    throw refuse(`"${node.hostPath}" is ${found === undefined ? "not on this machine" : "no device"}`);
  }
  return {
    path: bytePathOf(node.path),
    source: bytePathOf(node.hostPath),
    mode: type | (node.mode ?? (found === undefined ? 0o666 : found.mode & 0o777)),
    major: numbers.major ?? 0,
    minor: numbers.minor ?? 0,
    uid: node.uid ?? found?.uid ?? 0,
    gid: node.gid ?? found?.gid ?? 0,
  };
}

function hostType(found: Stat | undefined): number | undefined {
  const type = found === undefined ? undefined : found.mode & S.IFMT;
  return type === S.IFBLK || type === S.IFCHR || type === S.IFIFO ? type : undefined;
}

function hostNumbers({ type }: CdiNode, found: Stat | undefined): Pick<CdiNode, "major" | "minor"> | undefined {
  if (type === "fifo") return {};
  return hostType(found) === undefined ? undefined : { major: found?.rdevMajor ?? 0, minor: found?.rdevMinor ?? 0 };
}

function bindMount({ hostPath, containerPath, readOnly }: CdiMount, refuse: Refuse): BindMount {
  let isDirectory: boolean;
  try {
    ({ isDirectory } = Deno.statSync(hostPath));
  } catch (error) {
    throw refuse(
      `"${hostPath}" ${error instanceof Deno.errors.NotFound ? "is not on this machine" : "cannot be read"}`,
    );
  }
  return {
    kind: "bind",
    source: bytePathOf(hostPath),
    target: bytePathOf(containerPath),
    type: isDirectory ? "directory" : "file",
    readOnly,
  };
}
