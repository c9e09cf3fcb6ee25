/**
 * What a step changed, part of the contract of every backend: the names in the layer are exactly those expected, and
 * Python, putting the layers on top of each other, gets the tree that Python sees in the rootfs.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RootFs } from "../../lib/rootfs/rootfs.ts";
import { assertListing, type Operation } from "../support/disk.ts";
import { CAPABILITY } from "../support/every_kind.ts";
import { possibleTree } from "../support/possible.ts";
import { type DefineTest, entriesIn, failureOf, withoutRoot } from "../support/rootfs_lab.ts";
import {
  block,
  character,
  dir,
  fifo,
  file,
  type FirstName,
  link,
  socket,
  symlink,
  type Tree,
  withParents,
} from "../support/tree.ts";
import { layerOf } from "../support/tree_tar.ts";

/** What the step does, the tree before, the changes, and the names in the layer, in its order. */
type Row = readonly [does: string, tree: Tree, operations: readonly Operation[], names: readonly string[]];

const XATTRS = { "trusted.test": "1" };

const ROWS: readonly Row[] = [
  ["nothing", { f: "x", d: dir() }, [], []],
  ["makes an entry of every kind", {}, [
    make("file", file("x")),
    make("dir", dir()),
    make("dir/in", file()),
    make("link", symlink("file")),
    make("char", character(1, 3)),
    make("block", block(7, 1)),
    make("pipe", fifo()),
    { do: "touch", path: "dir", mtime: "5.000000005" },
  ], ["block", "char", "dir/", "dir/in", "file", "link", "pipe"]],
  ["writes other content", { f: "old", g: "kept" }, [{ do: "write", path: "f", content: "new" }], ["f"]],
  ["writes other content of the same size and time", { f: "old" }, [{ do: "rewrite", path: "f", bytes: "new" }], [
    "f",
  ]],
  ["writes the same content, and sets the same time", { f: "aaa" }, [{ do: "rewrite", path: "f", bytes: "a" }], []],
  ["empties a file", { f: "old" }, [{ do: "write", path: "f", content: "" }], ["f"]],
  ["changes a mode", { f: "x", d: dir(), p: fifo() }, [
    { do: "chmod", path: "f", mode: 0o4711 },
    { do: "chmod", path: "d", mode: 0o1777 },
    { do: "chmod", path: "p", mode: 0o600 },
  ], ["d/", "f", "p"]],
  ["changes users and groups", { f: "x", g: "x", d: dir(), l: symlink("f") }, [
    { do: "chown", path: "f", uid: 1000, gid: 0 },
    { do: "chown", path: "g", uid: 0, gid: 1000 },
    { do: "chown", path: "d", uid: 4294967294, gid: 4294967294 },
    { do: "chown", path: "l", uid: 1, gid: 1 },
  ], ["d/", "f", "g", "l"]],
  ["gives everything the owner and mode it has", { f: "x", d: dir(), "d/e": "", l: symlink("f") }, [
    { do: "rechown", path: "f" },
    { do: "rechown", path: "d" },
    { do: "rechown", path: "d/e" },
    { do: "rechown", path: "l" },
  ], []],
  ["sets an attribute", { f: "x", g: "x", d: dir() }, [
    { do: "setxattr", path: "f", key: "security.capability", value: CAPABILITY },
    { do: "setxattr", path: "d", key: "trusted.test", value: "\x00\xff" },
  ], ["d/", "f"]],
  ["changes an attribute", { f: file("x", { xattrs: XATTRS }) }, [
    { do: "setxattr", path: "f", key: "trusted.test", value: "2" },
  ], ["f"]],
  ["sets an attribute to what it is", { f: file("x", { xattrs: XATTRS }) }, [
    { do: "setxattr", path: "f", key: "trusted.test", value: "1" },
  ], []],
  ["removes an attribute", { f: file("x", { xattrs: XATTRS }), d: dir({ xattrs: XATTRS }) }, [
    { do: "removexattr", path: "f", key: "trusted.test" },
    { do: "removexattr", path: "d", key: "trusted.test" },
  ], ["d/", "f"]],
  ["changes only times", { f: "x", d: dir(), l: symlink("f") }, [
    { do: "touch", path: "f", mtime: "-1.500000000" },
    { do: "touch", path: "d", mtime: "1600000000.123456788" },
    { do: "touch", path: "l", mtime: "7.000000000" },
  ], ["d/", "f", "l"]],
  ["sets times to what they are", { f: "x", d: dir() }, [
    { do: "touch", path: "f", mtime: "1600000000.123456789" },
    { do: "touch", path: "d", mtime: "1600000000.123456789" },
  ], []],
  ["removes files and a directory", { f: "x", l: symlink("f"), d: dir(), "d/e/f": "x", kept: "" }, [
    { do: "remove", path: "f" },
    { do: "remove", path: "l" },
    { do: "remove", path: "d" },
  ], [".wh.d", ".wh.f", ".wh.l"]],
  ["makes something and removes it", { d: dir() }, [
    make("f", file()),
    { do: "remove", path: "f" },
    make("e", dir()),
    { do: "remove", path: "e" },
  ], []],
  ["renames a file", { a: "x", b: "y" }, [{ do: "rename", path: "a", to: "c" }], [".wh.a", "c"]],
  ["renames a file over another", { a: "x", b: "y" }, [{ do: "rename", path: "a", to: "b" }], [".wh.a", "b"]],
  ["renames a directory", { "d/f": "x", "d/e/g": "y" }, [{ do: "rename", path: "d", to: "n" }], [
    ".wh.d",
    "n/",
    "n/e/",
    "n/e/g",
    "n/f",
  ]],
  ["swaps two files", { a: "x", b: "y" }, [
    { do: "rename", path: "a", to: "c" },
    { do: "rename", path: "b", to: "a" },
    { do: "rename", path: "c", to: "b" },
  ], ["a", "b"]],
  ["replaces a directory by a file", { d: dir(), "d/in": "x" }, [replace("d", file("now"))], [".wh.d", "d"]],
  ["replaces a file by a directory", { f: "x" }, [replace("f", dir()), make("f/in", file())], ["f/", "f/in"]],
  ["replaces a directory by a symlink", { d: dir(), "d/in": "x", t: dir() }, [replace("d", symlink("t"))], [
    ".wh.d",
    "d",
  ]],
  ["replaces a symlink by a directory", { t: dir(), "t/in": "", l: symlink("t") }, [
    replace("l", dir()),
    make("l/own", file()),
  ], ["l/", "l/own"]],
  ["replaces a file by other kinds", { a: "1", b: "2", c: "3" }, [
    replace("a", symlink("b")),
    replace("b", fifo()),
    replace("c", character(1, 3)),
  ], ["a", "b", "c"]],
  ["replaces a device and a pipe by others", { c: character(1, 3), p: fifo() }, [
    replace("c", character(1, 5)),
    replace("p", block(1, 3)),
  ], ["c", "p"]],
  ["replaces a directory by a file and makes it again as it was", { d: dir(), "d/in": "x" }, [
    replace("d", file("now")),
    replace("d", dir()),
    make("d/in", file("x")),
    { do: "touch", path: "d", mtime: "1600000000.123456789" },
  ], []],
  ["removes a directory and makes it again with other things", { d: dir(), "d/old": "x", "d/same": "y" }, [
    replace("d", dir()),
    make("d/new", file()),
    make("d/same", file("y")),
    { do: "touch", path: "d", mtime: "9.000000000" },
  ], ["d/", "d/.wh.old", "d/new"]],
  ["removes a directory in a directory made again", { "d/e/f": "", "d/e/g": "" }, [
    replace("d", dir()),
    make("d/e", dir()),
    make("d/e/g", file()),
  ], ["d/", "d/e/", "d/e/.wh.f"]],
  ["retargets a symlink", { l: symlink("a"), m: symlink("a") }, [
    replace("l", symlink("b")),
    replace("m", symlink("a")),
  ], ["l"]],
  ["gives a file a second name", { a: "x" }, [{ do: "link", path: "a", to: "b" }], ["a", "b"]],
  ["gives a linked file a third name", { a: "x", c: link("a") }, [{ do: "link", path: "a", to: "b" }], [
    "a",
    "b",
    "c",
  ]],
  ["removes a name of a linked file", { a: "x", b: link("a"), c: link("a") }, [{ do: "remove", path: "b" }], [".wh.b"]],
  ["writes to one name of a linked file", { a: "x", "d/b": link("a"), e: "" }, [
    { do: "write", path: "d/b", content: "other" },
  ], ["a", "d/b"]],
  ["moves a name of a linked file to a new directory and writes to it there", { x: "old", "d/y": link("x"), z: "" }, [
    make("n", dir()),
    { do: "rename", path: "x", to: "n/z" },
    { do: "write", path: "n/z", content: "new" },
  ], [".wh.x", "d/y", "n/", "n/z"]],
  ["moves a name of a linked symlink, pipe and device", {
    ...{ l: symlink("x"), p: fifo(), c: character(1, 3) },
    ...{ "d/l": link("l"), "d/p": link("p"), "d/c": link("c") },
  }, [
    { do: "rename", path: "l", to: "l2" },
    { do: "rename", path: "p", to: "d/p2" },
    { do: "rename", path: "c", to: "c2" },
    { do: "touch", path: "d", mtime: "1600000000.123456789" },
  ], [".wh.c", ".wh.l", ".wh.p", "c2", "d/c", "d/l", "d/p", "d/p2", "l2"]],
  ["writes to a name of a linked file and removes that name", { x: "old", "d/y": link("x") }, [
    { do: "write", path: "x", content: "new" },
    { do: "remove", path: "x" },
  ], [".wh.x", "d/y"]],
  ["moves a name of a linked file over another file", { x: "old", y: link("x"), "d/z": "other" }, [
    { do: "rename", path: "x", to: "d/z" },
    { do: "touch", path: "d", mtime: "1600000000.123456789" },
  ], [".wh.x", "d/z", "y"]],
  ["replaces one name of a linked file by a copy of it", { a: "x", b: link("a") }, [
    replace("b", file("x")),
    { do: "chmod", path: "b", mode: 0o600 },
  ], ["b"]],
  ["replaces a file by a socket: the layer deletes the file", { f: "old", d: dir() }, [
    replace("f", socket()),
    replace("d", socket()),
  ], [".wh.d", ".wh.f"]],
  ["makes and removes sockets", {}, [make("s", socket()), make("t", socket()), { do: "remove", path: "s" }], []],
  ["links symlinks, devices and pipes", { l: symlink("x"), p: fifo(), c: character(1, 3) }, [
    { do: "link", path: "l", to: "l2" },
    { do: "link", path: "p", to: "p2" },
    { do: "link", path: "c", to: "c2" },
  ], ["c", "c2", "l", "l2", "p", "p2"]],
  ["changes names in byte order, not that of paths", { "a/x": "1", "a-/x": "1", "a.b": "1", "caf\xe9": "1" }, [
    { do: "chmod", path: "a/x", mode: 0o600 },
    { do: "chmod", path: "a-/x", mode: 0o600 },
    { do: "chmod", path: "a.b", mode: 0o600 },
    { do: "chmod", path: "caf\xe9", mode: 0o600 },
  ], ["a/x", "a-/x", "a.b", "caf\xe9"]],
];

/** Registers the tests. */
export function testChanges(test: DefineTest): void {
  for (const [does, tree, operations, names] of ROWS) {
    test(`a step ${does}`, async (lab) => {
      const base = [...withParents(possibleTree(tree))];
      await using rootfs = await lab.open(possibleTree(tree));
      await lab.change(rootfs, operations);
      const before = await lab.read(rootfs.path);
      const tar = await lab.layer(rootfs);
      const entries = await entriesIn(tar);
      assert.deepEqual(entries.map(({ name }) => name), names);
      const found = await lab.read(rootfs.path);
      await lab.assertGivesBack([layerOf(base), tar], found);
      // Without an index overlayfs gives names of one file different inode numbers, until the next step.
      assertListing(before, found, { ignore: lab.backend.name === "userns" ? ["sameAs"] : [] });
      assert.deepEqual(await lab.layerNames(rootfs), [], "nothing changed since");
    });
  }

  test("a step that makes a file called like a whiteout fails instead of deleting something (S19)", async (lab) => {
    // Guard: the check of names in lib/tree/archive.ts.
    await using rootfs = await lab.open({ "d/victim": "x" });
    await lab.change(rootfs, [make("d/.wh.victim", file())]);
    const failure = await failureOf(packed(rootfs));
    assert.equal(failure.kind, "dockerfile");
    assert.match(failure.message, /"d\/\.wh\.victim".*names that begin with "\.wh\." delete files/);
  });

  test("a directory called like a whiteout cannot be in a layer either (S19)", async (lab) => {
    await using rootfs = await lab.open({ victim: "x" });
    await lab.change(rootfs, [make(".wh.victim", dir())]);
    assert.match((await failureOf(packed(rootfs))).message, /"\.wh\.victim"/);
  });

  test("changes below ignored paths are not in the layer, wildcards are for one component", async (lab) => {
    await using rootfs = await lab.open({ "cache/old": "x", "home/a/tmp/f": "x", "home/a/doc": "x" });
    await lab.change(rootfs, [
      { do: "remove", path: "cache/old" },
      make("cache/new", file()),
      make("cached", file()),
      { do: "write", path: "home/a/tmp/f", content: "y" },
      { do: "write", path: "home/a/doc", content: "y" },
      make("home/a/tmp/deep", dir()),
      make("home/a/tmp/deep/er", file()),
    ]);
    assert.deepEqual(await lab.layerNames(rootfs), ["cached", "home/a/doc"]);
    assert.deepEqual(await lab.layerNames(rootfs), [], "nor in that of the next step");
  }, { ignorePaths: ["/cache", "/home/*/tmp"] });

  test("times after the latest one allowed are written as that one, earlier ones as they are", async (lab) => {
    await using rootfs = await lab.open({});
    await lab.change(rootfs, [
      make("late", file("", { mtime: "2000000000.500000000" })),
      make("fraction", file("", { mtime: "1500000000.000000001" })),
      make("exact", file("", { mtime: "1500000000.000000000" })),
      make("early", file("", { mtime: "1499999999.999999999" })),
    ]);
    const times = (await entriesIn(await lab.layer(rootfs))).map(({ name, mtime }) => [name, mtime]);
    assert.deepEqual(times, [
      ["early", "1499999999.999999999"],
      ["exact", "1500000000.000000000"],
      ["fraction", "1500000000.000000000"],
      ["late", "1500000000.000000000"],
    ]);
    assert.deepEqual(await lab.layerNames(rootfs), []);
  }, { latestSec: 1_500_000_000 });

  test("files that were moved away and are back are no changes, unless something else changed", async (lab) => {
    await using rootfs = await lab.open({ f: "x", g: "x" });
    await lab.change(rootfs, [
      { do: "rename", path: "f", to: "away" },
      { do: "rename", path: "away", to: "f" },
      { do: "rename", path: "g", to: "away" },
      { do: "rename", path: "away", to: "g" },
      { do: "chmod", path: "g", mode: 0o600 },
    ]);
    rootfs.noteRestored(["f", "g"]);
    assert.deepEqual(await lab.layerNames(rootfs), ["g"]);
  });

  test("a step over three layers is compared with what they show together", async (lab) => {
    const layers = [
      layerOf([["a", "1"], ["b", "1"], ["d", dir()], ["d/f", "1"], ["d/g", "1"], ["d/h", "1"]]),
      layerOf([[".wh.a", ""], ["b", "2"], ["d/.wh.f", ""], ["d/g", "2"]]),
      layerOf([["a", "3"], ["d/.wh.g", ""]]),
    ];
    await using rootfs = await lab.backend.open(await lab.unpackTars(...layers), { lastUse: true });
    await lab.change(rootfs, [
      { do: "remove", path: "a" },
      { do: "write", path: "b", content: "4" },
      make("d/f", file("1")),
      { do: "rechown", path: "d/h" },
      { do: "touch", path: "d", mtime: "1600000000.123456789" },
    ]);
    const found = await lab.read(rootfs.path);
    const tar = await lab.layer(rootfs);
    assert.deepEqual((await entriesIn(tar)).map(({ name }) => name), [".wh.a", "b", "d/f"]);
    await lab.assertGivesBack([...layers, tar], withoutRoot(found));
  });
}

/** Ends a step and waits for the layer. */
async function packed(rootfs: RootFs): Promise<unknown> {
  const { layer } = await rootfs.checkpoint();
  return await layer;
}

function make(path: string, node: FirstName): Operation {
  return { do: "make", path, node };
}

function replace(path: string, node: FirstName): Operation {
  return { do: "replace", path, node };
}
