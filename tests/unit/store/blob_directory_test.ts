import assert from "node:assert/strict";
import { digestOf } from "../../../lib/oci/digest.ts";
import { BlobDirectory } from "../../../lib/store/blob_directory.ts";

const BYTES = Uint8Array.from({ length: 600_000 }, (_, at) => at * 7 % 251);

async function withDirectory(body: (store: BlobDirectory, path: string) => Promise<void>): Promise<void> {
  const path = Deno.makeTempDirSync();
  try {
    await body(new BlobDirectory(path), path);
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

async function read(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks.map((chunk) => new Uint8Array(chunk))).arrayBuffer());
}

Deno.test("BlobDirectory, a blob has its name only when it was adopted", () =>
  withDirectory(async (store) => {
    const digest = digestOf(BYTES);
    const temporary = store.temporaryPath();
    Deno.writeFileSync(temporary, BYTES);
    assert.equal(await store.has(digest), false);
    assert.equal(await store.adopt(temporary, digest), store.pathOf(digest));
    assert.equal(await store.has(digest), true);
    assert.throws(() => Deno.statSync(temporary), Deno.errors.NotFound);
  }));

Deno.test("BlobDirectory, temporary paths are all different, beside the blobs and never taken for one", () =>
  withDirectory((store, path) => {
    const paths = Array.from({ length: 100 }, () => store.temporaryPath());
    assert.equal(new Set(paths).size, 100);
    for (const temporary of paths) {
      assert.ok(temporary.startsWith(`${path}/`));
      assert.doesNotMatch(temporary, /\/[0-9a-f]{64}$/);
    }
    return Promise.resolve();
  }));

Deno.test("BlobDirectory, a blob adopted twice is the same blob", () =>
  withDirectory(async (store) => {
    const digest = digestOf(BYTES);
    for (let time = 0; time < 2; time++) {
      const temporary = store.temporaryPath();
      Deno.writeFileSync(temporary, BYTES);
      await store.adopt(temporary, digest);
    }
    assert.deepEqual(await read(store.source(digest).open()), BYTES);
  }));

Deno.test("BlobDirectory, a source can be read again and again, from any place, also side by side", () =>
  withDirectory(async (store) => {
    const digest = digestOf(BYTES);
    Deno.writeFileSync(store.pathOf(digest), BYTES);
    const source = store.source(digest);
    const offsets = [0, 1, 262_143, 262_144, 599_999, 600_000];
    const found = await Promise.all(offsets.map((offset) => read(source.open(offset))));
    for (const [at, offset] of offsets.entries()) assert.deepEqual(found[at], BYTES.subarray(offset));
  }));

Deno.test("BlobDirectory, a source that is not read to its end closes its file", () =>
  withDirectory(async (store) => {
    const digest = digestOf(BYTES);
    Deno.writeFileSync(store.pathOf(digest), BYTES);
    for await (const chunk of store.source(digest).open()) {
      assert.equal(chunk.length, 262_144);
      break;
    }
  }));

Deno.test("BlobDirectory, chunks stay as they are when the next one is read", () =>
  withDirectory(async (store) => {
    const digest = digestOf(BYTES);
    Deno.writeFileSync(store.pathOf(digest), BYTES);
    const chunks: Uint8Array[] = [];
    for await (const chunk of store.source(digest).open()) chunks.push(chunk);
    assert.equal(new Set(chunks.map(({ buffer }) => buffer)).size, chunks.length);
  }));

Deno.test("BlobDirectory, a blob that is not here", () =>
  withDirectory(async (store) => {
    const digest = digestOf(BYTES);
    assert.equal(await store.has(digest), false);
    await assert.rejects(read(store.source(digest).open()), Deno.errors.NotFound);
  }));
