/**
 * The forms in which a secret turns up in logs: as it is, and as the usual tools encode it.
 *
 * Forms that are looked for, for a value of at least `SHORTEST_MASKED` bytes:
 * - the value, the value without trailing line breaks (`echo $TOKEN > file` adds one), with CRLF line breaks;
 * - each line of at least `SHORTEST_DERIVED` bytes of a value of several lines (a PEM key printed with a prefix);
 * - base64, standard and URL-safe, at each of the three alignments a value can have inside a longer encoded text
 *   (`base64(user:password)` is the Basic header), also broken into lines of 64 and 76 as `openssl` and `base64` do;
 * - hexadecimal of both cases; percent-encoding of both cases and with `+` for a blank; the inside of a JSON string.
 *
 * An encoded form shorter than `SHORTEST_DERIVED` is left out, it would hit innocent text. Values shorter than
 * `SHORTEST_MASKED` would shred the log ("1", "yes"); they are hidden only where they are all there is in a line.
 *
 * A form longer than `LONGEST_NEEDLE` is looked for in pieces, so that what a stream must hold back is bounded.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** The shortest value that is hidden inside a line, in bytes. */
export const SHORTEST_MASKED = 4;

/** The shortest encoded form, and the shortest line of a longer value, that is hidden; in bytes. */
export const SHORTEST_DERIVED = 8;

/** The longest byte sequence that is looked for as a whole. */
export const LONGEST_NEEDLE = 4096;

/** Returns every byte sequence to hide for one secret; empty for values that are too short. */
export function formsOfSecret(value: Uint8Array): readonly Buffer[] {
  const whole = Buffer.from(value);
  const bare = withoutTrailingBreaks(whole);
  if (bare.length < SHORTEST_MASKED) return [];
  const derived = [
    ...linesOf(bare),
    ...[whole, bare].flatMap((bytes) => [...base64Forms(bytes), ...hexForms(bytes), ...textForms(bytes)]),
  ].filter((form) => form.length >= SHORTEST_DERIVED);
  const forms = [whole, bare, ...derived];
  return unique(forms.flatMap(piecesOf));
}

/** Returns the value as a line would show it, for values that are hidden only as a whole line. */
export function withoutTrailingBreaks(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end--;
  return bytes.subarray(0, end);
}

/** The lines of a value of several lines, and the value with the other kind of line break. */
function linesOf(value: Buffer): Buffer[] {
  const text = value.toString("latin1");
  const lines = text.split(/\r?\n/);
  if (lines.length === 1) return [];
  return [...lines, ...lines.map((line) => line.trim()), lines.join("\r\n"), lines.join("\n")]
    .map((line) => Buffer.from(line, "latin1"));
}

function base64Forms(value: Buffer): Buffer[] {
  const padded = value.toString("base64");
  const texts = [padded, padded.replace(/=+$/, "")];
  for (const before of [0, 1, 2]) texts.push(base64Core(value, before));
  for (const columns of [64, 76]) {
    for (const text of [padded, base64Core(value, 0)]) {
      texts.push(...text.match(new RegExp(`.{1,${columns}}`, "g")) ?? []);
    }
  }
  const urlSafe = texts.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"));
  return [...texts, ...urlSafe].map((text) => Buffer.from(text, "latin1"));
}

/** The characters that depend on nothing but the value, when `before` bytes stand in front of it in its group of 3. */
function base64Core(value: Buffer, before: number): string {
  const text = Buffer.concat([Buffer.alloc(before), value]).toString("base64");
  const first = before === 0 ? 0 : before + 1;
  const whole = Math.floor((before + value.length) / 3) * 4;
  const spare = (before + value.length) % 3;
  return text.slice(first, whole + (spare === 0 ? 0 : spare));
}

function hexForms(value: Buffer): Buffer[] {
  const hex = value.toString("hex");
  return [hex, hex.toUpperCase()].map((text) => Buffer.from(text, "latin1"));
}

function textForms(value: Buffer): Buffer[] {
  const percent = Array.from(value, percentEncode).join("");
  const lower = percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const json = JSON.stringify(value.toString("utf8")).slice(1, -1);
  return [percent, lower, percent.replaceAll("%20", "+"), encodeComponent(value), json].map((text) =>
    Buffer.from(text, "utf8")
  );
}

/** RFC 3986: all but the unreserved characters. */
function percentEncode(byte: number): string {
  const char = String.fromCharCode(byte);
  return /[A-Za-z0-9_.~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

/** JavaScript's encoding, which leaves `!'()*` alone. */
function encodeComponent(value: Buffer): string {
  return Array.from(value, (byte) => {
    const char = String.fromCharCode(byte);
    return /[!'()*]/.test(char) ? char : percentEncode(byte);
  }).join("");
}

function piecesOf(form: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < form.length; at += LONGEST_NEEDLE) {
    const end = Math.min(at + LONGEST_NEEDLE, form.length);
    // A short rest is looked for together with what stands before it: alone it would hit innocent text.
    pieces.push(form.subarray(end - at < SHORTEST_DERIVED && at > 0 ? end - SHORTEST_DERIVED : at, end));
  }
  return pieces;
}

function unique(forms: readonly Buffer[]): readonly Buffer[] {
  return [...new Map(forms.map((form) => [form.toString("latin1"), form])).values()];
}
