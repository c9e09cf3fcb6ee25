/**
 * JSON documents for people and programs: indented, and safe to print.
 *
 * @module
 */
import { escapeControlsInJson } from "./escape.ts";

/** Returns the JSON of a value, with a line end. */
export function formatJsonDocument(value: unknown): string {
  const lines = JSON.stringify(value, undefined, 2).split("\n");
  return lines.map((line) => `${escapeControlsInJson(line)}\n`).join("");
}
