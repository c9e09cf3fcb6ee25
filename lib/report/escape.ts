/**
 * Making text safe to print: names of files, stages and images come from strangers, and a line break or an escape
 * code in one would forge log lines or drive the terminal (attack S11, log injection).
 *
 * @module
 */

/**
 * C0 and C1 controls, the line separators U+2028 and U+2029, and the bidirectional controls that reorder what is
 * displayed (the "Trojan Source" attack). A tab is a control too, but harmless and common in Dockerfiles.
 */
// deno-lint-ignore no-control-regex -- control characters are what this is about
const UNSAFE = /[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Replaces every character that could break a line or drive a terminal by `\n`, `\xHH` or `\uHHHH`. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, escapeOne);
}

/** Does the same within the text of a JSON document, whose reader gets the characters as they were. */
export function escapeControlsInJson(json: string): string {
  return json.replace(UNSAFE, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function escapeOne(char: string): string {
  if (char === "\n") return "\\n";
  if (char === "\r") return "\\r";
  const code = char.charCodeAt(0);
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
