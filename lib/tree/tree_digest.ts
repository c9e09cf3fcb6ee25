/**
 * A digest of everything in a directory: two trees have the same exactly if a command could not tell them apart.
 *
 * Times are not part of it: a stage that is built again has new ones, and the same files. Nor are link counts and the
 * directory's own owner and mode.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import * as files from "../sys/file.ts";
import { isDirectory, isFile, isSymlink, type Stat, statAt } from "../sys/stat.ts";
import { fileXattrs } from "./metadata.ts";

/** Returns the digest of the directory `root`, in hexadecimal. @throws {SysError} */
export function digestTree({ root }: { readonly root: BytePath }): string {
  const hash = createHash("sha256");
  files.withDirectory(root, (fd) => addChildren(hash, fd, Buffer.allocUnsafeSlow(PIECE_BYTES)));
  return hash.digest("hex");
}

const PIECE_BYTES = 1 << 18;

function addChildren(hash: Hash, directory: number, buffer: Buffer<ArrayBuffer>): void {
  for (const name of listDirectory(directory).toSorted()) {
    const stat = statAt(directory, name);
    addFacts(hash, { directory, name, stat });
    if (isDirectory(stat)) withEntry(directory, name, (fd) => addChildren(hash, fd, buffer));
    else if (isFile(stat)) withEntry(directory, name, (fd) => addContent(hash, fd, buffer));
  }
  // Where a directory ends is part of the tree's shape.
  hash.update("\n");
}

function addFacts(
  hash: Hash,
  { directory, name, stat }: { readonly directory: number; readonly name: BytePath; readonly stat: Stat },
): void {
  const { mode, uid, gid, rdevMajor, rdevMinor } = stat;
  const xattrs = [...fileXattrs(directory, name)].map(([key, value]) => [key, Buffer.from(value).toString("hex")]);
  const size = isFile(stat) ? stat.size : 0;
  const link = isSymlink(stat) ? files.readLink(directory, name) : "";
  hash.update(JSON.stringify([name, mode, uid, gid, size, rdevMajor, rdevMinor, link, xattrs.toSorted()]));
}

function addContent(hash: Hash, fd: number, buffer: Buffer<ArrayBuffer>): void {
  for (let count = files.read(fd, buffer); count > 0; count = files.read(fd, buffer)) {
    hash.update(buffer.subarray(0, count));
  }
}

function withEntry(directory: number, name: BytePath, body: (fd: number) => void): void {
  const fd = files.openAt(directory, name, files.O.RDONLY | files.O.NOFOLLOW | files.O.NONBLOCK);
  try {
    body(fd);
  } finally {
    files.close(fd);
  }
}
