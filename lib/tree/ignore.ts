/**
 * `.dockerignore`: which paths of a build context are not there (dockerfile.md 4.2, 4.3).
 *
 * Patterns are tried in order and the last one that matches decides. A pattern that matched a directory counts as
 * matching everything below it, so each directory of a walk carries the patterns that matched it. As in BuildKit's
 * walk, a pattern that could change nothing when its turn came is not carried: `a`, `!a/b`, `a` brings `a/b` back.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathFrom } from "../io/byte_path.ts";
import { matchesGlob, type Token } from "./glob.ts";
import { IgnoreNode } from "./ignore_index.ts";
import { type IgnorePattern, readIgnoreLine, readIgnorePattern } from "./ignore_pattern.ts";

/** The rules of one file. */
export interface IgnoreRules {
  /** The directory that the patterns are relative to; a walk starts here. */
  readonly root: IgnoredDirectory;
  /** Whether any pattern starts with `!`. */
  readonly hasExceptions: boolean;
  /** Tells whether a path below the root is excluded; the root itself never is. */
  excludes(path: BytePath): boolean;
  /** Tells whether a directory is excluded and no pattern can bring back anything below it. */
  prunes(path: BytePath): boolean;
}

/** What the rules say about one directory, and so about what is below it. Immutable. */
export interface IgnoredDirectory {
  readonly isExcluded: boolean;
  /** Whether a walk may leave it out: it is excluded, and no `!` can match anything below. */
  readonly isPrunable: boolean;
  /** Tells whether an entry of this directory is excluded. */
  excludes(name: BytePath): boolean;
  /** Returns a directory in this one. */
  enter(name: BytePath): IgnoredDirectory;
}

/** The most bytes of one line, as in BuildKit. */
const MAX_LINE_BYTES = 65_535;

const BYTE_ORDER_MARK = "\xef\xbb\xbf";

/** Reads a `.dockerignore`; `file` is its name in messages. Throws as `parseIgnoreLines`. */
export function parseIgnoreFile(bytes: Uint8Array, file: string): IgnoreRules {
  return parseIgnoreLines(splitIgnoreLines(bytes), file);
}

/** Splits a `.dockerignore` into lines without line ends and without byte order mark. */
export function splitIgnoreLines(bytes: Uint8Array): readonly BytePath[] {
  const text = bytePathFrom(bytes);
  const lines = (text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text).split("\n");
  return lines.map((line) => line.endsWith("\r") ? line.slice(0, -1) : line);
}

/**
 * Compiles the lines of a `.dockerignore`, comments included.
 *
 * @throws {KilnError} kind `context`, with a position, if a line is not a pattern.
 */
export function parseIgnoreLines(lines: readonly BytePath[], file = ".dockerignore"): IgnoreRules {
  const patterns: IgnorePattern[] = [];
  for (const [at, line] of lines.entries()) {
    const range = { file, startLine: at + 1, endLine: at + 1 };
    const found = line.length > MAX_LINE_BYTES
      ? { bad: `it has ${line.length} bytes, ${MAX_LINE_BYTES} at most` }
      : readIgnoreLine(line, at + 1);
    if (found === undefined) continue;
    if ("bad" in found) {
      throw new KilnError("context", `Cannot read line ${at + 1} of "${file}": ${found.bad}`, { range });
    }
    patterns.push(found);
  }
  return new Rules(patterns);
}

/**
 * Compiles patterns that are not lines of a file.
 *
 * @throws {KilnError} kind `context`, if one is not a pattern.
 */
export function parseIgnorePatterns(patterns: readonly BytePath[]): IgnoreRules {
  return new Rules(patterns.flatMap((pattern, at) => {
    const found = readIgnorePattern(pattern, at + 1);
    if (found === undefined) return [];
    if ("bad" in found) throw new KilnError("context", `Cannot read the pattern "${pattern}": ${found.bad}`);
    return [found];
  }));
}

/** A pattern that is tried against whole paths. */
interface WholePattern {
  readonly number: number;
  readonly tokens: readonly Token[];
}

class Rules implements IgnoreRules {
  readonly root: Directory;
  readonly hasExceptions: boolean;
  readonly #tree = new IgnoreNode();
  readonly #whole: WholePattern[] = [];
  readonly #isException: readonly boolean[];
  readonly #lastWholeException: number;
  /** The directories that led to the last path asked for: a walk asks for neighbours. */
  #trail: { readonly name: BytePath; readonly directory: Directory }[] = [];

  constructor(patterns: readonly IgnorePattern[]) {
    this.#isException = patterns.map((pattern) => pattern.isException);
    this.hasExceptions = this.#isException.includes(true);
    let sameSince = 0;
    for (const [number, { form, isException }] of patterns.entries()) {
      if (isException !== this.#isException[sameSince]) sameSince = number;
      if (form.kind === "components") this.#tree.insert(form.components, { number, isException, sameSince });
      else this.#whole.push({ number, tokens: form.tokens });
    }
    this.#lastWholeException = this.#whole.findLast(({ number }) => this.#isException[number])?.number ?? -1;
    const nodes = new Set<IgnoreNode>();
    this.#tree.reach(nodes);
    this.root = new Directory(this, { path: "", nodes, matched: [] });
  }

  excludes(path: BytePath): boolean {
    const { parent, name } = this.#locate(path);
    return name !== undefined && parent.excludes(name);
  }

  prunes(path: BytePath): boolean {
    const { parent, name } = this.#locate(path);
    return name !== undefined && parent.enter(name).isPrunable;
  }

  /** Returns what patterns reach in an entry of a directory. */
  reach(directory: Place, name: BytePath): Reached {
    const path = directory.path === "" ? name : `${directory.path}/${name}`;
    const nodes = new Set<IgnoreNode>();
    for (const node of directory.nodes) node.follow(name, nodes);
    const whole = this.#whole.filter(({ tokens }) => matchesGlob(tokens, path)).map(({ number }) => number);
    return { path, nodes, whole };
  }

  isException(number: number): boolean {
    return this.#isException[number] ?? false;
  }

  /** Tells whether an exception with a number above `number` can match below a directory. */
  canBringBack(nodes: ReadonlySet<IgnoreNode>, number: number): boolean {
    if (this.#lastWholeException > number) return true;
    for (const node of nodes) {
      if (node.lastExceptionBelow > number) return true;
    }
    return false;
  }

  #locate(path: BytePath): { readonly parent: Directory; readonly name: BytePath | undefined } {
    const names = path.split("/").filter((part) => part !== "" && part !== ".");
    const name = names.pop();
    let parent = this.root;
    for (const [depth, part] of names.entries()) {
      const known = this.#trail[depth];
      if (known?.name === part) {
        parent = known.directory;
        continue;
      }
      parent = parent.enter(part);
      this.#trail.length = depth;
      this.#trail.push({ name: part, directory: parent });
    }
    return { parent, name };
  }
}

/** A path, and how far patterns have come there. */
interface Place {
  readonly path: BytePath;
  readonly nodes: ReadonlySet<IgnoreNode>;
}

interface Reached extends Place {
  /** Numbers of the whole-path patterns that match. */
  readonly whole: readonly number[];
}

interface DirectoryFields extends Place {
  /** Numbers of the patterns that matched this directory or one above it when their turn came, ascending. */
  readonly matched: readonly number[];
}

class Directory implements IgnoredDirectory {
  readonly #rules: Rules;
  readonly #fields: DirectoryFields;

  constructor(rules: Rules, fields: DirectoryFields) {
    this.#rules = rules;
    this.#fields = fields;
  }

  get isExcluded(): boolean {
    const last = this.#fields.matched.at(-1);
    return last !== undefined && !this.#rules.isException(last);
  }

  get isPrunable(): boolean {
    const last = this.#fields.matched.at(-1);
    return last !== undefined && this.isExcluded && !this.#rules.canBringBack(this.#fields.nodes, last);
  }

  excludes(name: BytePath): boolean {
    const { nodes, whole } = this.#rules.reach(this.#fields, name);
    let last = whole.at(-1) ?? -1;
    for (const { patterns } of nodes) last = Math.max(last, patterns.at(-1) ?? -1);
    const inherited = this.#fields.matched.at(-1) ?? -1;
    return last > inherited ? !this.#rules.isException(last) : this.isExcluded;
  }

  enter(name: BytePath): Directory {
    const { path, nodes, whole } = this.#rules.reach(this.#fields, name);
    const lists = [whole, ...Array.from(nodes, (node) => node.patterns)].filter((list) => list.length > 0);
    const numbers = lists.length === 1 && lists[0] ? lists[0] : lists.flat().sort((a, b) => a - b);
    const { matched } = this.#fields;
    return new Directory(this.#rules, { path, nodes, matched: numbers.length === 0 ? matched : this.#merge(numbers) });
  }

  /** Adds the patterns that match now, but only those that change the verdict when their turn comes. */
  #merge(numbers: readonly number[]): readonly number[] {
    const carried = this.#fields.matched;
    const merged: number[] = [];
    let excluded = false;
    const keep = (number: number): void => {
      if (merged.at(-1) === number) return;
      excluded = !this.#rules.isException(number);
      merged.push(number);
    };
    let at = 0;
    for (const number of numbers) {
      for (let next = carried[at]; next !== undefined && next <= number; next = carried[++at]) keep(next);
      if (this.#rules.isException(number) === excluded) keep(number);
    }
    for (let next = carried[at]; next !== undefined; next = carried[++at]) keep(next);
    return merged;
  }
}
