/**
 * Unpacking the layers of an image, part of the contract of every backend: Python's tarfile, applying the same layers
 * as the image specification says, must give the same tree.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertListing } from "../support/disk.ts";
import { archive, entry, pax } from "../support/tar_forge.ts";
import type { DefineTest } from "../support/rootfs_lab.ts";
import { failureOf, withoutRoot } from "../support/rootfs_lab.ts";
import { CAPABILITY } from "../support/every_kind.ts";
import { character, dir, fifo, file, link, listingOf, symlink, type Tree } from "../support/tree.ts";
import { type LayerItem, layerOf } from "../support/tree_tar.ts";

/** What it shows, the layers, and the paths there must be. */
type Row = readonly [shows: string, layers: readonly (readonly LayerItem[])[], paths: readonly string[]];

/** A directory with a little in it. */
const LOWER: readonly LayerItem[] = [["d", dir()], ["d/a", "1"], ["d/b", "2"], ["d/sub", dir()], ["d/sub/c", "3"]];

const ROWS: readonly Row[] = [
  ["a whiteout deletes a file", [LOWER, [["d/.wh.a", ""]]], ["d", "d/b", "d/sub", "d/sub/c"]],
  ["a whiteout deletes a directory with everything in it", [LOWER, [["d/.wh.sub", ""]]], ["d", "d/a", "d/b"]],
  ["a whiteout of nothing does nothing", [LOWER, [["d/.wh.none", ""]]], ["d", "d/a", "d/b", "d/sub", "d/sub/c"]],
  ["a whiteout in the lowest layer is not seen", [[["d", dir()], ["d/.wh.x", ""]]], ["d"]],
  ["an opaque directory shows only its own layer, the marker first", [
    LOWER,
    [["d/.wh..wh..opq", ""], ["d/n", "new"]],
  ], ["d", "d/n"]],
  ["an opaque directory shows only its own layer, the marker last", [
    LOWER,
    [["d", dir()], ["d/n", "new"], ["d/sub", dir()], ["d/sub/m", ""], ["d/.wh..wh..opq", ""]],
  ], ["d", "d/n", "d/sub", "d/sub/m"]],
  ["an opaque directory hides several layers below it", [
    LOWER,
    [["d/x", "from the second"]],
    [["d/.wh..wh..opq", ""]],
    [["d/last", ""]],
  ], ["d", "d/last"]],
  ["an opaque directory that is nowhere below is an ordinary one", [
    LOWER,
    [["e", dir()], ["e/.wh..wh..opq", ""], ["e/f", ""]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/c", "e", "e/f"]],
  ["a whiteout before the entry of the same name", [LOWER, [["d/.wh.a", ""], ["d/a", "again"]]], [
    "d",
    "d/a",
    "d/b",
    "d/sub",
    "d/sub/c",
  ]],
  ["a whiteout after the entry of the same name", [LOWER, [["d/a", "again"], ["d/.wh.a", ""]]], [
    "d",
    "d/a",
    "d/b",
    "d/sub",
    "d/sub/c",
  ]],
  ["a directory deleted and made again has nothing old in it", [
    LOWER,
    [["d/.wh.sub", ""], ["d/sub", dir()], ["d/sub/new", ""]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/new"]],
  ["a directory made again and then deleted has nothing old in it", [
    LOWER,
    [["d/sub", dir()], ["d/sub/new", ""], ["d/.wh.sub", ""]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/new"]],
  ["what was deleted comes back in a higher layer", [LOWER, [[".wh.d", ""]], [["d", dir()], ["d/z", ""]]], [
    "d",
    "d/z",
  ]],
  ["a file replaces a directory", [LOWER, [["d", "file"]]], ["d"]],
  ["a directory replaces a file", [LOWER, [["d/a", dir()], ["d/a/in", ""]]], [
    "d",
    "d/a",
    "d/a/in",
    "d/b",
    "d/sub",
    "d/sub/c",
  ]],
  ["a symlink replaces a directory", [LOWER, [["d/sub", symlink("a")]]], ["d", "d/a", "d/b", "d/sub"]],
  ["a directory replaces a symlink and leaves its target alone", [
    [...LOWER, ["l", symlink("d")]],
    [["l", dir()], ["l/p", ""]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/c", "l", "l/p"]],
  ["a file replaces a symlink and leaves its target alone", [
    [...LOWER, ["l", symlink("d/a")]],
    [["l", "own content"]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/c", "l"]],
  ["devices and pipes replace files and directories", [
    LOWER,
    [["d/a", character(1, 3)], ["d/sub", fifo()]],
  ], ["d", "d/a", "d/b", "d/sub"]],
  ["types change back and forth over four layers", [
    [["x", "file"]],
    [["x", dir()], ["x/in", ""]],
    [["x", symlink("nowhere")]],
    [["x", dir()], ["x/other", ""]],
  ], ["x", "x/other"]],
  ["a name is repeated in a layer: the last one holds", [
    [["f", "first"], ["f", "second"], ["f", dir()], ["f/in", ""], ["f", "third"]],
  ], ["f"]],
  ["a hard link of a file of the same layer", [[["a", "x"], ["b", link("a")], ["e/c", link("b")]]], [
    "a",
    "b",
    "e",
    "e/c",
  ]],
  ["a hard link of a file of a lower layer", [LOWER, [["d/link", link("d/a")]]], [
    "d",
    "d/a",
    "d/b",
    "d/link",
    "d/sub",
    "d/sub/c",
  ]],
  ["a directory named and then deleted in one layer is empty", [LOWER, [["d/sub", dir()], ["d/.wh.sub", ""]]], [
    "d",
    "d/a",
    "d/b",
    "d/sub",
  ]],
  ["a higher layer replaces one name of a file with two: the other keeps the old content", [
    [["a", "old"], ["b", link("a")]],
    [["a", "new"]],
  ], ["a", "b"]],
  ["a higher layer deletes the first name of a file with two", [[["a", "x"], ["b", link("a")]], [[".wh.a", ""]]], [
    "b",
  ]],
  ["a hard link of a symlink is one more name of the symlink", [
    [["s", symlink("nowhere")], ["t", link("s")]],
  ], ["s", "t"]],
  ["directories no entry names", [[["p/q/r/f", "x"]], [["p/q/s/g", "y"]]], [
    "p",
    "p/q",
    "p/q/r",
    "p/q/r/f",
    "p/q/s",
    "p/q/s/g",
  ]],
  ["directories no entry names, with times of their own in a higher layer", [
    [["p/f", file("x", { mtime: "5.000000005" })], ["p/g", file("y", { mtime: "6.000000006" })]],
    [["p/q/h", file("z", { mtime: "7.000000007" })]],
  ], ["p", "p/f", "p/g", "p/q", "p/q/h"]],
  ["a directory no entry names, then named", [
    [["p/f", file("x", { mtime: "5.000000005" })], ["p", dir({ mtime: "6.000000006", mode: 0o711 })]],
  ], ["p", "p/f"]],
  ["a whiteout below a directory that is nowhere", [LOWER, [["n/o/.wh.x", ""]]], [
    "d",
    "d/a",
    "d/b",
    "d/sub",
    "d/sub/c",
    "n",
    "n/o",
  ]],
  ["a whiteout in a directory that is new", [LOWER, [["n", dir()], ["n/f", "x"], ["n/.wh.x", ""]]], [
    "d",
    "d/a",
    "d/b",
    "d/sub",
    "d/sub/c",
    "n",
    "n/f",
  ]],
  ["a whiteout in a directory that is opaque", [LOWER, [["d/.wh..wh..opq", ""], ["d/.wh.a", ""], ["d/n", ""]]], [
    "d",
    "d/n",
  ]],
  ["a whiteout, and then a higher layer that makes its directory opaque", [
    LOWER,
    [["d/.wh.a", ""]],
    [["d/.wh..wh..opq", ""], ["d/.wh.b", ""]],
    [["d/.wh.sub", ""]],
  ], ["d"]],
  ["a directory replaced by a directory with a whiteout in it", [
    LOWER,
    [["d/.wh.sub", ""], ["d/sub", dir()], ["d/sub/.wh.c", ""]],
  ], ["d", "d/a", "d/b", "d/sub"]],
  ["hard links of hard links, each in a layer of its own", [
    [["d", dir()], ["d/a", "x"]],
    [["d/b", link("d/a")]],
    [["e/c", link("d/b")]],
    [["z", link("e/c")]],
  ], ["d", "d/a", "d/b", "e", "e/c", "z"]],
  ["a hard link of a file of a lower layer that the same layer then replaces", [
    LOWER,
    [["l", link("d/a")], ["d/a", "new"]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/c", "l"]],
  ["a hard link of a file of a lower layer that the same layer then deletes", [
    LOWER,
    [["l", link("d/a")], ["d/.wh.a", ""]],
  ], ["d", "d/b", "d/sub", "d/sub/c", "l"]],
  ["a hard link of a hard link of a file of a lower layer", [LOWER, [["l", link("d/a")], ["k", link("l")]]], [
    "d",
    "d/a",
    "d/b",
    "d/sub",
    "d/sub/c",
    "k",
    "l",
  ]],
  ["a hard link of a file of a lower layer, replaced by a file", [LOWER, [["d/l", link("d/a")], ["d/l", "other"]]], [
    "d",
    "d/a",
    "d/b",
    "d/l",
    "d/sub",
    "d/sub/c",
  ]],
  ["a hard link of a file of a lower layer, its directory replaced by a file", [
    LOWER,
    [["x/y/l", link("d/a")], ["x", "other"]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/c", "x"]],
  ["a hard link of a file of a lower layer through a symlink there", [
    [...LOWER, ["s", symlink("d")]],
    [["l", link("s/a")]],
  ], ["d", "d/a", "d/b", "d/sub", "d/sub/c", "l", "s"]],
  ["hard links of two names of one file of a lower layer", [
    [["a", "x"], ["b", link("a")]],
    [["y", link("b")], ["x", link("a")]],
  ], ["a", "b", "x", "y"]],
  ["hard links of a file of a lower layer whose names are in several", [
    [["a", "x"], ["b", link("a")]],
    [["c", link("b")]],
    [["d", link("a")], [".wh.c", ""]],
  ], ["a", "b", "d"]],
  ["attributes of a directory that a higher layer names again are the higher layer's", [
    [["x", dir({ mode: 0o700, uid: 7, xattrs: { "trusted.low": "1" } })], ["x/f", file("", { uid: 7 })]],
    [["x", dir({ mode: 0o1777, gid: 8, mtime: "5.000000000", xattrs: { "trusted.high": "2" } })]],
  ], ["x", "x/f"]],
  ["attributes of a directory that a higher layer only passes through stay", [
    [["x", dir({ mode: 0o2750, uid: 7, gid: 9, mtime: "77.000000007", xattrs: { "trusted.low": "1" } })]],
    [["x/f", ""]],
  ], ["x", "x/f"]],
  ["times of a directory in which a higher layer makes a directory without naming either stay", [
    [["x", dir({ mtime: "77.000000007" })], ["x/y", dir({ mtime: "78.000000008" })], ["l", symlink("x/y")]],
    [["x/y/new/f", ""], ["l/g", ""]],
  ], ["l", "x", "x/y", "x/y/g", "x/y/new", "x/y/new/f"]],
  ["times of a directory in which files were replaced stay", [
    [["x", dir({ mtime: "77.000000007" })], ["x/f", "1"], ["x/g", dir()]],
    [["x/f", "2"], ["x/g", symlink("f")]],
    [["x/.wh.f", ""]],
  ], ["x", "x/g"]],
  ["a replaced file has none of the old one's attributes", [
    [["f", file("x", { mode: 0o4755, uid: 5, xattrs: { "security.capability": CAPABILITY } })]],
    [["f", file("y")]],
  ], ["f"]],
  ["a directory called like a whiteout is a directory", [[["d/.wh.etc", dir()], ["d/.wh.etc/f", ""]]], [
    "d",
    "d/.wh.etc",
    "d/.wh.etc/f",
  ]],
];

/** Registers the tests. */
export function testUnpacking(test: DefineTest): void {
  for (const [shows, layers, paths] of ROWS) {
    test(`${shows}`, async (lab) => {
      const tars = layers.map(layerOf);
      const found = withoutRoot(await lab.view(await lab.unpackTars(...tars)));
      assert.deepEqual([...found.keys()].sort(), paths.map((path) => `/${path}`));
      // Layers may use such names, but Python's plain reading takes them for whiteouts.
      if (paths.some((path) => path.includes(".wh."))) return;
      assertListing(found, await lab.applied(...tars));
    });
  }

  test("entries below a symlink of a lower layer land where it leads", async (lab) => {
    const found = await lab.view(
      await lab.unpack(
        [["run", dir()], ["var", dir()], ["var/run", symlink("/run")], ["usr", dir()], ["bin", symlink("usr/bin")]],
        [["var/run/app/new/f", "x"], ["bin/tool", "y"]],
      ),
    );
    const expected: Tree = {
      "run/app/new/f": "x",
      "usr/bin/tool": "y",
      "var/run": symlink("/run"),
      "bin": symlink("usr/bin"),
    };
    assertListing(found, listingOf(expected), { ignore: ["mtime"], except: (path) => path === "/" });
  });

  test("the root entry of a layer says what the root is like", async (lab) => {
    const found = await lab.view(
      await lab.unpack([["./", dir({ mode: 0o711, uid: 5, gid: 6, mtime: "9.000000009" })], ["f", ""]], [["g", ""]]),
    );
    const { mode, uid, gid, mtime } = found.get("/") ?? {};
    assert.deepEqual({ mode, uid, gid, mtime }, { mode: "0711", uid: 5, gid: 6, mtime: "9.000000009" });
  });

  test("what overlayfs keeps in attributes is left out, whoever wrote it", async (lab) => {
    const forged = archive(
      entry({ name: "d/", typeFlag: "5", mode: 0o755 }),
      entry({ name: "d/kept" }, "x"),
    );
    const steering = archive(
      pax([["SCHILY.xattr.trusted.overlay.opaque", "y"], ["SCHILY.xattr.user.overlay.opaque", "y"]]),
      entry({ name: "d/", typeFlag: "5", mode: 0o755 }),
    );
    const found = await lab.view(await lab.unpackTars(forged, steering));
    assert.deepEqual([...withoutRoot(found).keys()], ["/d", "/d/kept"]);
    assert.equal(found.get("/d")?.xattrs, undefined);
  });

  test("a layer whose content is not what its diff ID says is refused", async (lab) => {
    const good = lab.workshop.layerFile(layerOf([["f", "good"]]));
    const file = { ...lab.workshop.layerFile(layerOf([["f", "evil"]])), diffId: good.diffId };
    const failure = await failureOf(lab.backend.unpack([file]));
    assert.equal(failure.kind, "integrity");
    assert.match(failure.message, /diff ID sha256:[0-9a-f]{64}/);
  });

  test("a hard link of a file that the same layer has deleted is refused", async (lab) => {
    const failure = await failureOf(lab.unpack(LOWER, [["d/.wh.a", ""], ["l", link("d/a")]]));
    assert.match(failure.message, /: cannot unpack "l": its hard link target "d\/a" does not exist$/);
  });

  test("images with the same layers are unpacked once", async (lab) => {
    let opened = 0;
    const layer = lab.workshop.layerFile(layerOf([["f", "x"]]));
    const counted = { ...layer, blob: () => (opened++, layer.blob()) };
    const [first, again] = [lab.backend.unpack([counted]), lab.backend.unpack([counted])];
    const once = opened;
    const third = await lab.backend.unpack([counted]);
    for (const snapshot of [await first, await again, third]) {
      assert.deepEqual([...withoutRoot(await lab.view(snapshot)).keys()], ["/f"]);
    }
    assert.equal(opened, once);
    assert.equal(await (await first).view(), await third.view());
  });

  test("40 layers, the last word about every file is the highest layer's", async (lab) => {
    const layers = Array.from(
      { length: 40 },
      (_, at): LayerItem[] => [["all", `layer ${at}`], [`own/${at}`, ""], ...(at > 0 ? [removed(at - 1)] : [])],
    );
    const tars = layers.map(layerOf);
    const found = withoutRoot(await lab.view(await lab.unpackTars(...tars)));
    assert.deepEqual([...found.keys()], ["/all", "/own", "/own/39"]);
    assertListing(found, await lab.applied(...tars));
  });
}

function removed(at: number): LayerItem {
  return [`own/.wh.${at}`, ""];
}
