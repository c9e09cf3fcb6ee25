/**
 * Names of git objects: SHA-1, as 40 hexadecimal digits.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** An object's name: 40 digits, lower case. */
export type ObjectId = string;

/** Bytes of a name as it stands in trees and packs. */
export const ID_BYTES = 20;

/** Tells whether a text is a whole object name. */
export function isObjectId(text: string): text is ObjectId {
  return /^[0-9a-f]{40}$/.test(text);
}

/** Tells whether a text is the name of an object in a repository that uses SHA-256. */
export function isSha256Id(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Returns the name that stands in `bytes` at `at`. */
export function idAt(bytes: Uint8Array, at: number): ObjectId {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, ID_BYTES).toString("hex");
}

/** Returns the 20 bytes of a name. */
export function bytesOfId(id: ObjectId): Uint8Array {
  return Buffer.from(id, "hex");
}
