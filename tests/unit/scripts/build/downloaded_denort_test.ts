/** @module */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { unzip } from "../../../../scripts/build/downloaded_denort.ts";
import { run } from "../../../support/environment/command.ts";
import { prepared } from "../../../support/environment/environment.ts";

/** Python writes the archives: deflated and stored, with a file before the one wanted. */
async function zip(method: "ZIP_DEFLATED" | "ZIP_STORED", content: string): Promise<Uint8Array<ArrayBuffer>> {
  await prepared({ tools: ["python3"] });
  const folder = await Deno.makeTempDir({ prefix: "kiln-zip-" });
  try {
    const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.${method}) as archive:
  archive.writestr("LICENSE", "MIT" * 100)
  archive.writestr("denort", ${JSON.stringify(content)})`;
    await run(["python3", "-c", script, join(folder, "a.zip")]);
    return await Deno.readFile(join(folder, "a.zip"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const method of ["ZIP_DEFLATED", "ZIP_STORED"] as const) {
  Deno.test(`a file of a zip archive is read, ${method}`, async () => {
    const content = "\x7fELF".repeat(1000);
    assert.equal(new TextDecoder().decode(unzip(await zip(method, content), "denort")), content);
  });
}

Deno.test("a zip archive without the file, and what is no zip archive, are refused", async () => {
  const archive = await zip("ZIP_STORED", "x");
  assert.throws(() => unzip(archive, "deno"), /does not hold "deno"/);
  assert.throws(() => unzip(archive.subarray(0, archive.length - 1), "denort"), /no end/);
});
