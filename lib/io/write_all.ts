/**
 * Writing all of a piece: one write may take only a part of it.
 *
 * @module
 */

/** Writes all of a chunk at the file's position. */
export async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
}

/** Writes all of a chunk at the file's position, at once. */
export function writeAllSync(file: Deno.FsFile, chunk: Uint8Array): void {
  for (let at = 0; at < chunk.length;) at += file.writeSync(chunk.subarray(at));
}
