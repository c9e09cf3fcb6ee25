import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { findChangedContent } from "../../../lib/image/changed_content.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { dir, link, symlink } from "../../support/tree.ts";
import { type LayerItem, layerOf } from "../../support/tree_tar.ts";

/** The files there are now: all have the size they had. */
const NOW: Readonly<Record<string, string>> = { "same": "old", "other": "new", "d/in": "old" };

/** What it shows, the layers, lowest first, the suspects, and those that changed. */
const ROWS: readonly (readonly [string, readonly (readonly LayerItem[])[], readonly string[], readonly string[]])[] = [
  ["content as in the layer", [[["same", "old"]]], ["same"], []],
  ["content that differs", [[["other", "old"]]], ["other"], ["other"]],
  ["the topmost layer that has the file counts", [[["same", "new"]], [["same", "old"]]], ["same"], []],
  ["a lower layer does not count any more", [[["same", "old"]], [["same", "new"]]], ["same"], ["same"]],
  ["layers without the file are passed over", [[["same", "old"]], [["x", "y"]], []], ["same"], []],
  ["a file no layer has counts as changed", [[["x", "y"]]], ["same"], ["same"]],
  ["a file without layers counts as changed", [], ["same"], ["same"]],
  ["a directory in a directory", [[["./d/", dir()], ["./d/in", "old"]]], ["d/in"], []],
  ["a hard link has the content of its target", [[["target", "old"], ["same", link("target")]]], ["same"], []],
  ["a hard link to other content", [[["target", "new"], ["same", link("target")]]], ["same"], ["same"]],
  ["a hard link before its target, and by an absolute path", [[["same", link("/z")], ["z", "old"]]], ["same"], []],
  ["a chain of hard links", [[["same", link("a")], ["a", link("b")], ["b", "old"]]], ["same"], []],
  ["hard links in a circle end, and count as changed", [[["same", link("a")], ["a", link("same")]]], ["same"], [
    "same",
  ]],
  ["two names of one file", [[["target", "old"], ["same", link("target")], ["d/in", link("target")]]], [
    "same",
    "d/in",
  ], []],
  ["a name twice in a layer: the last one counts", [[["same", "new"], ["same", "old"]]], ["same"], []],
  ["other kinds of entries are no content", [[["same", symlink("old")]]], ["same"], ["same"]],
  ["many at once", [[["same", "old"], ["other", "old"]], [["d/in", "old"]]], ["same", "other", "d/in"], ["other"]],
];

for (const [shows, layers, suspects, changed] of ROWS) {
  Deno.test(`findChangedContent(), ${shows}`, async () => {
    const folder = Deno.makeTempDirSync();
    try {
      Deno.mkdirSync(`${folder}/root/d`, { recursive: true });
      for (const [path, content] of Object.entries(NOW)) Deno.writeTextFileSync(`${folder}/root/${path}`, content);
      const blobs = layers.map((items, at) => {
        const [path, compression] = [`${folder}/layer${at}`, at % 2 === 0 ? "none" : "gzip"] as const;
        Deno.writeFileSync(path, at % 2 === 0 ? layerOf(items) : gzipSync(layerOf(items)));
        return { path, compression };
      });
      const root = bytePathOf(`${folder}/root`);
      const found = await findChangedContent({ root, suspects, layers: blobs.toReversed() });
      assert.deepEqual(found.toSorted(), [...changed]);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  });
}
