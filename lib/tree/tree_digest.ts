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
import { isDirectory, isFile, isSymlink } from "../sys/stat.ts";
import type { Located } from "./metadata.ts";
import type { Metadata } from "./metadata_access.ts";

/** Returns the digest of the directory `root`, in hexadecimal. @throws {SysError} */
export function digestTree({ root }: { readonly root: BytePath }, metadata: Metadata): string {
  const hash = createHash("sha256");
  const means = { hash, metadata, buffer: Buffer.allocUnsafeSlow(PIECE_BYTES) };
  files.withDirectory(root, (fd) => addChildren(fd, means));
  return hash.digest("hex");
}

/** What all of a walk needs. */
interface Means {
  readonly hash: Hash;
  readonly metadata: Metadata;
  readonly buffer: Buffer<ArrayBuffer>;
}

const PIECE_BYTES = 1 << 18;

function addChildren(directory: number, means: Means): void {
  const { hash, metadata } = means;
  for (const name of listDirectory(directory).toSorted()) {
    const stat = metadata.statAt(directory, name);
    addFacts({ directory, name, stat }, means);
    if (isDirectory(stat)) withEntry(directory, name, (fd) => addChildren(fd, means));
    else if (isFile(stat)) withEntry(directory, name, (fd) => addContent(fd, means));
  }
  // Where a directory ends is part of the tree's shape.
  hash.update("\n");
}

function addFacts({ directory, name, stat }: Located, { hash, metadata }: Means): void {
  const { mode, uid, gid, rdevMajor, rdevMinor } = stat;
  const xattrs = [...metadata.xattrsAt(directory, name)].map((
    [key, value],
  ) => [key, Buffer.from(value).toString("hex")]);
  const size = isFile(stat) ? stat.size : 0;
  const link = isSymlink(stat) ? files.readLink(directory, name) : "";
  hash.update(JSON.stringify([name, mode, uid, gid, size, rdevMajor, rdevMinor, link, xattrs.toSorted()]));
}

function addContent(fd: number, { hash, buffer }: Means): void {
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
