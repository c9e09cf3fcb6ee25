/**
 * Git's config format, as `.gitmodules` and `.lfsconfig` have it: git-config(1), "CONFIGURATION FILE". Includes are not
 * followed, and nothing is executed.
 *
 * @module
 */

/** One `key = value` under its section. */
export interface ConfigEntry {
  /** In lower case. */
  readonly section: string;
  /** What stands in quotes: `[submodule "name"]`; "" without. */
  readonly subsection: string;
  /** In lower case. */
  readonly key: string;
  readonly value: string;
}

/** Reads all entries; undefined if the text is not in this format. */
export function parseConfig(text: string): readonly ConfigEntry[] | undefined {
  const entries: ConfigEntry[] = [];
  let section: string | undefined;
  let subsection = "";
  // A backslash at the end of a line continues a value.
  for (const line of text.replace(/^\ufeff/, "").replaceAll("\r\n", "\n").replaceAll("\\\n", "").split("\n")) {
    let rest = line.trim();
    const head = /^\[([A-Za-z0-9.-]+)(?:[ \t]+"((?:[^"\\]|\\.)*)")?\]/.exec(rest);
    if (head !== null) {
      section = (head[1] ?? "").toLowerCase();
      subsection = (head[2] ?? "").replace(/\\(.)/g, "$1");
      rest = rest.slice(head[0].length).trim();
    }
    if (rest === "" || rest.startsWith("#") || rest.startsWith(";")) continue;
    const pair = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*(=?)(.*)$/s.exec(rest);
    const value = pair === null ? undefined : pair[2] === "" ? "true" : parseValue((pair[3] ?? "").trim());
    if (pair === null || section === undefined || value === undefined) return undefined;
    entries.push({ section, subsection, key: (pair[1] ?? "").toLowerCase(), value });
  }
  return entries;
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", b: "\b", "\\": "\\", '"': '"' };

/** Undoes quotes and escapes, and drops a comment. */
function parseValue(text: string): string | undefined {
  let value = "";
  let solid = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (char === '"') {
      quoted = !quoted;
      solid = value.length;
    } else if (char === "\\") {
      const escaped = ESCAPES[text[++at] ?? ""];
      if (escaped === undefined) return undefined;
      value += escaped;
      solid = value.length;
    } else if (!quoted && (char === "#" || char === ";")) {
      break;
    } else {
      value += char;
      if (quoted || !/[ \t]/.test(char)) solid = value.length;
    }
  }
  // White space before a comment is not part of the value.
  return quoted ? undefined : value.slice(0, solid);
}
