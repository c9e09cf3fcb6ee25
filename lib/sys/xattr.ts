/**
 * Extended attributes of an entry, of the link itself for a symlink; values are bytes.
 *
 * Entries are named by `/proc/self/fd/<directory>/<name>`: the calls that take a directory descriptor are newer than
 * most kernels we run on, and opening a FIFO or device to read its attributes would have side effects.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { ERRNO, SysError } from "./errno.ts";
import { cString, lastErrno, libc, NameSlot } from "./libc.ts";

/** Attribute names (byte strings) and values. */
export type Xattrs = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

const NONE: Xattrs = new Map();
const slot = new NameSlot();
let list = new Uint8Array(4096);
let value = new Uint8Array(4096);

/** Returns all attributes of an entry; an empty map where there are none or the file system has no such thing. */
export function readXattrs(directory: number, name: BytePath): Xattrs {
  const path = slot.write(pathOf(directory, name));
  let length = libc.llistxattr(path, list, list.length);
  if (length < 0) {
    const errno = lastErrno();
    if (errno === ERRNO.EOPNOTSUPP || errno === ERRNO.ENOENT) return NONE;
    if (errno !== ERRNO.ERANGE) throw new SysError("llistxattr", errno, name);
    list = new Uint8Array(65_536);
    length = libc.llistxattr(path, list, list.length);
    if (length < 0) throw new SysError("llistxattr", lastErrno(), name);
  }
  if (length === 0) return NONE;
  const found = new Map<string, Uint8Array<ArrayBuffer>>();
  for (let at = 0; at < length;) {
    let end = at;
    while (list[end] !== 0) end++;
    const key = list.subarray(at, end);
    const keyText = String.fromCharCode(...key);
    const bytes = readValue(path, cString(keyText), name);
    if (bytes !== undefined) found.set(keyText, bytes);
    at = end + 1;
  }
  return found;
}

/** Sets one attribute. @throws {SysError} EOPNOTSUPP or EPERM where the file system or the host refuses. */
export function setXattr(
  directory: number,
  name: BytePath,
  attribute: { key: string; value: Uint8Array<ArrayBuffer> },
): void {
  const path = slot.write(pathOf(directory, name));
  const rc = libc.lsetxattr(path, cString(attribute.key), attribute.value, attribute.value.length, 0);
  if (rc < 0) throw new SysError("lsetxattr", lastErrno(), name);
}

/** Returns one attribute, or undefined if the entry does not have it. */
export function readXattr(directory: number, name: BytePath, key: string): Uint8Array<ArrayBuffer> | undefined {
  return readValue(slot.write(pathOf(directory, name)), cString(key), name);
}

/** Removes one attribute; it is no error if it is not there. @throws {SysError} */
export function removeXattr(directory: number, name: BytePath, key: string): void {
  if (libc.lremovexattr(slot.write(pathOf(directory, name)), cString(key)) >= 0) return;
  const errno = lastErrno();
  if (errno !== ERRNO.ENODATA) throw new SysError("lremovexattr", errno, name);
}

function readValue(
  path: Uint8Array<ArrayBuffer>,
  key: Uint8Array<ArrayBuffer>,
  name: BytePath,
): Uint8Array<ArrayBuffer> | undefined {
  let length = libc.lgetxattr(path, key, value, value.length);
  let errno = length < 0 ? lastErrno() : 0;
  if (errno === ERRNO.ERANGE) {
    value = new Uint8Array(65_537);
    length = libc.lgetxattr(path, key, value, value.length);
    errno = length < 0 ? lastErrno() : 0;
  }
  if (length >= 0) return value.slice(0, length);
  if (errno === ERRNO.ENODATA || errno === ERRNO.EOPNOTSUPP || errno === ERRNO.ENOENT) return undefined;
  throw new SysError("lgetxattr", errno, name);
}

function pathOf(directory: number, name: BytePath): BytePath {
  if (directory < 0) return name;
  return name === "" ? `/proc/self/fd/${directory}/.` : `/proc/self/fd/${directory}/${name}`;
}
