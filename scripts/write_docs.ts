/**
 * Writes what the documentation takes from the flag table, so that it cannot drift from the program: `docs/flags.md`,
 * and the table of `docs/coming-from-kaniko.md`.
 *
 *     deno run -A scripts/write_docs.ts
 *
 * @module
 */
import { formatFlagDocs } from "./docs/flag_page.ts";
import { withKanikoTable } from "./docs/kaniko_table.ts";

const DOCS = new URL("../docs/", import.meta.url);

if (import.meta.main) {
  await Deno.writeTextFile(new URL("flags.md", DOCS), formatFlagDocs());
  const page = new URL("coming-from-kaniko.md", DOCS);
  await Deno.writeTextFile(page, withKanikoTable(await Deno.readTextFile(page)));
}
