import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { foreignFormat } from "../../../lib/contexts/foreign_format.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";
import { archive, entry } from "../../support/tar_forge.ts";

/** What a shell command writes to stdout, in a directory with a file `f`. */
const MADE: readonly (readonly [command: string, found: string])[] = [
  ["python3 -m zipfile -c f.zip f && cat f.zip", "it is a zip archive, not one of tar"],
  ["printf '!<arch>\\n'", "it is an archive of ar, not one of tar"],
  ["tar --format=ustar -c f | xz --format=lzma", "it is compressed with lzma, which is not supported"],
  ["cat f", "it is text, not an archive"],
  ["printf '<!DOCTYPE html>\\n<p>Log in'", "it is a page for a browser, not an archive"],
  ["printf '\\n<html lang=en>'", "it is a page for a browser, not an archive"],
  ["printf '<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code>'", "it is a page for a browser, not an archive"],
  [
    "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:00\\n'",
    "it is a pointer of Git LFS, not the file it stands for",
  ],
];

Deno.test("foreignFormat(), tells what a file is that is no archive", async () => {
  await prepared({ tools: ["python3", "xz"] });
  const folder = await Deno.makeTempDir({ prefix: "kiln-formats-" });
  try {
    await Deno.writeTextFile(join(folder, "f"), "some text\n");
    for (const [command, found] of MADE) {
      const { bytes } = await run(["sh", "-ec", command], { cwd: folder });
      assert.equal(foreignFormat(bytes.subarray(0, 512))?.found, found, command);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("foreignFormat(), takes no archive for something else, whatever its first name is", () => {
  for (const name of ["]", "070701", "hsqs", "PK\x03\x04", "<html>", "LZIP"]) {
    assert.equal(foreignFormat(archive(entry({ name }, "x")).subarray(0, 512)), undefined, name);
  }
  assert.equal(foreignFormat(new Uint8Array()), undefined);
});
