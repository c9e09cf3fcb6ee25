/**
 * `WWW-Authenticate`: how a registry wants us to prove who we are.
 *
 * Grammar: https://www.rfc-editor.org/rfc/rfc9110#section-11.3. Parsed by hand in one pass, as the text comes from
 * outside and a backtracking regular expression could be made to hang on it.
 *
 * @module
 */

/** One challenge: a scheme in lower case, and its parameters by lower-case name. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer values are not looked at: no registry needs this much to say where tokens are to be had. */
const CAP = 8 * 1024;

/**
 * Parses the values of all `WWW-Authenticate` lines. What follows a malformed part of a value is dropped: a challenge
 * half understood is not answered.
 */
export function parseChallenges(values: readonly string[]): readonly Challenge[] {
  return values.filter((value) => value.length <= CAP).flatMap(parseValue);
}

function parseValue(text: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  const reader = new Reader(text);
  reader.skipSeparators();
  while (!reader.atEnd) {
    const scheme = reader.token();
    // After a scheme comes a space and its parameters, or nothing, or the comma before the next scheme.
    if (scheme === "" || !(reader.atEnd || reader.at(" ") || reader.at("\t") || reader.at(","))) break;
    const parameters = new Map<string, string>();
    const sound = readParameters(reader, parameters);
    if (!sound) break;
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    reader.skipSeparators();
  }
  return challenges;
}

/** Reads `name=value` pairs until the next scheme; returns false if the text is malformed. */
function readParameters(reader: Reader, parameters: Map<string, string>): boolean {
  for (;;) {
    reader.skipSeparators();
    const start = reader.position;
    const name = reader.token();
    if (name === "") return reader.atEnd;
    reader.skipBlanks();
    if (!reader.take("=")) {
      // A token without "=" is the next scheme.
      reader.position = start;
      return true;
    }
    reader.skipBlanks();
    const value = reader.at('"') ? reader.quoted() : reader.token();
    if (value === undefined) return false;
    // The first of equals: a later one could only come from whoever appended to the header.
    if (!parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
}

class Reader {
  position = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.position >= this.#text.length;
  }

  at(character: string): boolean {
    return this.#text[this.position] === character;
  }

  take(character: string): boolean {
    if (!this.at(character)) return false;
    this.position++;
    return true;
  }

  skipBlanks(): void {
    while (this.at(" ") || this.at("\t")) this.position++;
  }

  skipSeparators(): void {
    while (this.at(" ") || this.at("\t") || this.at(",")) this.position++;
  }

  /** Reads what may stand unquoted: RFC 9110 tokens, and "/", ":" and the like, which registries leave unquoted too. */
  token(): string {
    const start = this.position;
    while (!this.atEnd && !' \t,="'.includes(this.#text[this.position] ?? "")) this.position++;
    return this.#text.slice(start, this.position);
  }

  /** Reads a quoted string; undefined if it does not end. */
  quoted(): string | undefined {
    this.position++;
    let value = "";
    while (!this.atEnd) {
      if (this.take('"')) return value;
      if (this.at("\\")) this.position++;
      value += this.#text[this.position] ?? "";
      this.position++;
    }
    return undefined;
  }
}
