import assert from "node:assert/strict";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { ON_DISK } from "../../../lib/tree/metadata_access.ts";
import { digestTree } from "../../../lib/tree/tree_digest.ts";

/** Makes a tree, changes it, and tells whether the digest did. */
function changes(change: (path: string) => void): boolean {
  const path = Deno.makeTempDirSync({ prefix: "kiln-digest-" });
  try {
    Deno.mkdirSync(`${path}/d/e`, { recursive: true });
    Deno.writeTextFileSync(`${path}/d/f`, "content");
    Deno.symlinkSync("f", `${path}/d/l`);
    const root = bytePathOf(path);
    const before = digestTree({ root }, ON_DISK);
    assert.match(before, /^[0-9a-f]{64}$/);
    change(path);
    return digestTree({ root }, ON_DISK) !== before;
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}

const SEEN: Readonly<Record<string, (path: string) => void>> = {
  "content of the same size": (path) => Deno.writeTextFileSync(`${path}/d/f`, "CONTENT"),
  "a mode": (path) => Deno.chmodSync(`${path}/d/f`, 0o600),
  "an owner": (path) => Deno.chownSync(`${path}/d/f`, 1000, 1000),
  "the target of a link": (path) => {
    Deno.removeSync(`${path}/d/l`);
    Deno.symlinkSync("e", `${path}/d/l`);
  },
  "a name": (path) => Deno.renameSync(`${path}/d/f`, `${path}/d/g`),
  "a level": (path) => Deno.renameSync(`${path}/d/f`, `${path}/f`),
  "the level of an empty directory": (path) => Deno.renameSync(`${path}/d/e`, `${path}/e`),
};

for (const [what, change] of Object.entries(SEEN)) {
  Deno.test(`tree digest, tells another ${what.replace(/^(a|an|the) /, "")}`, () =>
    assert.equal(changes(change), true));
}

Deno.test("tree digest, does not tell when files were written, nor how the root looks", () => {
  const change = (path: string): void => {
    Deno.utimeSync(`${path}/d/f`, 1, 1);
    Deno.chmodSync(path, 0o711);
  };
  assert.equal(changes(change), false);
});
