/**
 * Archives of build contexts, packed by GNU tar.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { run } from "./environment/command.ts";

/** How to pack. */
export interface ArchiveForm {
  /** gzip unless told. */
  readonly compression?: "gzip" | "xz" | "zstd" | "bzip2" | "none";
}

/** Packs files. */
export async function packContext(
  files: Readonly<Record<string, string | Uint8Array>>,
  { compression = "gzip" }: ArchiveForm = {},
): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-pack-" });
  try {
    for (const [name, content] of Object.entries(files)) {
      const path = join(folder, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(path, content);
      else await Deno.writeFile(path, content);
    }
    const how = compression === "none" ? [] : [`--${compression}`];
    return (await run(["tar", ...how, "-C", folder, "-cf", "-", "."])).bytes;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Returns bytes that do not compress and are the same at each call with the same seed. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4));
  let state = seed >>> 0 || 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return bytes;
}
