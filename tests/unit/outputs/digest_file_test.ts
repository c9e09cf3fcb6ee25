import assert from "node:assert/strict";
import { join } from "node:path";
import { KilnError } from "../../../lib/errors.ts";
import { parseReference } from "../../../lib/oci/reference.ts";
import { digestFile, nameDigestFile, nameTagDigestFile } from "../../../lib/outputs/digest_file.ts";
import { sampleImage } from "../../support/registry_image.ts";
import { tempFolder } from "../../support/registry_temp.ts";

const IMAGE = sampleImage();
const DIGEST = IMAGE.descriptor.digest;
const DESTINATIONS = ["reg.example:5000/org/app:v1", "app"].map(parseReference);

Deno.test("digestFile() writes the digest and nothing else", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "digest");
  const output = digestFile(path);
  await output.prepare();
  await output.write(IMAGE);
  assert.equal(await Deno.readTextFile(path), DIGEST);
});

Deno.test("nameDigestFile() writes a line for each destination, Docker Hub under kaniko's name for it", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "names");
  await nameDigestFile(path, DESTINATIONS).write(IMAGE);
  assert.equal(
    await Deno.readTextFile(path),
    `reg.example:5000/org/app@${DIGEST}\nindex.docker.io/library/app@${DIGEST}\n`,
  );
});

Deno.test("nameTagDigestFile() writes the tags as well", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "names");
  await nameTagDigestFile(path, DESTINATIONS).write(IMAGE);
  assert.equal(
    await Deno.readTextFile(path),
    `reg.example:5000/org/app:v1@${DIGEST}\nindex.docker.io/library/app:latest@${DIGEST}\n`,
  );
});

Deno.test("digestFile() writes into the very file that is there, and keeps its mode", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("digest", "something that was longer than a digest ".repeat(5), 0o600);
  const { ino } = await Deno.stat(path);
  const output = digestFile(path);
  await output.prepare();
  assert.match(await Deno.readTextFile(path), /^something/, "untouched before the build is done");
  await output.write(IMAGE);
  const after = await Deno.stat(path);
  assert.equal(await Deno.readTextFile(path), DIGEST);
  assert.deepEqual([after.ino, (after.mode ?? 0) & 0o777], [ino, 0o600]);
});

Deno.test("digestFile() makes missing folders for itself alone, and no file before the build", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "a/b/digest");
  const output = digestFile(path);
  await output.prepare();
  assert.deepEqual([...Deno.readDirSync(join(folder.path, "a/b"))], []);
  for (const made of ["a", "a/b"]) assert.equal(((await Deno.stat(join(folder.path, made))).mode ?? 0) & 0o777, 0o700);
  await output.write(IMAGE);
  assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o644);
});

Deno.test("digestFile() says before the build that it cannot write", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("file", "");
  for (
    const [path, why] of [
      [folder.path, "it is a directory"],
      [join(file, "digest"), "a part of its path is not a directory"],
      [join("/proc/nowhere", "digest"), "a part of its path does not exist"],
    ] as const
  ) {
    await assert.rejects(digestFile(path).prepare(), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "disk", Deno.inspect(error));
      assert.equal(error.message, `Cannot write the file "${path}": ${why}`);
      return true;
    });
  }
});
