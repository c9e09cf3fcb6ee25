/**
 * Byte strings: file names as the kernel sees them, one character (0 to 255) per byte.
 *
 * File names are bytes, not text. JavaScript strings made by decoding UTF-8 lose every name that is not UTF-8, so
 * inside a rootfs, a context or a tar all names are byte strings (decisions 18). V8 stores them in one byte per
 * character. They are decoded only to be shown to people.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** A path as a byte string. An alias, not a brand: mixing it up with text is caught by tests with non-ASCII names. */
export type BytePath = string;

/** Returns the byte string of a text: its UTF-8 bytes. */
export function bytePathOf(text: string): BytePath {
  // deno-lint-ignore no-control-regex -- ASCII is the common case and needs no work
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  return Buffer.from(text, "utf8").toString("latin1");
}

/** Returns the bytes of a byte string. */
export function bytesOf(path: BytePath): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(path.length);
  for (let at = 0; at < path.length; at++) bytes[at] = path.charCodeAt(at);
  return bytes;
}

/** Returns the byte string of bytes. */
export function bytePathFrom(bytes: Uint8Array): BytePath {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Returns the text of a byte string if it is valid UTF-8, else undefined. */
export function textOf(path: BytePath): string | undefined {
  // deno-lint-ignore no-control-regex -- as above
  if (/^[\x00-\x7f]*$/.test(path)) return path;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytesOf(path));
  } catch {
    return undefined;
  }
}

/** Characters of a name that a message shows; of a longer one half of them at each end. */
const MOST_SHOWN = 240;

/**
 * Returns a form fit for messages: text where it is text, `\xHH` for other bytes and for control characters; `...` for
 * the middle of a long one.
 */
export function displayPath(path: BytePath): string {
  const text = textOf(path);
  const units = text === undefined ? Array.from(path, (char) => char > "\x7f" ? hex(char) : char) : Array.from(text);
  const half = MOST_SHOWN / 2;
  const shown = units.length <= MOST_SHOWN
    ? units.join("")
    : `${units.slice(0, half).join("")}...${units.slice(-half).join("")}`;
  // deno-lint-ignore no-control-regex -- names with escape codes must not reach a terminal
  return shown.replace(/[\x00-\x1f\x7f-\x9f]/g, hex);
}

function hex(char: string): string {
  return `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;
}
