/**
 * Pointers of Git LFS: what stands in a repository in place of a large file.
 *
 * Source: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** A large file, as its pointer says it. */
export interface LfsPointer {
  /** SHA-256 of the content: 64 digits, lower case. */
  readonly oid: string;
  /** Bytes. */
  readonly size: number;
}

/** The first line, now and in old versions. */
const VERSION = /^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com|git-media\.io)\/spec\/v1\n/;

/** Reads a pointer; undefined if the content is something else, or has extensions, which are programs to run. */
export function parseLfsPointer(bytes: Uint8Array): LfsPointer | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  if (!VERSION.test(text)) return undefined;
  const lines = text.trimEnd().split("\n").slice(1);
  if (lines.some((line) => line.startsWith("ext-"))) return undefined;
  const oid = lines.map((line) => /^oid sha256:([0-9a-f]{64})$/.exec(line)?.[1]).find((found) => found !== undefined);
  const size = lines.map((line) => /^size ([0-9]{1,15})$/.exec(line)?.[1]).find((found) => found !== undefined);
  return oid === undefined || size === undefined ? undefined : { oid, size: Number(size) };
}
