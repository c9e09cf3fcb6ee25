/**
 * The index beside a pack, version 2 (gitformat-pack(5)): what git finds objects in it by.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { writeAll } from "../sys/file.ts";
import { ID_BYTES } from "./object_id.ts";
import type { ObjectTable } from "./object_table.ts";

/** From here on an offset has its place in the table of large ones. */
const LARGE = 0x8000_0000;

/** Writes the index of a pack. @param packChecksum the last 20 bytes of the pack */
export function writePackIndex(fd: number, table: ObjectTable, packChecksum: Uint8Array): void {
  const order = sorted(table);
  const hash = createHash("sha1");
  const write = (bytes: Uint8Array<ArrayBuffer>): void => {
    hash.update(bytes);
    writeAll(fd, bytes);
  };
  write(Uint8Array.of(0xff, 0x74, 0x4f, 0x63, 0, 0, 0, 2));
  write(fanout(table));
  writeColumn(order, ID_BYTES, write, (index, view, at) => {
    new Uint8Array(view.buffer).set(table.idBytes(index), at);
  });
  writeColumn(order, 4, write, (index, view, at) => view.setUint32(at, table.checksum(index)));
  let large = 0;
  writeColumn(order, 4, write, (index, view, at) => {
    const offset = table.offset(index);
    view.setUint32(at, offset < LARGE ? offset : LARGE + large++);
  });
  const beyond = order.filter((index) => table.offset(index) >= LARGE);
  writeColumn(beyond, 8, write, (index, view, at) => view.setBigUint64(at, BigInt(table.offset(index))));
  write(new Uint8Array(packChecksum));
  writeAll(fd, new Uint8Array(hash.digest()));
}

function sorted(table: ObjectTable): Uint32Array {
  const order = new Uint32Array(table.count).map((_, index) => index);
  return order.sort((a, b) => compare(table.idBytes(a), table.idBytes(b)));
}

function compare(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < ID_BYTES; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** How many objects have a first byte up to each value. */
function fanout(table: ObjectTable): Uint8Array<ArrayBuffer> {
  const counts = new Uint32Array(256);
  for (let index = 0; index < table.count; index++) {
    const first = table.idBytes(index)[0] ?? 0;
    counts[first] = (counts[first] ?? 0) + 1;
  }
  const view = new DataView(new ArrayBuffer(1024));
  let sum = 0;
  for (const [at, count] of counts.entries()) view.setUint32(at * 4, sum += count);
  return new Uint8Array(view.buffer);
}

const ROWS_AT_A_TIME = 4_096;

function writeColumn(
  order: Uint32Array,
  width: number,
  write: (bytes: Uint8Array<ArrayBuffer>) => void,
  fill: (index: number, view: DataView<ArrayBuffer>, at: number) => void,
): void {
  for (let start = 0; start < order.length; start += ROWS_AT_A_TIME) {
    const rows = order.subarray(start, start + ROWS_AT_A_TIME);
    const view = new DataView(new ArrayBuffer(rows.length * width));
    for (const [row, index] of rows.entries()) fill(index, view, row * width);
    write(new Uint8Array(view.buffer));
  }
}
