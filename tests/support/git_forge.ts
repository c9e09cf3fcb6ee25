/**
 * Packs made byte by byte, for what git itself would never write.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";

/** The type of an object in a pack, by its number. */
const TYPES = { commit: 1, tree: 2, blob: 3, tag: 4, offset: 6, reference: 7 } as const;

/** An object as it is to stand in the pack. */
export type ForgedObject =
  | {
    readonly type: "commit" | "tree" | "blob" | "tag";
    readonly content: Uint8Array;
    /** What the header says, when it is not the truth. */
    readonly size?: number;
  }
  | { readonly type: "offset"; readonly base: number; readonly delta: Uint8Array }
  | { readonly type: "reference"; readonly base: string; readonly delta: Uint8Array }
  | { readonly type: "raw"; readonly bytes: Uint8Array };

/** Returns the id of an object. */
export function idOf(type: "commit" | "tree" | "blob" | "tag", content: Uint8Array): string {
  return createHash("sha1").update(`${type} ${content.length}\0`).update(content).digest("hex");
}

/** Makes a pack. An offset delta names its base by its place in the list, counted from 0. */
export function forgePack(objects: readonly ForgedObject[], count = objects.length): Buffer {
  const header = Buffer.from("PACK\0\0\0\x02\0\0\0\0", "latin1");
  header.writeUInt32BE(count, 8);
  const parts: Uint8Array[] = [header];
  const offsets: number[] = [];
  let position = header.length;
  for (const object of objects) {
    const bytes = encode(object, position, offsets);
    offsets.push(position);
    parts.push(bytes);
    position += bytes.length;
  }
  const body = Buffer.concat(parts);
  return Buffer.concat([body, createHash("sha1").update(body).digest()]);
}

function encode(object: ForgedObject, position: number, offsets: readonly number[]): Uint8Array {
  if (object.type === "raw") return object.bytes;
  const content = "delta" in object ? object.delta : object.content;
  const size = "size" in object && object.size !== undefined ? object.size : content.length;
  const base = object.type === "offset"
    ? distance(position - (offsets[object.base] ?? 0))
    : object.type === "reference"
    ? Buffer.from(object.base, "hex")
    : Buffer.alloc(0);
  return Buffer.concat([objectHeader(TYPES[object.type], size), base, deflateSync(content)]);
}

function objectHeader(type: number, size: number): Uint8Array {
  const bytes = [(type << 4) | (size % 16)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 0x80;
    bytes.push(rest % 128);
  }
  return Uint8Array.from(bytes);
}

function distance(value: number): Uint8Array {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift(0x80 | (--rest & 0x7f));
  return Uint8Array.from(bytes);
}

/** Makes a delta of instructions. */
export function forgeDelta(base: number, result: number, ...instructions: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([varint(base), varint(result), ...instructions]);
}

/** An instruction that copies from the base. */
export function copy(from: number, length: number): Uint8Array {
  const bytes = [0xff];
  for (let at = 0; at < 4; at++) bytes.push(Math.floor(from / 2 ** (8 * at)) % 256);
  for (let at = 0; at < 3; at++) bytes.push(Math.floor(length / 2 ** (8 * at)) % 256);
  return Uint8Array.from(bytes);
}

/** An instruction that inserts up to 127 bytes. */
export function insert(text: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(text.length), Buffer.from(text, "latin1")]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(rest % 128 + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

/** Makes the content of a tree, in the order given. */
export function forgeTree(entries: readonly (readonly [mode: string, name: string, id: string])[]): Buffer {
  return Buffer.concat(
    entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`, "latin1"), Buffer.from(id, "hex")]),
  );
}

/** Makes the content of a commit. */
export function forgeCommit(tree: string): Buffer {
  return Buffer.from(`tree ${tree}\nauthor A <a@b> 1700000000 +0000\ncommitter A <a@b> 1700000000 +0000\n\nm\n`);
}

/** Makes the objects of a commit with one flat tree, and returns its id with them. */
export function forgeFlat(
  entries: readonly (readonly [mode: string, name: string, id: string])[],
  others: readonly ForgedObject[] = [],
): { readonly id: string; readonly objects: readonly ForgedObject[] } {
  const tree = forgeTree(entries);
  const commit = forgeCommit(idOf("tree", tree));
  return {
    id: idOf("commit", commit),
    objects: [{ type: "commit", content: commit }, { type: "tree", content: tree }, ...others],
  };
}
