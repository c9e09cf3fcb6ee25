/**
 * How overlayfs writes deletions into a layer directory.
 *
 * Source: https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { inUserNamespace } from "../sys/id_map.ts";
import { S, type Stat } from "../sys/stat.ts";
import { readXattr, setXattr } from "../sys/xattr.ts";

/** A whiteout is a character device 0:0. */
export const WHITEOUT_DEVICE = { mode: S.IFCHR, major: 0, minor: 0 } as const;

/**
 * In a user namespace nobody can write trusted attributes; overlayfs then keeps its notes in user ones (userxattr), hides
 * these in the mount, and lets nobody write them there. The others mean nothing then, whoever wrote them.
 */
export const OVERLAY_NOTES: "trusted" | "user" = inUserNamespace() ? "user" : "trusted";

const OPAQUE_XATTR = `${OVERLAY_NOTES}.overlay.opaque`;
const YES = 0x79;

/** Tells whether an entry of an overlay layer hides the entry of that name below. */
export function isWhiteout(stat: Stat): boolean {
  return (stat.mode & S.IFMT) === S.IFCHR && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}

/** Makes a directory of an overlay layer hide everything below it. */
export function markOpaque(directory: number, name: BytePath): void {
  setXattr(directory, name, { key: OPAQUE_XATTR, value: new Uint8Array([YES]) });
}

/** Tells whether a directory of an overlay layer hides everything below it. */
export function isOpaque(directory: number, name: BytePath): boolean {
  return readXattr(directory, name, OPAQUE_XATTR)?.[0] === YES;
}

/** Tells whether overlayfs noted that a file is a copy of one below. It can note nothing on symlinks and devices. */
export function isCopiedUp(directory: number, name: BytePath): boolean {
  return readXattr(directory, name, `${OVERLAY_NOTES}.overlay.origin`) !== undefined;
}

/** Tells whether an attribute is overlayfs' own bookkeeping, not part of the file. */
export function isOverlayXattr(key: string): boolean {
  return key.startsWith("trusted.overlay.") || key.startsWith("user.overlay.");
}
