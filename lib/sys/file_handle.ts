/**
 * File handles: how a file system names an inode, whatever its paths are.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { SysError } from "./errno.ts";
import { lastErrno, libc, NameSlot } from "./libc.ts";

/** MAX_HANDLE_SZ of the kernel. */
const MAX_BYTES = 128;
/** `handle_bytes` and `handle_type` come before the handle itself. */
const HEADER_BYTES = 8;

const slot = new NameSlot();
const buffer = new Uint8Array(HEADER_BYTES + MAX_BYTES);
const header = new DataView(buffer.buffer);
const LITTLE_ENDIAN = true;
const mountId = new Uint8Array(4);

/** An inode as its file system names it. */
export interface FileHandle {
  readonly type: number;
  /** The handle's bytes in hexadecimal. */
  readonly hex: string;
}

/** Returns the handle of an entry, of the link itself for a symlink. @throws {SysError} EOPNOTSUPP where there are none */
export function fileHandleAt(directory: number, name: BytePath): FileHandle {
  header.setUint32(0, MAX_BYTES, LITTLE_ENDIAN);
  if (libc.name_to_handle_at(directory, slot.write(name), buffer, mountId, 0) < 0) {
    throw new SysError("name_to_handle_at", lastErrno(), name);
  }
  const length = header.getUint32(0, LITTLE_ENDIAN);
  const bytes = Buffer.from(buffer.buffer, HEADER_BYTES, length);
  return { type: header.getInt32(4, LITTLE_ENDIAN), hex: bytes.toString("hex") };
}
