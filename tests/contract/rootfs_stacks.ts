/**
 * Laying trees that were made apart over a stage (`COPY --link`), part of the contract of every backend.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertListing } from "../support/disk.ts";
import { possibleTree } from "../support/possible.ts";
import { type DefineTest, withoutRoot } from "../support/rootfs_lab.ts";
import { dir, fifo, file, link, listingOf, OLD, symlink, type Tree } from "../support/tree.ts";

/** What shows, the stage before, the tree that is laid over it, and the stage afterwards. */
type Row = readonly [shows: string, before: Tree, over: Tree, after: Tree];

const XATTRS = { "trusted.old": "1" };
const NEW = "1700000000.000000001";

const ROWS: readonly Row[] = [
  ["adds what is not there", { f: "f" }, { "d/e/f": file("new", { mode: 0o600, uid: 7 }) }, {
    f: "f",
    "d/e/f": file("new", { mode: 0o600, uid: 7 }),
  }],
  ["replaces files", { f: file("old", { xattrs: XATTRS }) }, { f: file("new", { mode: 0o4755, mtime: NEW }) }, {
    f: file("new", { mode: 0o4755, mtime: NEW }),
  }],
  [
    "merges directories, which look like the tree's",
    { d: dir({ mode: 0o1777, uid: 5, xattrs: XATTRS }), "d/kept": "", "d/sub": dir({ mode: 0o700 }) },
    { d: dir({ mode: 0o750, gid: 6, mtime: NEW }), "d/sub": dir({ mtime: NEW }), "d/sub/f": "" },
    { d: dir({ mode: 0o750, gid: 6, mtime: NEW }), "d/kept": "", "d/sub": dir({ mtime: NEW }), "d/sub/f": "" },
  ],
  [
    "puts directories where links and files are, and follows none",
    { real: dir(), "real/kept": "", l: symlink("real"), f: "", dangling: symlink("/nowhere") },
    { "l/in": "", "f/in": "", "dangling/in": "" },
    { real: dir(), "real/kept": "", "l/in": "", "f/in": "", "dangling/in": "" },
  ],
  [
    "puts files, links and pipes where directories are",
    { "a/deep/f": "", "b/f": "", "c/f": "" },
    { a: file("a"), b: symlink("a"), c: fifo() },
    { a: file("a"), b: symlink("a"), c: fifo() },
  ],
  ["keeps names of one file linked", { b: "old" }, { a: file("x"), b: link("a"), "d/c": link("a") }, {
    a: file("x"),
    b: link("a"),
    "d/c": link("a"),
  }],
  ["of nothing changes nothing", { f: "f" }, {}, { f: "f" }],
];

function possibleRow([shows, ...trees]: Row): Row {
  const [before, over, after] = trees.map(possibleTree) as [Tree, Tree, Tree];
  return [shows, before, over, after];
}

/** Registers the tests. */
export function testStacks(test: DefineTest): void {
  for (const [shows, before, over, after] of ROWS.map(possibleRow)) {
    test(`stack ${shows}`, async (lab) => {
      await using rootfs = await lab.open(before);
      const rootBefore = (await lab.read(rootfs.path)).get("/");
      const tree = await lab.workshop.disk.write(over);
      const layer = lab.workshop.packer.pack({ kind: "overlay", upper: tree, below: [] });
      await rootfs.stack(tree, layer);
      const listing = await lab.read(rootfs.path);
      assertListing(withoutRoot(listing), listingOf(after));
      assert.deepEqual(listing.get("/")?.mode, rootBefore?.mode);
      assert.deepEqual(await lab.layerNames(rootfs), [], "the next step has nothing of it");
      await lab.assertGivesBack([lab.workshop.tarOf(await layer)], listingOf(over));
    });
  }

  test("stack between steps, each step has its own changes only", async (lab) => {
    await using rootfs = await lab.open({ "d/old": "old", l: symlink("d") });
    await lab.change(rootfs, [{ do: "make", path: "first", node: file("1") }]);
    assert.deepEqual(await lab.layerNames(rootfs), ["first"]);
    for (const over of [{ "d/new": "new", l: file("file") }, { "d/new": "newer" }]) {
      const tree = await lab.workshop.disk.write(over);
      await rootfs.stack(tree, lab.workshop.packer.pack({ kind: "overlay", upper: tree, below: [] }));
    }
    // Touched and not changed: what it was is found in the layer of the stack.
    await lab.change(rootfs, [
      { do: "rewrite", path: "d/new", bytes: "newer" },
      { do: "remove", path: "d/old" },
      { do: "touch", path: "d", mtime: OLD },
    ]);
    assert.deepEqual(await lab.layerNames(rootfs), ["d/.wh.old"]);
    assertListing(
      withoutRoot(await lab.view(await rootfs.finish())),
      listingOf({ first: file("1"), d: dir(), "d/new": "newer", l: file("file") }),
    );
  });

  test("stack of a stage without layers, can be seen by those that start from it", async (lab) => {
    await using rootfs = await lab.backend.open(await lab.unpack([["f", file("f")]]), {
      lastUse: true,
      withoutLayers: true,
    });
    await lab.change(rootfs, [{ do: "make", path: "g", node: file("g") }]);
    await rootfs.stack(await lab.workshop.disk.write({ f: file("over"), "d/h": "h" }));
    await using next = await lab.backend.open(await rootfs.finish(), { lastUse: true });
    assert.deepEqual([...(await lab.read(next.path)).keys()].sort(), ["/", "/d", "/d/h", "/f", "/g"]);
    await lab.change(next, [{ do: "remove", path: "d/h" }]);
    assert.deepEqual(await lab.layerNames(next), ["d/", "d/.wh.h"]);
  });
}
