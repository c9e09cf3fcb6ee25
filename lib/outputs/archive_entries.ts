/**
 * Files of an archive that holds an image: root's, 0644, of 1970, so that the same image gives the same archive.
 *
 * @module
 */
import type { TarWriter } from "../tar/writer.ts";

/** Writes a file that is in memory. */
export function writeFile(tar: TarWriter, name: string, bytes: Uint8Array): void {
  writeFileHeader(tar, name, bytes.length);
  tar.body(bytes);
}

/** Writes what comes before a file's content. */
export function writeFileHeader(tar: TarWriter, name: string, size: number): void {
  tar.header({ ...COMMON, name, type: "file", mode: 0o644, size });
}

/** Writes a directory; the name has no slash at its end. */
export function writeFolder(tar: TarWriter, name: string): void {
  tar.header({ ...COMMON, name: `${name}/`, type: "dir", mode: 0o755, size: 0 });
}

const COMMON = { uid: 0, gid: 0, mtimeNs: 0n, linkName: "", devMajor: 0, devMinor: 0 } as const;
