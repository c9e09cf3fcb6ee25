/**
 * More layers than the kernel can stack, part of the contract of the backends that have it stack them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertListing, type Operation } from "../support/disk.ts";
import { EVERY_KIND } from "../support/every_kind.ts";
import { possibleTree } from "../support/possible.ts";
import { type DefineTest, entriesIn, withoutRoot } from "../support/rootfs_lab.ts";
import { dir, file, link, socket, symlink, type Tree, withParents } from "../support/tree.ts";
import { layerOf } from "../support/tree_tar.ts";

/** OVL_MAX_STACK of the kernel. */
const MOST_LAYERS = 500;

const KINDS = possibleTree(Object.fromEntries(EVERY_KIND.flatMap(([, tree]) => Object.entries(tree))));

const LOWEST: Tree = {
  ...KINDS,
  "d": dir({ mode: 0o1777 }),
  "d/a": "a",
  "d/b": "b",
  "gone/f": "gone",
  "linked": "linked",
  "linked2": link("linked"),
  "opaque/old": "old",
  "own": dir(),
  "to-d": symlink("d"),
};

/** Returns the tars of so many layers. */
function layers(count: number): Uint8Array<ArrayBuffer>[] {
  const others = Array.from({ length: count - 1 }, (_, number) =>
    layerOf([
      [`own/f${number}`, String(number)],
      ["same", String(number)],
      ...number === 0 ? [] : [[`own/.wh.f${number - 1}`, ""] as const],
      ...number === 100 ? [[".wh.gone", ""], ["opaque/.wh..wh..opq", ""], ["opaque/new", file("new")]] as const : [],
    ]));
  return [layerOf(withParents(LOWEST)), ...others];
}

/** Steps and what must be in their layers, from the second on above the most layers there can be. */
const STEPS: readonly (readonly [changes: readonly Operation[], names: readonly string[]])[] = [
  [[{ do: "write", path: "d/a", content: "new" }], ["d/a"]],
  [[{ do: "remove", path: "d/a" }], ["d/", "d/.wh.a"]],
  // Copied up and not changed; of a file with capabilities the kernel takes them with this.
  [Object.keys(KINDS).filter((path) => !path.startsWith("xattrs/")).map((path) => ({ do: "rechown", path })), []],
  [[{ do: "write", path: "linked", content: "both" }], ["linked", "linked2"]],
  [[{ do: "rename", path: "opaque/new", to: "moved" }], ["moved", "opaque/", "opaque/.wh.new"]],
  [[{ do: "remove", path: "listens" }], []],
];

/** Registers the tests. */
export function testDepth(test: DefineTest): void {
  test("steps go on above the most layers that can be stacked", async (lab) => {
    const tars = layers(MOST_LAYERS - 1);
    await using rootfs = await lab.backend.open(await lab.unpackTars(...tars), { lastUse: true });
    await lab.change(rootfs, [{ do: "make", path: "listens", node: socket() }]);
    assert.deepEqual(await lab.layerNames(rootfs), []);
    for (const [changes, names] of STEPS) {
      await lab.change(rootfs, changes);
      const seen = await lab.read(rootfs.path);
      const tar = await lab.layer(rootfs);
      assert.deepEqual((await entriesIn(tar)).map(({ name }) => name), names);
      tars.push(tar);
      assertListing(withoutRoot(await lab.read(rootfs.path)), withoutRoot(seen));
    }
    await lab.assertGivesBack(tars, await lab.read(rootfs.path));
  });

  test("a snapshot of more layers than can be stacked can be seen and built on", async (lab) => {
    // The last one makes sense only on top of the others: what is a directory in it is a symlink below.
    const tars = [...layers(MOST_LAYERS + 1), layerOf([["to-d/c", "c"]])];
    const snapshot = await lab.unpackTars(...tars);
    await using one = await lab.backend.open(snapshot, { lastUse: false });
    await using other = await lab.backend.open(snapshot, { lastUse: false });
    await lab.change(one, [{ do: "remove", path: "same" }]);
    assert.deepEqual(await lab.layerNames(one), [".wh.same"]);
    assert.deepEqual(await lab.layerNames(other), []);
    await lab.assertGivesBack(tars, await lab.view(snapshot));
    assertListing(withoutRoot(await lab.read(other.path)), withoutRoot(await lab.view(snapshot)));
  });
}
