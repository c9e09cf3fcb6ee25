/**
 * The whole help is compared with the text file beside this test. To accept a change:
 *
 *     KILN_WRITE_GOLDEN=1 deno test -A tests/unit/cli/help_test.ts
 *
 * @module
 */
import assert from "node:assert/strict";
import { COMMANDS } from "../../../lib/cli/commands.ts";
import { FLAGS } from "../../../lib/cli/flags.ts";
import { formatHelp } from "../../../lib/cli/help.ts";

const GOLDEN = new URL("./help.txt", import.meta.url);

Deno.test("help, is the text that was agreed on", async () => {
  if (Deno.env.get("KILN_WRITE_GOLDEN") === "1") await Deno.writeTextFile(GOLDEN, formatHelp());
  assert.equal(formatHelp(), await Deno.readTextFile(GOLDEN));
});

Deno.test("help, fits into 80 columns", () => {
  for (const text of [formatHelp(), ...COMMANDS.map((command) => formatHelp(command))]) {
    for (const line of text.split("\n")) {
      assert.ok(line.length <= 80, line);
      assert.equal(line, line.trimEnd());
    }
  }
});

Deno.test("help, names every flag", () => {
  for (const name of Object.keys(FLAGS)) assert.match(formatHelp(), new RegExp(`--${name}(?![\\w-])`), name);
});

Deno.test("help, of a command shows its usage and flags", () => {
  const words = COMMANDS.find(({ name }) => name === "debug words");
  assert.ok(words !== undefined);
  assert.equal(
    formatHelp(words),
    `Expand the words that are read from stdin.

Reads one word expression a line and prints, for each, the JSON array of
expanded words, or "error: " and what is wrong.

Usage:
  executor debug words [--env NAME=VALUE]... [--escape CHAR]

Inputs:
      --env NAME=VALUE           A variable the words may use; repeatable
      --escape CHAR              The escape character, \\ or \` (default \\)

General:
  -h, --help                     Show this help
`,
  );
});
