/**
 * The tools that make and read trees for other tests: GNU tools must see what was written, and what is read.
 *
 * @module
 */
import assert from "node:assert/strict";
import { assertListing, startDisk } from "./disk.ts";
import { listTree } from "./environment/tree_listing.ts";
import { layerOf, layerOfTree } from "./tree_tar.ts";
import { block, character, dir, fifo, file, link, listingOf, socket, symlink, type Tree, withParents } from "./tree.ts";

const EVERYTHING: Tree = {
  "": dir({ mode: 0o711, mtime: "-5.250000000" }),
  "a/b": "hello",
  "a/caf\xe9": file("x", {
    mode: 0o4755,
    uid: 4294967294,
    gid: 7,
    xattrs: { "trusted.k": "\xff\x00", "trusted.z": "" },
  }),
  "l": symlink("/x\xff", { mtime: "5.000000001", uid: 3 }),
  "h": link("a/b"),
  "dev/n": character(1, 3),
  "dev/b": block(259, 70_000, { mode: 0o600 }),
  "p": fifo({ mode: 0o622 }),
};

Deno.test("startDisk() writes trees as GNU tools see them", async () => {
  await using disk = await startDisk();
  const tree = { ...EVERYTHING, s: socket() };
  const root = await disk.write(tree);
  assertListing(await listTree(root), listingOf(tree));
  assertListing(await disk.read(root), listingOf(tree));
});

Deno.test("startDisk() applies a layer as the specification says", async () => {
  await using disk = await startDisk();
  const root = await disk.write({ gone: "", "full/lower": "", "full/kept": "" });
  const path = disk.newPath("tar");
  Deno.writeFileSync(path, layerOf([...withParents(EVERYTHING), [".wh.gone", ""], ["full/.wh.lower", ""]]));
  await disk.applyLayer(root, path);
  assertListing(await disk.read(root), listingOf({ ...EVERYTHING, "full/kept": "" }));
});

Deno.test("layerOfTree() makes layers that GNU tar and we ourselves read alike", async () => {
  await using disk = await startDisk();
  const root = disk.newPath();
  Deno.mkdirSync(root);
  const tar = disk.newPath("tar");
  Deno.writeFileSync(tar, layerOfTree({ ...EVERYTHING, ["n".repeat(120)]: "long" }));
  const { success, stderr } = await new Deno.Command("tar", {
    args: ["--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf", tar, "-C", root],
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const implied = (path: string): boolean => ["/a", "/dev"].includes(path);
  assertListing(await disk.read(root), listingOf({ ...EVERYTHING, ["n".repeat(120)]: "long" }), { except: implied });
});

Deno.test("startDisk() makes only the changes that are possible, and the same ones again", async () => {
  await using disk = await startDisk();
  const [one, other] = [await disk.write({ f: "1" }), await disk.write({ f: "1" })];
  const operations = [{ do: "link", path: "f", to: "g" }, { do: "link", path: "none", to: "h" }, {
    do: "touch",
    path: "g",
    mtime: "1.000000000",
  }] as const;
  const outcomes = await disk.change(one, operations);
  assert.deepEqual(outcomes, ["done", null, "done"]);
  assert.deepEqual(await disk.change(other, operations, outcomes), outcomes);
  assertListing(await disk.read(other), await disk.read(one), { except: (path) => path === "/" });
});

Deno.test("startDisk() tells of descriptors that were left open", async () => {
  const disk = await startDisk();
  const file = Deno.openSync(await disk.write());
  await assert.rejects(async () => await disk[Symbol.asyncDispose](), /descriptors left open/);
  file.close();
});
