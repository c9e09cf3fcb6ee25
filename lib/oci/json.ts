/**
 * Checked access to the fields of JSON documents that came from outside.
 *
 * Every function throws a `KilnError` of kind `integrity` that names the document and the field. A field that is
 * `null` counts as absent, as Go's decoder has it.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** The fields of a JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses UTF-8 JSON and returns the object it holds. */
export function parseJsonObject(bytes: Uint8Array, what: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new KilnError("integrity", `Cannot read ${what}: it is not valid JSON`, { cause: error });
  }
  return asObject(value, what);
}

/** Returns the fields of a value that must be an object. */
export function asObject(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw malformed(what, "it is not a JSON object");
}

/** Returns a value that must be an array; `null` and a missing field are an empty one. */
export function asArray(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw malformed(what, "it is not a JSON array");
}

/** Returns a string field, or undefined if it is absent. */
export function optionalString(fields: Fields, name: string, what: string): string | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw malformed(what, `"${name}" is not a string`);
}

/** Returns a string field that must be present and not empty. */
export function requiredString(fields: Fields, name: string, what: string): string {
  const value = optionalString(fields, name, what);
  if (value === undefined || value === "") throw malformed(what, `"${name}" is missing`);
  return value;
}

/** Returns a field that is an array of strings, or undefined if it is absent. */
export function optionalStrings(fields: Fields, name: string, what: string): readonly string[] | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw malformed(what, `"${name}" is not an array of strings`);
}

/** Returns a field that maps strings to strings, or undefined if it is absent. */
export function optionalRecord(
  fields: Fields,
  name: string,
  what: string,
): Readonly<Record<string, string>> | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  const record = asObject(value, `"${name}" of ${what}`);
  if (Object.values(record).every((item) => typeof item === "string")) return record as Record<string, string>;
  throw malformed(what, `"${name}" has a value that is not a string`);
}

/** Returns the keys of a field that is a Go `map[string]struct{}`, or undefined if it is absent. */
export function optionalSet(fields: Fields, name: string, what: string): readonly string[] | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  return Object.keys(asObject(value, `"${name}" of ${what}`));
}

/** Returns a whole number field, or undefined if it is absent. */
export function optionalInteger(fields: Fields, name: string, what: string): number | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (Number.isSafeInteger(value)) return value as number;
  throw malformed(what, `"${name}" is not a whole number`);
}

/** Returns a true-or-false field, or undefined if it is absent. */
export function optionalBoolean(fields: Fields, name: string, what: string): boolean | undefined {
  const value = fields[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return value;
  throw malformed(what, `"${name}" is not true or false`);
}

/** Returns a value that must be a size in bytes, exactly representable as a number. */
export function safeSize(value: unknown, what: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw malformed(what, "it is not a whole number of bytes");
}

function malformed(what: string, why: string): KilnError {
  return new KilnError("integrity", `Cannot read ${what}: ${why}`);
}
