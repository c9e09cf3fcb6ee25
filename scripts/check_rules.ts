/**
 * Checks that every rule of docs/dockerfile_rules.md is cited by a test, and that tests cite no others.
 *
 *     deno run -A scripts/check_rules.ts
 *
 * A rule is cited as `[3.3/5]` anywhere in a text file below tests/ (in the name of a test, or in a comment of a
 * Dockerfile that is built), or as `["3.3/5", ...`, the first cell of a row. A rule that ends with "Not built yet." needs
 * no test, and must not have one.
 *
 * @module
 */
import { join } from "node:path/posix";

/** How many numbered rules each section has; none that was there once gets lost. */
const NUMBERED: Readonly<Record<string, number>> = {
  ...{ "1.1": 6, "1.2": 3, "1.3": 9, "1.4": 5, "1.5": 4, "1.6": 3, "1.7": 11, "1.8": 0, "1.9": 4 },
  ...{ "2.1": 3, "2.2": 9, "2.3": 8, "2.4": 4, "3.0": 11, "3.1": 7, "3.2": 15, "3.3": 15, "3.4": 4, "3.5": 2 },
  ...{ "3.6": 0, "3.7": 0, "3.8": 3, "3.9": 0, "3.10": 1, "3.11": 0, "3.12": 1, "3.13": 4, "3.14": 2, "3.15": 0 },
  ...{ "4.1": 6, "4.2": 2, "4.3": 8 },
};

const TABLE = "docs/dockerfile_rules.md";
const ID = String.raw`[1-4]\.\d{1,2}(?:/[a-z0-9]+)?`;
const CITATION = new RegExp(String.raw`\[(${ID})\]|\[\s*"(${ID})",`, "g");
const UNBUILT = /Not built yet\.$/;

/** A rule: `3.3/5`, `3.3/link`, or `3.9`, where a section begins with a paragraph. */
export interface Rule {
  readonly id: string;
  readonly text: string;
}

/** Returns the rules of the document, in its order. */
export function readRules(document: string): readonly Rule[] {
  const rules: { id: string; text: string }[] = [];
  let section: string | undefined;
  let isText = false;
  for (const line of document.split("\n")) {
    const heading = /^## (\d+\.\d+) /.exec(line)?.[1];
    const item = /^(?:(\d+)\. |- \*\*([a-z]+)\*\*: )(.*)/.exec(line);
    if (heading !== undefined) section = heading;
    if (heading !== undefined || section === undefined || line === "") {
      isText = false;
    } else if (item !== null) {
      rules.push({ id: `${section}/${item[1] ?? item[2]}`, text: item[3] ?? "" });
      isText = true;
    } else if (isText) {
      const last = rules.at(-1);
      if (last !== undefined) last.text += ` ${line.trim()}`;
    } else {
      rules.push({ id: section, text: line });
      isText = true;
    }
  }
  return rules;
}

/** Returns what is wrong: rules without a test, citations of rules that are not there, rules that are missing. */
export function findFaults(document: string, tests: Readonly<Record<string, string>>): readonly string[] {
  const rules = readRules(document);
  const faults: string[] = [];
  const ids = new Map(rules.map((rule) => [rule.id, rule]));
  if (ids.size < rules.length) faults.push("a number stands twice");
  const cited = new Map<string, string>();
  for (const [path, text] of Object.entries(tests)) {
    for (const id of new Set([...text.matchAll(CITATION)].map(([, named, row]) => named ?? row ?? ""))) {
      cited.set(id, path);
      const section = id.split("/")[0] ?? "";
      // A whole section may be cited for what none of its rules says alone.
      if (!ids.has(id) && (id !== section || NUMBERED[section] === undefined)) {
        faults.push(`${path} cites [${id}], which is not there`);
      }
    }
  }
  for (const { id, text } of rules) {
    const path = cited.get(id);
    if (UNBUILT.test(text) && path !== undefined) faults.push(`[${id}] is built: ${path} cites it`);
    if (!UNBUILT.test(text) && path === undefined) faults.push(`[${id}] is cited by no test: ${text}`);
  }
  for (const [section, count] of Object.entries(NUMBERED)) {
    const ids = rules.map(({ id }) => id).filter((id) => new RegExp(`^${section}/\\d+$`).test(id));
    const right = Array.from({ length: count }, (_, at) => `${section}/${at + 1}`);
    if (ids.join() !== right.join()) faults.push(`${section} has ${ids.join(" ") || "no rules"}, not 1 to ${count}`);
  }
  return faults;
}

/** Every text file below a folder. */
function readTests(root: string, folder: string, texts: Record<string, string> = {}): Record<string, string> {
  for (const { name, isDirectory, isFile } of Deno.readDirSync(join(root, folder))) {
    const path = join(folder, name);
    if (isDirectory) readTests(root, path, texts);
    // What was recorded or is expected of a build holds texts of Dockerfiles, comments of which are none of them.
    else if (isFile && (name === "Dockerfile" || /\.(ts|sh|txt)$/.test(name))) {
      texts[path] = Deno.readTextFileSync(join(root, path));
    }
  }
  return texts;
}

function main(): void {
  const root = join(import.meta.dirname ?? ".", "..");
  const document = Deno.readTextFileSync(join(root, TABLE));
  const tests = readTests(root, "tests");
  // The check's own tests cite what is not there.
  delete tests["tests/unit/scripts/check_rules_test.ts"];
  const faults = findFaults(document, tests);
  for (const fault of faults) console.error(`${TABLE}: ${fault}`);
  if (faults.length > 0) Deno.exitCode = 1;
  else console.log(`${readRules(document).length} rules`);
}

if (import.meta.main) main();
