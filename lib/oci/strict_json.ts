/**
 * Reads the JSON documents of images so that no other reader can see something else in them (pains-and-security.md
 * S61, D05: GHSA-xmmx-7jpf-fx42 and others).
 *
 * Of a key given twice JavaScript takes the last, other readers the first; Go merges `layers` and `Layers` into one
 * field, because it matches the fields of its structs whatever their case (and folds the long s and the Kelvin sign).
 * A scanner or a runtime would then see another image than the one that is built upon. No honest tool writes such
 * documents: they are refused, and so are `__proto__`, numbers Go would not take for a whole one, whole numbers that
 * JavaScript rounds, and nesting nobody needs.
 *
 * A document's {@link Shape} says where fields have names (a Go struct) and where keys are data (a Go map: labels may
 * differ by case). Objects in arrays have the shape of the array. Below fields nobody knows only keys are compared.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** What is known of a value: the fields of an object with what is known of theirs, or that its keys are data. */
export type Shape = "map" | "open" | { readonly [field: string]: Shape };

/** Real documents are nested 6 deep; unknown fields may be a little deeper. */
const MAX_DEPTH = 100;

/**
 * Parses a JSON document.
 *
 * @throws {KilnError} kind `integrity`
 */
export function parseStrictJson(bytes: Uint8Array, { what, shape }: { what: string; shape: Shape }): unknown {
  let text: string;
  let value: unknown;
  try {
    // Go refuses a byte order mark.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw new KilnError("integrity", `Cannot read ${what}: it is not valid JSON`, { cause: error });
  }
  const fault = faultIn(text, shape);
  if (fault !== undefined) throw new KilnError("integrity", `Cannot read ${what}: ${fault}`);
  return value;
}

/** An object or array that is open. */
interface Level {
  readonly shape: Shape;
  /** The keys so far; absent in an array. */
  readonly keys?: Set<string>;
  /** What is known of the value that comes next. */
  next: Shape;
}

/** Walks over valid JSON and returns what is wrong with it. */
function faultIn(text: string, shape: Shape): string | undefined {
  const levels: Level[] = [];
  for (let at = 0; at < text.length;) {
    const level = levels.at(-1);
    const here = level?.next ?? shape;
    const char = text.charCodeAt(at);
    let fault: string | undefined;
    let end = at + 1;
    if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (levels.length === MAX_DEPTH) fault = `it is nested more than ${MAX_DEPTH} deep`;
      levels.push({ shape: here, next: here, ...(char === OPEN_BRACE ? { keys: new Set<string>() } : {}) });
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
      levels.pop();
    } else if (char === QUOTE) {
      end = endOfString(text, at);
      if (level?.keys !== undefined && isKey(text, end)) {
        const key = decoded(text.slice(at, end));
        fault = faultOfKey(key, level.keys, level.shape);
        level.keys.add(key);
        level.next = shapeOf(level.shape, key);
      }
    } else if (char === MINUS || (char >= ZERO && char <= NINE)) {
      end = endOfNumber(text, at);
      fault = here === "open" ? undefined : faultOfNumber(text.slice(at, end));
    }
    if (fault !== undefined) return fault;
    at = end;
  }
  return undefined;
}

const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d];
const [QUOTE, BACKSLASH, COLON, MINUS, ZERO, NINE] = [0x22, 0x5c, 0x3a, 0x2d, 0x30, 0x39];

/** Index behind the closing quote of the string that starts at `at`. */
function endOfString(text: string, at: number): number {
  let end = at + 1;
  while (text.charCodeAt(end) !== QUOTE) end += text.charCodeAt(end) === BACKSLASH ? 2 : 1;
  return end + 1;
}

/** Whether a colon follows, with the four kinds of white space JSON has. */
function isKey(text: string, end: number): boolean {
  let at = end;
  while (" \t\r\n".includes(text.charAt(at)) && at < text.length) at++;
  return text.charCodeAt(at) === COLON;
}

function endOfNumber(text: string, at: number): number {
  let end = at + 1;
  while (end < text.length && "0123456789+-.eE".includes(text.charAt(end))) end++;
  return end;
}

/** The string a token stands for; Go puts U+FFFD in place of half a surrogate pair. */
function decoded(token: string): string {
  return token.includes("\\") ? String(JSON.parse(token)).toWellFormed() : token.slice(1, -1);
}

function faultOfKey(key: string, keys: ReadonlySet<string>, shape: Shape): string | undefined {
  if (keys.has(key)) return `it has the key ${shown(key)} twice`;
  if (key === "__proto__") return `it has the key "__proto__"`;
  if (typeof shape === "string" || Object.hasOwn(shape, key)) return undefined;
  const folded = fold(key);
  for (const name in shape) {
    if (name.toLowerCase() === folded) return `it has the key ${shown(key)}, which some readers take for "${name}"`;
  }
  return undefined;
}

const NOT_ASCII = /[\u0080-\uffff]/;

/** Go's folding of names: ASCII letters, and the two other characters that fold to one. */
function fold(name: string): string {
  return (NOT_ASCII.test(name) ? name.replaceAll("\u017f", "s").replaceAll("\u212a", "k") : name).toLowerCase();
}

function shapeOf(shape: Shape, key: string): Shape {
  if (typeof shape === "string") return "open";
  return Object.hasOwn(shape, key) ? shape[key] ?? "open" : "open";
}

function faultOfNumber(token: string): string | undefined {
  if (/[.eE]/.test(token)) return `it has the number ${token.slice(0, 40)} where a whole one belongs`;
  return Number.isSafeInteger(Number(token)) ? undefined : `the number ${token.slice(0, 40)} is too large`;
}

function shown(key: string): string {
  return JSON.stringify(key.length > 60 ? `${key.slice(0, 60)}...` : key);
}
