import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { TarReader } from "../../../lib/tar/reader.ts";
import { LayerExtractor } from "../../../lib/tree/extract.ts";
import { ON_DISK } from "../../../lib/tree/metadata_access.ts";
import { archive, entry } from "../../support/tar_forge.ts";

/** Unpacks an archive into a new directory, which may hold so many files and directories. */
function unpack(tar: Uint8Array, most: number): void {
  const directory = Deno.makeTempDirSync({ prefix: "kiln-extract-" });
  const root = openSync(directory, "r");
  const extractor = new LayerExtractor(root, { form: "applied", most, metadata: ON_DISK });
  try {
    const reader = new TarReader(extractor);
    reader.push(tar);
    reader.end();
    extractor.finish();
  } catch (error) {
    extractor.abandon();
    throw error;
  } finally {
    closeSync(root);
    Deno.removeSync(directory, { recursive: true });
  }
}

// S26. Guard: #count in lib/tree/extract.ts. The limit on entries of lib/tar alone let 4,194,304 names of 4,095 bytes
// make 2,047 directories each.
Deno.test("LayerExtractor S26 directories that no entry names, count as what an archive makes", () => {
  const tar = archive(entry({ name: "a/b/c/d" }, "x"), entry({ name: "a/b/e" }, "y"));
  unpack(tar, 5);
  assert.throws(() => unpack(tar, 4), {
    message: 'Cannot unpack "a/b/e": the archive makes more than 4 files and directories',
  });
  assert.throws(() => unpack(tar, 2), {
    message: 'Cannot unpack "a/b/c/d": the archive makes more than 2 files and directories',
  });
});
