/**
 * Reads whole archives in tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import type { TarEntry } from "../../../lib/tar/entry.ts";
import type { TarLimits } from "../../../lib/tar/limits.ts";
import { TarReader } from "../../../lib/tar/reader.ts";

/** An entry and its content. */
export interface ReadEntry {
  readonly entry: TarEntry;
  readonly content: Uint8Array;
}

/** How to read. */
export interface ReadOptions {
  /** Sizes of the pieces, used in turn; the whole in one piece unless told. */
  readonly pieces?: readonly number[];
  readonly limits?: Partial<TarLimits>;
}

/** Reads an archive; checks that the calls of the handler come in order and that sizes are kept. */
export function readAll(archive: Uint8Array, options: ReadOptions = {}): readonly ReadEntry[] {
  const entries: ReadEntry[] = [];
  let current: { entry: TarEntry; parts: Uint8Array[]; length: number } | undefined;
  const reader = new TarReader({
    entry(entry): void {
      assert.equal(current, undefined, "entry() before entryEnd()");
      current = { entry, parts: [], length: 0 };
    },
    data(bytes): void {
      assert.ok(current !== undefined && bytes.length > 0);
      current.parts.push(bytes.slice());
      current.length += bytes.length;
    },
    entryEnd(): void {
      assert.ok(current !== undefined);
      assert.equal(current.length, current.entry.size);
      entries.push({ entry: current.entry, content: concat(current.parts) });
      current = undefined;
    },
  }, options.limits);
  const sizes = options.pieces ?? [archive.length];
  for (let at = 0, turn = 0; at < archive.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1);
    // a copy that is wiped after use: nothing may be kept of a piece
    const piece = archive.slice(at, at + size);
    reader.push(piece);
    piece.fill(0xee);
    at += size;
  }
  reader.end();
  return entries;
}

/** Returns the names in an archive. */
export function namesOf(archive: Uint8Array): readonly string[] {
  return readAll(archive).map(({ entry }) => entry.name);
}

/** Checks that an archive is refused with exactly this message. */
export function assertRefused(archive: Uint8Array, message: string | RegExp, options: ReadOptions = {}): void {
  assert.throws(() => readAll(archive, options), (error) => {
    assert.ok(error instanceof KilnError, `${error}`);
    assert.equal(error.kind, "integrity");
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
