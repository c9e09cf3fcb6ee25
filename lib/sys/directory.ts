/**
 * Reading directories: names as byte strings, straight from getdents64.
 *
 * Deno's readDir turns names that are not UTF-8 into U+FFFD (pains-and-security.md D01), which then cannot be opened.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { checked, libc } from "./libc.ts";

// 64 KiB hold about 2,000 names; larger buffers gained nothing.
const buffer = new Uint8Array(65_536);
const names = Buffer.from(buffer.buffer);

/**
 * Returns the names in an open directory, in byte order, without "." and "..". May be called again for the same
 * descriptor. @throws {SysError}
 */
export function listDirectory(fd: number): BytePath[] {
  const found: BytePath[] = [];
  libc.lseek(fd, 0n, 0);
  for (;;) {
    const length = checked("getdents64", libc.getdents64(fd, buffer, buffer.length));
    if (length === 0) break;
    for (let at = 0; at < length;) {
      const recordLength = (buffer[at + 16] ?? 0) | ((buffer[at + 17] ?? 0) << 8);
      const start = at + 19;
      let end = start;
      while (buffer[end] !== 0) end++;
      const dots = buffer[start] === 0x2e && (end === start + 1 || (end === start + 2 && buffer[start + 1] === 0x2e));
      if (!dots) found.push(names.toString("latin1", start, end));
      at += recordLength;
    }
  }
  return found.sort(compareBytes);
}

/** Compares byte strings by their bytes. */
function compareBytes(a: BytePath, b: BytePath): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
