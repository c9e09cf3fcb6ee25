/**
 * The second pass over a pack: applies every delta once, to find out the object's name.
 *
 * Depth first, so that a base is still at hand when its deltas are applied, and without recursion: a pack says how deep
 * its chains are.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readRange } from "./held_object.ts";
import { malformedPack } from "./malformed.ts";
import type { ObjectReader } from "./object_reader.ts";
import { NO_BASE, type ObjectTable, UNKNOWN_BASE } from "./object_table.ts";
import { nameOfType } from "./object_type.ts";
import type { PackLimits } from "./pack_limits.ts";

/**
 * Gives every object of the table its type and id, and makes them findable.
 *
 * @throws {KilnError} kind `integrity`, for deltas that do not fit, have no base or go round in a circle.
 */
export function resolveDeltas(reader: ObjectReader, limits: PackLimits): void {
  const { table } = reader;
  const family = new Family(table.count);
  const unknown: number[] = [];
  for (let index = 0; index < table.count; index++) {
    const base = table.base(index);
    if (base === NO_BASE) table.index(index);
    else if (base === UNKNOWN_BASE) unknown.push(index);
    else family.add(base, index);
  }
  for (let index = 0; index < table.count; index++) {
    if (table.base(index) === NO_BASE) resolveBelow(index, { reader, family, limits });
  }
  // Deltas that name their base: it may itself be one of them, so until nothing more is found.
  let left = unknown;
  while (left.length > 0) {
    const found = left.filter((index) => adopt(index, table));
    if (found.length === 0) throw malformedPack(`the base of ${left.length} of its deltas is not in it`);
    const adopted = new Set(found);
    left = left.filter((index) => !adopted.has(index));
    for (const index of found) {
      resolveOne(index, reader);
      resolveBelow(index, { reader, family, limits });
    }
  }
}

/** Finds the base of a delta that names it. */
function adopt(index: number, table: ObjectTable): boolean {
  const base = table.find(table.idBytes(index));
  if (base === undefined) return false;
  table.setBase(index, base);
  return true;
}

/** Which deltas have which base, as linked lists. */
class Family {
  readonly #first: Int32Array;
  readonly #next: Int32Array;

  constructor(count: number) {
    this.#first = new Int32Array(count).fill(-1);
    this.#next = new Int32Array(count).fill(-1);
  }

  add(base: number, child: number): void {
    this.#next[child] = this.#first[base] ?? -1;
    this.#first[base] = child;
  }

  firstChild(index: number): number {
    return this.#first[index] ?? -1;
  }

  nextSibling(index: number): number {
    return this.#next[index] ?? -1;
  }
}

interface Work {
  readonly reader: ObjectReader;
  readonly family: Family;
  readonly limits: PackLimits;
}

function resolveBelow(root: number, { reader, family, limits }: Work): void {
  const { table } = reader;
  let at = root;
  let depth = 0;
  for (;;) {
    const child = family.firstChild(at);
    if (child >= 0) {
      if (++depth > limits.maxDepth) throw malformedPack(`it has more than ${limits.maxDepth} deltas upon deltas`);
      at = child;
    } else {
      while (at !== root && family.nextSibling(at) < 0) {
        at = table.base(at);
        depth--;
      }
      if (at === root) return;
      at = family.nextSibling(at);
    }
    resolveOne(at, reader);
  }
}

function resolveOne(index: number, reader: ObjectReader): void {
  const { table } = reader;
  const type = table.type(table.base(index));
  const held = reader.hold(index);
  const hash = createHash("sha1").update(`${nameOfType(type)} ${held.size}\0`);
  readRange(held, { from: 0, length: held.size }, (bytes) => {
    hash.update(bytes);
  });
  table.resolve(index, { type, id: hash.digest() });
  table.index(index);
}
