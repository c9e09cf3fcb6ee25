/**
 * `executor debug`: the parser and the word expander from the outside, for tests and for people who wonder what
 * became of their Dockerfile. The forms of the output are kept stable (decisions.md 14).
 *
 * @module
 */
import { resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { escapeControls } from "../report/escape.ts";
import type { FlagValues } from "./flag.ts";
import type { WORDS_FLAGS } from "./commands.ts";
import type { Host } from "./host.ts";

/** Returns the dump of a Dockerfile, one instruction a line; throws a `KilnError` with a position. */
export type Dump = (text: string, file: string) => string;

/** Expands one line to words; throws a `KilnError`. */
export type ExpandLine = (
  line: string,
  options: { readonly variables: ReadonlyMap<string, string>; readonly escape: "\\" | "`" },
) => readonly string[];

/** What the commands read and write. */
export type DebugHost = Pick<Host, "cwd" | "stdin" | "stdout">;

/**
 * Prints the dump of a Dockerfile.
 *
 * @throws {KilnError} kind `dockerfile` if it does not parse, `usage` if it cannot be read.
 */
export async function debugParse(
  file: string,
  host: DebugHost,
  options: { readonly dump: Dump; readonly onText: (file: string, text: string) => void },
): Promise<void> {
  const text = await readText(file, resolve(host.cwd, file));
  options.onText(file, text);
  const dump = options.dump(text, file);
  host.stdout.write(new TextEncoder().encode(dump === "" || dump.endsWith("\n") ? dump : `${dump}\n`));
}

/** Expands each line of stdin, printing the JSON array of its words or `error: ` and what is wrong. */
export async function debugWords(
  flags: FlagValues<typeof WORDS_FLAGS>,
  host: DebugHost,
  options: { readonly expandLine: ExpandLine },
): Promise<void> {
  const encoder = new TextEncoder();
  for await (const line of linesOf(host.stdin)) {
    const answer = expand(line, { variables: flags.env, escape: flags.escape }, options.expandLine);
    host.stdout.write(encoder.encode(`${answer}\n`));
  }
}

function expand(line: string, options: Parameters<ExpandLine>[1], expandLine: ExpandLine): string {
  try {
    return JSON.stringify(expandLine(line, options));
  } catch (error) {
    if (error instanceof KilnError) return `error: ${escapeControls(error.message)}`;
    throw error;
  }
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

async function readText(file: string, path: string): Promise<string> {
  try {
    // The byte-order mark is the parser's business.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(await Deno.readFile(path));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const why = code === "ENOENT" ? "it does not exist" : `it cannot be read (${code})`;
    throw new KilnError("usage", `Cannot parse "${file}": ${why}`, { cause });
  }
}
