/**
 * `executor debug parse`: a Dockerfile as nested lists, in the dump format of BuildKit's parser tests (decisions.md 14).
 *
 * One instruction a line: the word in lower case, the flags, then every argument as Go quotes strings. Pairs of ENV and
 * LABEL are name, value and delimiter ("" in the old form). Heredocs are not shown. An instruction nobody knows has one
 * empty argument.
 *
 * @module
 */
import {
  type Command,
  parseCheck,
  parseCommand,
  parseNameValues,
  parsePaths,
  parseQuotedWords,
  parseWords,
} from "./arguments.ts";
import { goQuote, goQuoteList } from "./go_quote.ts";
import type { LogicalLine } from "./line.ts";
import { locate } from "./locate.ts";
import { nestedLine, readLines } from "./read_lines.ts";

/** Returns the dump of a Dockerfile, each line with its line end. Throws as `readLines` and the argument shapes do. */
export function dumpDockerfile(source: Uint8Array | string, file: string): string {
  return readLines(source, file).lines.map((line) => `${locate(line.range, () => dumpLine(line))}\n`).join("");
}

function dumpLine(line: LogicalLine): string {
  const flags = line.flags.length === 0 ? [] : [goQuoteList(line.flags)];
  return `(${[line.typed.toLowerCase(), ...flags, ...dumpArguments(line)].filter((word) => word !== "").join(" ")})`;
}

function dumpArguments(line: LogicalLine): readonly string[] {
  switch (line.keyword) {
    case "ADD":
    case "COPY":
    case "VOLUME":
      return parsePaths(line.rest).words.map(goQuote);
    case "FROM":
    case "EXPOSE":
      return parseWords(line.rest).map(goQuote);
    case "RUN":
    case "CMD":
    case "ENTRYPOINT":
    case "SHELL":
      return dumpCommand(parseCommand(line.rest));
    case "ENV":
    case "LABEL":
      return parseNameValues(line).flatMap(({ name, value, legacy }) => [name, value, legacy ? "" : "="]).map(goQuote);
    case "ARG":
      return parseQuotedWords(line).map(goQuote);
    case "HEALTHCHECK": {
      const check = parseCheck(line.rest);
      return check === undefined ? [] : [goQuote(check.type), ...dumpCommand(check.command)];
    }
    case "ONBUILD":
      return line.rest === "" ? [] : [dumpLine(nestedLine(line))];
    case "MAINTAINER":
    case "STOPSIGNAL":
    case "USER":
    case "WORKDIR":
      return line.rest === "" ? [] : [goQuote(line.rest)];
    default:
      return [goQuote("")];
  }
}

function dumpCommand(command: Command | undefined): readonly string[] {
  if (command === undefined) return [];
  return command.form === "exec" ? command.argv.map(goQuote) : [goQuote(command.text)];
}
