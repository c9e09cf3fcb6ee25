/**
 * Checks the table of attacks and faults in docs/security.md: every case has a row, every row names tests that are
 * there, or says why there is none; every file of tests/attacks is named.
 *
 *     deno run -A scripts/check_cases.ts
 *
 * A test is named by its file and a piece of what it is called there: `` `tests/x_test.ts` "S01 names with dots" ``.
 *
 * @module
 */
import { join } from "node:path/posix";

/** The cases there are: attacks S01 to S80 (S63 is two), faults F01 to F40. */
export const CASES: readonly string[] = [
  ...numbered("S", 80).flatMap((id) => id === "S63" ? ["S63a", "S63b"] : [id]),
  ...numbered("F", 40),
];

const TABLE = "docs/security.md";
const ATTACKS = "tests/attacks";
const ROW = /^\| ([SF][0-9]{2}[ab]?) +\|[^|]*\|(.*)\|$/;
const CITATION = /`(tests\/[^`]+)` "([^"]+)"/g;
/** Lines that are nothing but comments: what they say is not what a test is called. */
const COMMENT = /^[ ]*(?:\*|\/\*|\/\/).*$/gm;
const REASON = /(?:Does not apply|Not built yet): \S/;

/** Returns what is wrong with the table; `read` gives the text of a file, or undefined. */
export function findFaults(
  table: string,
  { read, attacks }: { readonly read: (path: string) => string | undefined; readonly attacks: readonly string[] },
): readonly string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const line of table.split("\n")) {
    const [, id, cell] = ROW.exec(line) ?? [];
    if (id === undefined || cell === undefined) continue;
    if (seen.has(id)) faults.push(`${id} has two rows`);
    seen.add(id);
    if (!CASES.includes(id)) faults.push(`${id} is not a case`);
    const citations = [...cell.matchAll(CITATION)];
    if (citations.length === 0 && !REASON.test(cell)) faults.push(`${id} names no test and gives no reason`);
    for (const [, path = "", text = ""] of citations) {
      const content = read(path);
      if (content === undefined) faults.push(`${id} names ${path}, which does not exist`);
      else if (!content.replaceAll(COMMENT, "").includes(text)) {
        faults.push(`${id} names "${text}", which is not in ${path}`);
      } else if (/^[\w.]+$/.test(text)) faults.push(`${id} names "${text}", which could be any test`);
    }
  }
  faults.push(...CASES.filter((id) => !seen.has(id)).map((id) => `${id} has no row`));
  faults.push(...attacks.filter((path) => !table.includes(`\`${path}\``)).map((path) => `no row names ${path}`));
  return faults;
}

function numbered(letter: string, last: number): readonly string[] {
  return Array.from({ length: last }, (_, at) => letter + String(at + 1).padStart(2, "0"));
}

function main(): void {
  const root = join(import.meta.dirname ?? ".", "..");
  const read = (path: string): string | undefined => {
    try {
      return Deno.readTextFileSync(join(root, path));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  const attacks = [...Deno.readDirSync(join(root, ATTACKS))]
    .filter(({ name }) => name.endsWith("_test.ts")).map(({ name }) => `${ATTACKS}/${name}`).sort();
  const faults = findFaults(read(TABLE) ?? "", { read, attacks });
  for (const fault of faults) console.error(`${TABLE}: ${fault}`);
  if (faults.length > 0) Deno.exitCode = 1;
  else console.log(`${CASES.length} cases`);
}

if (import.meta.main) main();
