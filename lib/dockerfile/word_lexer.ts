/**
 * The word lexer: quotes, escapes and `$` of one text, as BuildKit's shell lexer reads them. It serves variable
 * expansion (`expand_word.ts`) and, with raw quotes and escapes, the search for heredocs in a line (`heredoc.ts`).
 *
 * Quirks kept on purpose: the word behind an operator is always evaluated, so `${a:-${b:?no}}` fails even if `a` is
 * set; the choice between `#` and `##` is made after the pattern was expanded; `${+x}` asks for the variable named "".
 * One quirk is not kept: BuildKit loses the text in front of `${a:-b}` when it splits into words, we do not.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Escape } from "./line.ts";
import { compilePattern, replaceMatches, trimPrefix, trimSuffix } from "./pattern.ts";
import { isSpace } from "./white_space.ts";

/** How to read a text. */
export interface WordLexerOptions {
  readonly escape: Escape;
  /** Returns what a variable is set to. */
  readonly variable: (name: string) => string | undefined;
  /** Most characters of the result. */
  readonly limit: number;
  /** Quotes are literal characters, as in heredoc bodies. */
  readonly literalQuotes?: true;
  /** Heredoc search: quotes and escapes stay in the text, variables that are not set are left as written. */
  readonly raw?: "quotes" | "quotes and escapes";
  /** Heredoc search: variables that are not set are left as written. */
  readonly keepUnset?: true;
}

/** What became of a text. */
export interface LexedWord {
  readonly text: string;
  /** Names of variables that were asked for, by whether they were set. */
  readonly found: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
}

/** The same, split at blanks outside quotes, without empty words. */
export interface LexedWords extends LexedWord {
  readonly words: readonly string[];
}

/** Most `${` inside one another; only attacks on the stack nest deeper. */
const MAX_DEPTH = 200;

const LETTER_OR_DIGIT = /[\p{L}\p{Nd}_]/u;
const DIGIT = /\p{Nd}/u;
const SPECIAL_PARAMETERS = "@*#?-$!0";

/** What is wrong with a text, and where in it what cannot be read begins. */
export class WordFault extends KilnError {
  readonly at: number;

  constructor({ message, hint }: KilnError, at: number) {
    super("dockerfile", message, hint === undefined ? {} : { hint });
    this.at = at;
  }
}

/** Reads a text. @throws {WordFault} says no more than what is wrong; the caller says of what */
export function lexWord(text: string, options: WordLexerOptions): LexedWord {
  const lexer = new WordLexer(text, options);
  return { text: lexer.read(undefined), found: lexer.found, missing: lexer.missing };
}

/** Reads a text and splits it into words. Throws likewise. */
export function lexWords(text: string, options: WordLexerOptions): LexedWords {
  const lexer = new WordLexer(text, options);
  const collector = new WordCollector();
  const result = lexer.read(collector);
  return { text: result, words: collector.finish(), found: lexer.found, missing: lexer.missing };
}

class WordLexer {
  readonly found = new Set<string>();
  readonly missing = new Set<string>();
  readonly #text: string;
  readonly #options: WordLexerOptions;
  #at: number;
  #depth = 0;
  /** Characters in all intermediate results: a bound on work and memory. */
  #produced = 0;
  #rawEscapes: boolean;
  /** Where the piece begins that is read now, with all that is inside it. */
  #start = 0;

  constructor(text: string, options: WordLexerOptions) {
    this.#text = text;
    this.#options = options;
    this.#rawEscapes = options.raw === "quotes and escapes";
    // BuildKit's scanner drops a byte order mark in front of every word.
    this.#at = text.startsWith("\ufeff") ? 1 : 0;
  }

  /** Reads the whole text. */
  read(words: WordCollector | undefined): string {
    try {
      return this.#readUntil(undefined, words);
    } catch (error) {
      throw error instanceof KilnError ? new WordFault(error, this.#start) : error;
    }
  }

  /** Reads an operand up to and including `stop`, its escapes kept or not. */
  #operand(stop: string, escapes: "raw" | "resolved"): string {
    const outer = this.#rawEscapes;
    this.#rawEscapes = escapes === "raw";
    const result = this.#readUntil(stop, undefined);
    this.#rawEscapes = outer;
    return result;
  }

  #readUntil(stop: string | undefined, words: WordCollector | undefined): string {
    const quotes = this.#options.literalQuotes === undefined;
    const special = `$<${this.#options.escape}${quotes ? "'\"" : ""}${stop ?? ""}`;
    let result = "";
    while (this.#at < this.#text.length) {
      if (stop === undefined) this.#start = this.#at;
      const char = this.#text.charAt(this.#at);
      if (char === stop) {
        this.#at++;
        return result;
      }
      let piece: string;
      if (!special.includes(char)) {
        piece = this.#plain(special);
        words?.add(piece);
      } else if (char === "$") {
        piece = this.#dollar();
        words?.add(piece);
      } else {
        if (char === "<") piece = this.#heredocMark();
        else if (char === "'") piece = this.#singleQuoted();
        else if (char === '"') piece = this.#doubleQuoted();
        else piece = this.#escaped();
        words?.addQuoted(piece);
      }
      result += this.#count(piece);
    }
    if (stop !== undefined) throw fault(`it ends where "${stop}" is missing`);
    return result;
  }

  /** Reads up to the next special character. */
  #plain(special: string): string {
    const start = this.#at;
    while (this.#at < this.#text.length && !special.includes(this.#text.charAt(this.#at))) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  #escaped(): string {
    const escape = this.#next();
    const char = this.#next();
    return this.#rawEscapes ? escape + char : char;
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end < 0) throw fault("a single quote is not closed");
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.raw === undefined ? inner : `'${inner}'`;
  }

  #doubleQuoted(): string {
    const quote = this.#options.raw === undefined ? "" : '"';
    const { escape } = this.#options;
    let result = quote;
    this.#at++;
    while (this.#at < this.#text.length) {
      const char = this.#text.charAt(this.#at);
      if (char === '"') {
        this.#at++;
        return result + quote;
      }
      if (char === "$") {
        result += this.#count(this.#dollar());
        continue;
      }
      this.#at++;
      if (char !== escape) {
        result += char + this.#plain(`"$${escape}`);
        continue;
      }
      const next = this.#peek();
      if (next === "") break;
      const special = next === '"' || next === "$" || next === escape;
      if (special) this.#at++;
      // Before any other character the escape stays; kept raw, it is doubled, so that a pattern takes it literally.
      result += (this.#rawEscapes ? escape : "") + (special ? next : escape);
    }
    throw fault("a double quote is not closed");
  }

  /** `<` or `<<`, to which blanks belong: in `<< EOF` they do not separate words. */
  #heredocMark(): string {
    this.#at++;
    if (this.#peek() !== "<") return "<";
    const start = this.#at++;
    // The reference allows "<<- EOF"; BuildKit's own line lexer splits there.
    if (this.#peek() === "-" && isHeredocBlank(this.#text.charAt(this.#at + 1))) this.#at++;
    while (isHeredocBlank(this.#peek())) this.#at++;
    return `<${this.#text.slice(start, this.#at)}`;
  }

  #dollar(): string {
    this.#at++;
    if (this.#peek() === "{") {
      if (++this.#depth > MAX_DEPTH) throw fault(`"\${" is nested more than ${MAX_DEPTH} deep`);
      const result = this.#braces();
      this.#depth--;
      return result;
    }
    const name = this.#name();
    if (name === "") return "$";
    return this.#lookUp(name) ?? (this.#options.keepUnset ? `$${name}` : "");
  }

  #braces(): string {
    this.#at++;
    const first = this.#peek();
    if (first === "") throw missingBrace();
    if (first === "{" || first === "}" || first === ":") throw fault(`"\${${first}" is not a substitution`);
    const name = this.#name();
    const operator = this.#next();
    switch (operator) {
      case "":
      case "\n":
      case "\r":
        throw missingBrace();
      case "}":
        return this.#lookUp(name) ?? (this.#options.keepUnset ? `\${${name}}` : "");
      case "/":
        return this.#replace(name);
      case ":":
      case "+":
      case "-":
      case "?":
      case "#":
      case "%":
        return this.#modify(name, operator);
      default:
        throw notAnOperator(name, operator);
    }
  }

  #modify(name: string, first: string): string {
    const colon = first === ":";
    const operator = colon ? this.#next() : first;
    const shown = colon ? `:${operator}` : operator;
    const isTrim = operator === "#" || operator === "%";
    if (colon && (isTrim || operator === "")) throw operator === "" ? missingBrace() : notAnOperator(name, shown);
    const word = this.#operand("}", isTrim ? "raw" : "resolved");
    const value = this.#lookUp(name);
    // Only now: BuildKit has looked the variable up, and may have warned of it.
    if (colon && !["+", "-", "?"].includes(operator)) throw notAnOperator(name, shown);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${shown}${word}}`;
    const isSet = value !== undefined && !(colon && value === "");
    switch (operator) {
      case "-":
        return isSet ? value : word;
      case "+":
        return isSet ? word : "";
      case "?":
        if (isSet) return value;
        throw fault(`${name}: ${word || `is not allowed to be ${value === undefined ? "unset" : "empty"}`}`);
      default: {
        const doubled = word.startsWith(operator);
        const trim = operator === "#" ? trimPrefix : trimSuffix;
        return trim(value ?? "", compilePattern(doubled ? word.slice(1) : word), doubled ? "longest" : "shortest");
      }
    }
  }

  #replace(name: string): string {
    const all = this.#peek() === "/";
    if (all) this.#at++;
    const pattern = this.#operand("/", "raw");
    const replacement = this.#operand("}", "raw");
    const value = this.#lookUp(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}/${all ? "/" : ""}${pattern}/${replacement}}`;
    const how = { replacement, matches: all ? "all" : "first", limit: this.#options.limit } as const;
    return replaceMatches(value ?? "", compilePattern(pattern), how);
  }

  /** A name, a run of digits, or one special parameter. */
  #name(): string {
    const start = this.#at;
    const first = this.#peek();
    if (DIGIT.test(first)) {
      while (DIGIT.test(this.#peek())) this.#next();
    } else if (first !== "" && SPECIAL_PARAMETERS.includes(first)) {
      this.#at++;
    } else {
      while (LETTER_OR_DIGIT.test(this.#peek())) this.#next();
    }
    return this.#text.slice(start, this.#at);
  }

  #lookUp(name: string): string | undefined {
    const value = this.#options.variable(name);
    (value === undefined ? this.missing : this.found).add(name);
    return value;
  }

  #count(piece: string): string {
    this.#produced += piece.length;
    if (this.#produced > this.#options.limit) throw fault(`it becomes longer than ${this.#options.limit} characters`);
    return piece;
  }

  /** Returns the character here, "" at the end. */
  #peek(): string {
    const point = this.#text.codePointAt(this.#at);
    return point === undefined ? "" : point > 0xffff ? String.fromCodePoint(point) : this.#text.charAt(this.#at);
  }

  #next(): string {
    const char = this.#peek();
    this.#at += char.length;
    return char;
  }
}

/** Splits what the lexer produces into words, at white space that was neither quoted nor escaped. */
class WordCollector {
  readonly #words: string[] = [];
  #word = "";

  /** Adds text whose white space separates words. */
  add(text: string): void {
    for (const char of text) {
      if (isSpace(char)) this.#end();
      else this.#word += char;
    }
  }

  /** Adds text whose white space belongs to the word. */
  addQuoted(text: string): void {
    this.#word += text;
  }

  finish(): readonly string[] {
    this.#end();
    return this.#words;
  }

  #end(): void {
    if (this.#word !== "") this.#words.push(this.#word);
    this.#word = "";
  }
}

function isHeredocBlank(char: string): boolean {
  return char === " " || char === "\t" || char === "\r";
}

function notAnOperator(name: string, operator: string): KilnError {
  return fault(`"${operator}" is not an operator in "\${${name}${operator}"`);
}

function missingBrace(): KilnError {
  return fault('a "}" is missing');
}

function fault(state: string): KilnError {
  return new KilnError("dockerfile", state);
}
