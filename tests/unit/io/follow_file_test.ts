import assert from "node:assert/strict";
import { FileProgress, followFile } from "../../../lib/io/follow_file.ts";

Deno.test("followFile, does not read what the writer has not announced, though the file is longer", async () => {
  const path = await Deno.makeTempFile({ prefix: "kiln-follow-" });
  try {
    // The last part came first; before it is a gap.
    await Deno.writeFile(path, new Uint8Array([1, 2, 3, 0, 0, 0, 7, 8, 9]));
    const progress = new FileProgress();
    progress.written(3);
    const chunks = followFile({ path, finalPath: path }, progress.shared);
    assert.deepEqual((await chunks.next()).value?.slice(), new Uint8Array([1, 2, 3]));
    {
      using file = await Deno.open(path, { write: true });
      await file.seek(3, Deno.SeekMode.Start);
      await file.write(new Uint8Array([4, 5, 6]));
    }
    progress.written(9);
    progress.end("complete");
    assert.deepEqual((await chunks.next()).value?.slice(), new Uint8Array([4, 5, 6, 7, 8, 9]));
    assert.equal((await chunks.next()).done, true);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("followFile, fails when the writer has failed", async () => {
  const path = await Deno.makeTempFile({ prefix: "kiln-follow-" });
  try {
    const progress = new FileProgress();
    progress.end("failed");
    await assert.rejects(followFile({ path, finalPath: path }, progress.shared).next(), /the download has failed/);
  } finally {
    await Deno.remove(path);
  }
});
