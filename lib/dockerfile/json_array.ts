/**
 * The JSON form of arguments: `["a", "b"]`.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { trimSpaceStart } from "./white_space.ts";

/**
 * Returns the strings of a JSON array, or undefined when the text is anything else: single quotes, text behind the
 * bracket, no bracket. Such text silently has the other form of its instruction.
 *
 * @throws {KilnError} kind `dockerfile`, if it is an array that holds something other than strings.
 */
export function parseJsonArray(text: string): readonly string[] | undefined {
  const start = trimSpaceStart(text);
  if (!start.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(start);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  return value.map((element: unknown, at) => {
    // Lone surrogates cannot be written as UTF-8; Go replaces them as well.
    if (typeof element === "string") return element.toWellFormed();
    throw new KilnError("dockerfile", `Cannot use the JSON array: element ${at + 1} is not a string`, {
      hint: "put every element in double quotes",
    });
  });
}
