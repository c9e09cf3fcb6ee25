/**
 * `deno task release`, twice, from two folders.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { verify } from "../../scripts/build.ts";
import { release } from "../../scripts/release.ts";
import { cycloneDxFaults } from "../support/cyclonedx.ts";
import { cacheFolder } from "../support/environment/cache.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");

Deno.test("a release is the same bytes every time, with valid bills of materials of what is in it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kiln-release-" });
  try {
    const again = join(folder, "elsewhere/source");
    await Deno.mkdir(again, { recursive: true });
    for (const name of ["deno.json", "deno.lock", "main.ts", "lib"]) await run(["cp", "-r", join(ROOT, name), again]);
    const cache = join(cacheFolder(), "release");
    const outputs = [join(folder, "one"), join(folder, "two")] as const;
    const [files] = [
      await release({ source: ROOT, output: outputs[0], cache, epoch: 1 }),
      await release({ source: again, output: outputs[1], cache, epoch: 1 }),
    ];
    const sums = await Deno.readTextFile(join(outputs[0], "SHA256SUMS"));
    assert.equal(await Deno.readTextFile(join(outputs[1], "SHA256SUMS")), sums);
    for (const output of outputs) await run(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: output });
    assert.deepEqual(files.map(({ architecture }) => architecture), ["x86_64", "aarch64"]);

    for (const { path, architecture } of files) {
      if (architecture === Deno.build.arch) await verify(path, ROOT);
      const text = await Deno.readTextFile(`${path}.cdx.json`);
      assert.deepEqual(await cycloneDxFaults(text), []);
      const { metadata, components } = JSON.parse(text);
      const { stdout } = await run(["sha256sum", path]);
      assert.equal(metadata.component.hashes[0].content, stdout.slice(0, 64));
      const names = components.map(({ group, name }: never) => group === undefined ? name : `${group}/${name}`);
      for (const name of ["deno", "@aws-sdk/client-s3", "@azure/storage-blob", "@google-cloud/storage"]) {
        assert.ok(names.includes(name), `${name} is missing`);
      }
      // In the lock file for the tests and checks only.
      for (const name of ["fast-check", "typescript", "ajv"]) assert.ok(!names.includes(name), `${name} is not in it`);
    }
    await checkArm64(files.find(({ architecture }) => architecture === "aarch64")?.path ?? "", folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** What is in the file for arm64, by the shell script or the program it is, run under qemu-user. */
async function checkArm64(path: string, folder: string): Promise<void> {
  const libraries = "/usr/aarch64-linux-gnu";
  await prepared({
    tools: ["qemu-aarch64-static", `${libraries}/lib/libc.so.6`, `${libraries}/lib/libgcc_s.so.1`],
  });
  const qemu = ["qemu-aarch64-static", "-L", libraries];
  const { stdout: expected } = await run([Deno.execPath(), "run", "-A", join(ROOT, "main.ts"), "--version"]);
  const isScript = (await run(["head", "-c", "2", path])).stdout === "#!";
  if (!isScript) return assert.equal((await run([...qemu, path, "--version"])).stdout, expected);
  const unpacked = join(folder, "arm64");
  await Deno.mkdir(unpacked);
  await run(["sh", "-c", 'tail -c +8193 "$0" | tar -xf - -C "$1"', path, unpacked]);
  const program = ["run", "-A", "--no-config", "--no-lock", join(unpacked, "app/main.js"), "--version"];
  const { stdout } = await run([...qemu, join(unpacked, "start"), "/bin/echo", "started"]);
  assert.equal(stdout, "started\n");
  assert.equal((await run([...qemu, join(unpacked, "deno"), ...program])).stdout, expected);
}
