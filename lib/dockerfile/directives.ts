/**
 * Parser directives: `# syntax=`, `# escape=` and `# check=` at the top of a file.
 *
 * Two readers see them. The parser takes leading comment lines one by one and stops for good at the first that is not a
 * known directive. A pass before it looks for `syntax` and `check` with more tolerance: it skips a `#!` line, and for
 * `syntax` it also tries `//` as the comment mark and the whole file as a JSON object. Hence `# escape=` behind a `#!`
 * line does nothing while `# syntax=` there works.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Escape } from "./line.ts";
import { lineRange, trimLineEnd } from "./physical_lines.ts";
import type { SourceRange } from "./source.ts";
import { trimSpaceStart } from "./white_space.ts";

/** The known names, lower case. */
export type DirectiveName = "syntax" | "escape" | "check";

/** One directive line. */
export interface Directive {
  readonly name: DirectiveName;
  /** The rest of the line, trimmed. For `syntax` and `check` the value proper ends at the first space. */
  readonly value: string;
  readonly range: SourceRange;
}

/** The directives of a file; what is absent was not given. */
export interface Directives {
  readonly syntax?: Directive;
  readonly escape?: Escape;
  readonly check?: Directive;
}

/** The blanks of Go's regular expressions: not those of JavaScript's `\s`. */
const FORM = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*([^\t\n\f\r ][^\n]*)$/;

/** The window at the top of a file in which directives are read, one line after the other. */
export class DirectiveWindow {
  readonly #mark: string;
  readonly #seen = new Set<DirectiveName>();
  #closed = false;

  /** `mark` is what a comment starts with; "" for the text of a comment. */
  constructor(mark: "#" | "//" | "" = "#") {
    this.#mark = mark;
  }

  /**
   * Reads the next line, without line end and leading blanks. Returns undefined when it is no directive.
   *
   * @throws {KilnError} kind `dockerfile`, if a directive is repeated.
   */
  read(line: string, range: SourceRange): Directive | undefined {
    if (this.#closed) return undefined;
    const found = line.startsWith(this.#mark) ? FORM.exec(trimSpaceStart(line.slice(this.#mark.length))) : null;
    const name = found?.[1]?.toLowerCase();
    if (name !== "syntax" && name !== "escape" && name !== "check") {
      this.#closed = true;
      return undefined;
    }
    if (this.#seen.has(name)) {
      throw new KilnError("dockerfile", `Cannot read the directive "${name}": it was given before`, { range });
    }
    this.#seen.add(name);
    return { name, value: trimBlanksEnd(found?.[2] ?? ""), range };
  }
}

/**
 * Returns the character an escape directive chooses.
 *
 * @throws {KilnError} kind `dockerfile`, if it is neither backslash nor backtick.
 */
export function escapeOf(directive: Directive): Escape {
  const { value, range } = directive;
  if (value === "\\" || value === "`") return value;
  throw new KilnError("dockerfile", `Cannot use "${value}" as the escape character: it is neither \\ nor \``, {
    range,
  });
}

/** Looks for `syntax` and `check` as the pass before the parser does. */
export function findEarlyDirectives(lines: readonly string[], file: string): Directives {
  const start = lines[0]?.startsWith("#!") ? 1 : 0;
  const found = windowOf(lines, { file, start, mark: "#" });
  const syntax = found.syntax ?? windowOf(lines, { file, start, mark: "//" }).syntax ?? jsonSyntax(lines, file);
  return {
    ...(syntax === undefined ? {} : { syntax }),
    ...(found.check === undefined ? {} : { check: found.check }),
  };
}

function windowOf(
  lines: readonly string[],
  { file, start, mark }: { readonly file: string; readonly start: number; readonly mark: "#" | "//" },
): { readonly syntax?: Directive; readonly check?: Directive } {
  const window = new DirectiveWindow(mark);
  const found: { syntax?: Directive; check?: Directive } = {};
  for (let at = start; at < lines.length; at++) {
    let directive: Directive | undefined;
    try {
      directive = window.read(trimLineEnd(lines[at] ?? ""), lineRange(file, at + 1));
    } catch {
      // A repeated directive ends the search; the parser reports it.
      break;
    }
    if (directive === undefined) break;
    if (directive.name !== "escape") found[directive.name] = directive;
  }
  return found;
}

function jsonSyntax(lines: readonly string[], file: string): Directive | undefined {
  if (!trimSpaceStart(lines[0] ?? "").startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(lines.join(""));
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("syntax" in value) || typeof value.syntax !== "string") {
    return undefined;
  }
  return { name: "syntax", value: value.syntax, range: lineRange(file, 1) };
}

function trimBlanksEnd(text: string): string {
  let end = text.length;
  while (end > 0 && "\t\n\f\r ".includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
