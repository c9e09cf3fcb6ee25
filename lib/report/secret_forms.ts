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
const SHORTEST_DERIVED = 8;

/** The shortest value, and the shortest encoded form, that is looked for in layers; in bytes. */
const SHORTEST_GUARDED = 8;

/** The longest byte string that is looked for as a whole. */
export const LONGEST_NEEDLE = 4096;

/** Returns every byte string to hide for one secret; none for values that are too short. */
export function formsOfSecret(value: Uint8Array): readonly string[] {
  const whole = Buffer.from(value).toString("latin1");
  const bare = withoutTrailingBreaks(whole);
  if (bare.length < SHORTEST_MASKED) return [];
  const encoded = [whole, bare].flatMap((text) => [...base64Forms(text), ...hexForms(text), ...textForms(text)]);
  const derived = [...linesOf(bare), ...encoded].filter((form) => form.length >= SHORTEST_DERIVED);
  return [...new Set([whole, bare, ...derived].flatMap(piecesOf))];
}

/**
 * Returns the byte strings that give a secret away when they are in a file: the value and its encoded forms. Unlike in
 * logs no single line of it counts: a PEM key's first line is in every such file. None for values that are too short.
 */
export function guardedForms(value: Uint8Array): readonly string[] {
  const bare = withoutTrailingBreaks(Buffer.from(value).toString("latin1"));
  const forms = [bare, ...base64Forms(bare), ...hexForms(bare), ...textForms(bare)].map((form) =>
    form.slice(0, LONGEST_NEEDLE)
  );
  return bare.length < SHORTEST_GUARDED ? [] : [...new Set(forms.filter((form) => form.length >= SHORTEST_GUARDED))];
}

/** Returns a byte string without the line breaks at its end. */
export function withoutTrailingBreaks(text: string): string {
  // No pattern: on many line breaks before the end one would take quadratic time.
  let end = text.length;
  while (end > 0 && "\r\n".includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

/** The lines of a value of several lines, and the value with the other kind of line break. */
function linesOf(value: string): string[] {
  const lines = value.split(/\r?\n/);
  if (lines.length === 1) return [];
  return [...lines, ...lines.map((line) => line.trim()), lines.join("\r\n"), lines.join("\n")];
}

function base64Forms(value: string): string[] {
  const padded = base64(value);
  const texts = [padded, padded.replace(/=+$/, ""), ...[0, 1, 2].map((before) => base64Core(value, before))];
  for (const columns of [64, 76]) {
    for (const text of [padded, base64Core(value, 0)]) {
      texts.push(...text.match(new RegExp(`.{1,${columns}}`, "g")) ?? []);
    }
  }
  return [...texts, ...texts.map((text) => text.replaceAll("+", "-").replaceAll("/", "_"))];
}

/** The characters that depend on nothing but the value, when `before` bytes stand in front of it in its group of 3. */
function base64Core(value: string, before: number): string {
  const first = before === 0 ? 0 : before + 1;
  const bytes = before + value.length;
  return base64("\0".repeat(before) + value).slice(first, Math.floor(bytes / 3) * 4 + bytes % 3);
}

function base64(value: string): string {
  return Buffer.from(value, "latin1").toString("base64");
}

function hexForms(value: string): string[] {
  const hex = Buffer.from(value, "latin1").toString("hex");
  return [hex, hex.toUpperCase()];
}

function textForms(value: string): string[] {
  const percent = value.replace(/[^A-Za-z0-9_.~-]/g, percentEncode);
  const lower = percent.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  // encodeURIComponent() leaves these alone.
  const component = value.replace(/[^A-Za-z0-9_.~!'()*-]/g, percentEncode);
  const json = JSON.stringify(Buffer.from(value, "latin1").toString("utf8")).slice(1, -1);
  return [percent, lower, percent.replaceAll("%20", "+"), component, Buffer.from(json, "utf8").toString("latin1")];
}

function percentEncode(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function piecesOf(form: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < form.length; at += LONGEST_NEEDLE) {
    const end = Math.min(at + LONGEST_NEEDLE, form.length);
    // A short rest is looked for together with what stands before it: alone it would hit innocent text.
    pieces.push(form.slice(end - at < SHORTEST_DERIVED && at > 0 ? end - SHORTEST_DERIVED : at, end));
  }
  return pieces;
}
