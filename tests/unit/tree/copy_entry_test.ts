import assert from "node:assert/strict";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { withDirectory } from "../../../lib/sys/file.ts";
import { statAt } from "../../../lib/sys/stat.ts";
import { copyEntry } from "../../../lib/tree/copy_entry.ts";
import { ON_DISK } from "../../../lib/tree/metadata_access.ts";

const MIB = 1 << 20;

/** What a file has, and its size; all else are holes. */
const FILES: readonly (readonly [name: string, size: number, data: readonly number[]])[] = [
  ["nothing but a hole", 64 * MIB, []],
  ["holes around its data", 64 * MIB, [8 * MIB, 30 * MIB + 123]],
  ["a hole before its data", 64 * MIB, [63 * MIB]],
  ["a hole after its data", 64 * MIB + 5, [0]],
  ["a size that 32 bits do not hold", 5 * 1024 * MIB + 1, [1, 4096 * MIB + 7]],
];

for (const [name, size, data] of FILES) {
  Deno.test(`copy of a file with ${name}, takes no more room than the file`, async () => {
    const directory = await Deno.makeTempDir();
    try {
      {
        using file = await Deno.open(`${directory}/from`, { write: true, createNew: true });
        for (const at of data) {
          await file.seek(at, Deno.SeekMode.Start);
          await file.write(new TextEncoder().encode(`data at ${at}`));
        }
        await file.truncate(size);
      }
      withDirectory(bytePathOf(directory), (fd) => {
        const stat = statAt(fd, "from");
        const source = { directory: fd, name: "from", stat };
        copyEntry(source, { directory: fd, name: "to" }, { ...stat, metadata: ON_DISK });
      });
      const [from, to] = [await Deno.stat(`${directory}/from`), await Deno.stat(`${directory}/to`)];
      assert.deepEqual([to.size, to.mtime], [size, from.mtime]);
      assert.ok((to.blocks ?? 0) <= (from.blocks ?? 0), `${to.blocks} blocks in place of ${from.blocks}`);
      using copy = await Deno.open(`${directory}/to`);
      for (const at of data) {
        const wanted = new TextEncoder().encode(`data at ${at}\0`);
        const found = new Uint8Array(wanted.length);
        await copy.seek(at, Deno.SeekMode.Start);
        await copy.read(found);
        assert.deepEqual(found, wanted);
      }
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}
