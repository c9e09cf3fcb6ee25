import assert from "node:assert/strict";
import { readRing, RingWriter } from "../../../lib/io/byte_ring.ts";
import { collect, sampleText } from "./byte_pieces.ts";

const RING = 64;

/** Waiting for another thread does not keep a thread alive, as the Worker of a build does. */
async function alive<T>(body: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1000);
  try {
    return await body();
  } finally {
    clearInterval(timer);
  }
}

async function writeAll(ring: RingWriter, bytes: Uint8Array, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) assert.ok(await ring.write(bytes.subarray(at, at + size)));
  ring.end("complete");
}

Deno.test("readRing(), gives what was written, whatever the sizes of chunks and ring", async () => {
  const bytes = sampleText(5000);
  for (const size of [1, 7, RING - 1, RING, RING + 1, 3 * RING + 5, bytes.length]) {
    const ring = new RingWriter(RING);
    const [read] = await alive(() => Promise.all([collect(readRing(ring.shared)), writeAll(ring, bytes, size)]));
    assert.deepEqual(read, bytes, `chunks of ${size}`);
  }
});

Deno.test("RingWriter, goes on beyond 4 GiB, where its counters start again", async () => {
  const ring = new RingWriter(RING);
  const start = 2 ** 32 - 32;
  // As if so much had been written and read.
  ring.reached(start);
  Atomics.store(new Int32Array(ring.shared), 1, start | 0);
  const bytes = sampleText(500);
  const [read] = await alive(() => Promise.all([collect(readRing(ring.shared)), writeAll(ring, bytes, 50)]));
  assert.deepEqual(read, bytes);
});

Deno.test("RingWriter, takes parts in any order, as far as there is room", async () => {
  const bytes = sampleText(1000);
  const ring = new RingWriter(RING);
  const read = collect(readRing(ring.shared));
  await alive(async () => {
    for (let front = 0; front < bytes.length; front += RING / 2) {
      const parts = [front + 16, front].map((at) => [at, bytes.subarray(at, at + 16)] as const);
      assert.ok(await ring.room(front + RING / 2));
      for (const [at, part] of parts) ring.put(at, part);
      ring.reached(Math.min(bytes.length, front + RING / 2));
    }
    ring.end("complete");
    assert.deepEqual(await read, bytes);
  });
});

Deno.test("readRing(), ends at once when nothing was written", async () => {
  const ring = new RingWriter(RING);
  ring.end("complete");
  assert.deepEqual(await collect(readRing(ring.shared)), new Uint8Array());
});

Deno.test("readRing(), fails when the writer has failed, though there is something to read", async () => {
  const ring = new RingWriter(RING);
  await ring.write(sampleText(10));
  ring.end("failed");
  await assert.rejects(readRing(ring.shared).next(), { kind: "interrupted" });
});

Deno.test("RingWriter, waits for no reader that has left or is gone", () =>
  alive(async () => {
    const left = new RingWriter(RING);
    const writing = left.write(sampleText(5 * RING));
    for await (const _ of readRing(left.shared)) break;
    assert.equal(await writing, false);
    const gone = new RingWriter(RING);
    const waiting = gone.write(sampleText(5 * RING));
    gone.abandon();
    assert.equal(await waiting, false);
  }));

Deno.test("RingWriter, hands bytes to another thread", async () => {
  const bytes = sampleText(3_000_000);
  const ring = new RingWriter();
  const source = `
    import { readRing } from "${new URL("../../../lib/io/byte_ring.ts", import.meta.url)}";
    import { createHash } from "node:crypto";
    self.onmessage = async ({ data }) => {
      const hash = createHash("sha256");
      for await (const chunk of readRing(data)) hash.update(chunk);
      self.postMessage(hash.digest("hex"));
    };`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, { type: "module" });
  try {
    const digest = new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
    worker.postMessage(ring.shared);
    await writeAll(ring, bytes, 65_536);
    const expected = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assert.equal(await digest, expected);
  } finally {
    worker.terminate();
  }
});
