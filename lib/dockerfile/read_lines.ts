/**
 * The lexer: a Dockerfile becomes logical lines, with continuations merged, comments removed, flags split off and
 * heredocs attached (dockerfile.md 1.1 to 1.7). Unknown instructions are no error here.
 *
 * Work is linear in the size of the file.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type Directives, DirectiveWindow, escapeOf, findEarlyDirectives } from "./directives.ts";
import { findHeredocs, stripLeadingTabs } from "./heredoc.ts";
import { parseJsonArray } from "./json_array.ts";
import { keywordOf } from "./keyword.ts";
import type { Escape, Heredoc, LogicalLine } from "./line.ts";
import { locate } from "./locate.ts";
import { lineRange, splitPhysicalLines, trimLineEnd } from "./physical_lines.ts";
import type { SourceRange } from "./source.ts";
import { splitInstruction } from "./split_instruction.ts";
import { trimSpace, trimSpaceStart } from "./white_space.ts";

/**
 * The most instructions in a Dockerfile. Images have at most 500 layers; a million instructions would keep the builder
 * busy for hours (pains-and-security.md S77).
 */
export const MAX_INSTRUCTIONS = 10_000;

/** What a Dockerfile consists of. */
export interface SourceLines {
  readonly lines: readonly LogicalLine[];
  readonly directives: Directives;
  /** The escape character in force, a backslash unless a directive says otherwise. */
  readonly escape: Escape;
  /** The last lines of continued instructions with blank lines inside. */
  readonly blankLines: readonly SourceRange[];
}

/**
 * Reads a Dockerfile, as bytes or as text; `file` is its name in positions.
 *
 * @throws {KilnError} kind `dockerfile`, with a position unless the file is empty.
 */
export function readLines(source: Uint8Array | string, file: string): SourceLines {
  const bytes = typeof source === "string" ? new TextEncoder().encode(source) : source;
  if (bytes.length === 0) throw new KilnError("dockerfile", `Cannot read "${file}": it is empty`);
  const physical = splitPhysicalLines(bytes, file);
  const reader = new LineReader(physical, file);
  const lines = reader.readAll();
  if (lines.length === 0) {
    throw new KilnError("dockerfile", `Cannot read "${file}": it has no instructions`)
      .locate(lineRange(file, physical.length));
  }
  return {
    lines,
    directives: { ...findEarlyDirectives(physical, file), ...reader.directives },
    escape: reader.escape,
    blankLines: reader.blankLines,
  };
}

/** Splits the line that ONBUILD carries. It has the heredocs and the position of the ONBUILD line. */
export function nestedLine(line: LogicalLine): LogicalLine {
  const { typed, flags, rest } = splitInstruction(line.rest, line.escape);
  return { ...line, keyword: keywordOf(typed) ?? typed, typed, flags, rest, text: line.rest, comments: [] };
}

class LineReader {
  readonly blankLines: SourceRange[] = [];
  readonly directives: { escape?: Escape } = {};
  escape: Escape = "\\";
  readonly #physical: readonly string[];
  readonly #file: string;
  readonly #window = new DirectiveWindow();
  /** Index of the next physical line, which is also the number of the last line read. */
  #at = 0;
  #comments: string[] = [];

  constructor(physical: readonly string[], file: string) {
    this.#physical = physical;
    this.#file = file;
  }

  readAll(): readonly LogicalLine[] {
    const lines: LogicalLine[] = [];
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const line = this.#readLine(raw);
      if (line === undefined) continue;
      if (lines.length === MAX_INSTRUCTIONS) {
        const state = `it has more than ${MAX_INSTRUCTIONS} instructions`;
        throw new KilnError("dockerfile", `Cannot read "${this.#file}": ${state}`, { range: line.range });
      }
      lines.push(line);
      this.#comments = [];
    }
    return lines;
  }

  /** Reads the logical line that starts with a physical one; undefined for blank lines, comments and directives. */
  #readLine(raw: string): LogicalLine | undefined {
    const startLine = this.#at;
    const start = trimSpaceStart(trimLineEnd(raw));
    const directive = this.#window.read(start, lineRange(this.#file, startLine));
    if (directive?.name === "escape") this.directives.escape = this.escape = escapeOf(directive);
    if (directive !== undefined) return undefined;
    if (start.startsWith("#")) {
      this.#remember(raw);
      return undefined;
    }
    const first = trimContinuation(start, this.escape);
    if (!first.continues && first.text === "") return undefined;
    const text = first.continues ? first.text + this.#readContinuation() : first.text;
    const range: SourceRange = { file: this.#file, startLine, endLine: this.#at };
    return locate(range, () => this.#assemble(text, range));
  }

  #readContinuation(): string {
    const parts: string[] = [];
    let hasBlankLine = false;
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const inner = trimSpaceStart(raw);
      if (inner.startsWith("#")) continue;
      if (inner === "") {
        hasBlankLine = true;
        continue;
      }
      const { text, continues } = trimContinuation(trimLineEnd(raw), this.escape);
      parts.push(text);
      if (!continues) break;
    }
    if (hasBlankLine) this.blankLines.push(lineRange(this.#file, this.#at));
    return parts.join("");
  }

  #assemble(text: string, range: SourceRange): LogicalLine {
    const { typed, flags, rest } = splitInstruction(text, this.escape);
    const line: LogicalLine = {
      keyword: keywordOf(typed) ?? typed,
      typed,
      flags,
      rest,
      text,
      heredocs: [],
      comments: this.#comments,
      range,
      escape: this.escape,
    };
    if (!text.includes("<<") || !takesHeredocs(line)) return line;
    const heredocs = findHeredocs(text).map((word): Heredoc => {
      const raw = this.#readHeredoc(word, range);
      return { ...word, raw, body: word.stripTabs ? stripLeadingTabs(raw) : raw };
    });
    return { ...line, heredocs, range: { ...range, endLine: this.#at } };
  }

  #readHeredoc(word: { readonly name: string; readonly stripTabs: boolean }, range: SourceRange): string {
    const start = this.#at;
    for (let raw = this.#next(); raw !== undefined; raw = this.#next()) {
      const end = trimLineEnd(raw);
      if ((word.stripTabs ? stripLeadingTabs(end) : end) !== word.name) continue;
      return this.#physical.slice(start, this.#at - 1).join("");
    }
    throw new KilnError("dockerfile", `Cannot read the heredoc "${word.name}": no line "${word.name}" ends it`, {
      range: { ...range, endLine: this.#at },
    });
  }

  /** Keeps a comment for the instruction below. An empty one makes the ones above it a comment of nobody. */
  #remember(raw: string): void {
    const comment = trimSpace(raw.slice(1));
    if (comment === "") this.#comments = [];
    else this.#comments.push(comment);
  }

  #next(): string | undefined {
    const raw = this.#physical[this.#at];
    if (raw !== undefined) this.#at++;
    return raw;
  }
}

/**
 * Removes the escape character that continues a line, and blanks behind it. It must not follow another escape
 * character; that three in a row do not continue the line either is a limitation of BuildKit's, kept.
 */
function trimContinuation(line: string, escape: Escape): { readonly text: string; readonly continues: boolean } {
  let end = line.length;
  while (end > 0 && (line[end - 1] === " " || line[end - 1] === "\t")) end--;
  if (end === 0 || line[end - 1] !== escape) return { text: line, continues: false };
  if (end > 1 && line[end - 2] === escape) return { text: line, continues: false };
  return { text: line.slice(0, end - 1), continues: true };
}

/** RUN, COPY and ADD, and ONBUILD of these, unless their arguments are JSON. */
function takesHeredocs(line: LogicalLine): boolean {
  const inner = line.keyword === "ONBUILD" ? nestedLine(line) : line;
  if (inner.keyword !== "RUN" && inner.keyword !== "COPY" && inner.keyword !== "ADD") return false;
  return parseJsonArray(inner.rest) === undefined;
}
