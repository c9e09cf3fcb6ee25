/**
 * Reading an archive from a stream.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readTarStream } from "../../../lib/tar/read_stream.ts";
import * as forge from "../../support/tar_forge.ts";

/** Yields pieces and keeps count of them, and of whether it was closed. */
class Pieces {
  given = 0;
  closed = false;

  constructor(readonly archive: Uint8Array, readonly size: number) {}

  async *stream(): AsyncGenerator<Uint8Array> {
    try {
      for (let at = 0; at < this.archive.length; at += this.size) {
        await Promise.resolve();
        yield this.archive.subarray(at, at + this.size);
        this.given += this.size;
      }
    } finally {
      this.closed = true;
    }
  }
}

const nothing = (): void => undefined;

Deno.test("readTarStream(), reads to the end of the stream, not only of the archive", async () => {
  // ggcr#2303: a reader that stops at the end marker never sees what a digest over the stream must cover
  const source = new Pieces(forge.join(forge.archive(forge.entry()), new Uint8Array(100_000)), 1000);
  const names: string[] = [];
  const handler = {
    entry: (entry: { name: string }): unknown => names.push(entry.name),
    data: nothing,
    entryEnd: nothing,
  };
  await readTarStream(source.stream(), { handler });
  assert.deepEqual(names, ["file"]);
  assert.ok(source.given >= source.archive.length);
});

Deno.test("readTarStream(), closes the stream when the archive is malformed", async () => {
  const source = new Pieces(forge.join(forge.entry({ checksum: "wrong" }), new Uint8Array(100_000)), 1000);
  const handler = { entry: nothing, data: nothing, entryEnd: nothing };
  await assert.rejects(readTarStream(source.stream(), { handler }), { name: "KilnError", kind: "integrity" });
  assert.equal(source.given, 0);
  assert.ok(source.closed);
});

Deno.test("readTarStream(), fails on a truncated archive and takes limits", async () => {
  const handler = { entry: nothing, data: nothing, entryEnd: nothing };
  const archive = forge.join(forge.entry(), forge.entry());
  await assert.rejects(readTarStream(new Pieces(archive.slice(0, 700), 100).stream(), { handler }), /truncated/);
  const limits = { maxEntries: 1 };
  await assert.rejects(readTarStream(new Pieces(archive, 100).stream(), { handler, limits }), /more than 1 entries/);
});
