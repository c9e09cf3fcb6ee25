/**
 * All instructions by keyword: the one table that makes text into nodes.
 *
 * @module
 */
import { parseJsonArray } from "../dockerfile/json_array.ts";
import { KEYWORDS } from "../dockerfile/keyword.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import { KilnError } from "../errors.ts";
import { ADD } from "./add.ts";
import { ARG } from "./arg.ts";
import { CMD } from "./cmd.ts";
import { COPY } from "./copy.ts";
import { ENTRYPOINT } from "./entrypoint.ts";
import { ENV } from "./env.ts";
import { EXPOSE } from "./expose.ts";
import { FROM } from "./from.ts";
import { HEALTHCHECK } from "./healthcheck.ts";
import type { Instruction, Node } from "./instruction.ts";
import { LABEL } from "./label.ts";
import { MAINTAINER } from "./maintainer.ts";
import { ONBUILD } from "./onbuild.ts";
import { RUN } from "./run.ts";
import { SHELL } from "./shell.ts";
import { STOPSIGNAL } from "./stopsignal.ts";
import { USER } from "./user.ts";
import { VOLUME } from "./volume.ts";
import { WORKDIR } from "./workdir.ts";

const ALL: readonly Instruction[] = [
  ADD,
  ARG,
  CMD,
  COPY,
  ENTRYPOINT,
  ENV,
  EXPOSE,
  FROM,
  HEALTHCHECK,
  LABEL,
  MAINTAINER,
  ONBUILD,
  RUN,
  SHELL,
  STOPSIGNAL,
  USER,
  VOLUME,
  WORKDIR,
];

/** The 18 instructions. */
export const INSTRUCTIONS: ReadonlyMap<string, Instruction> = new Map(ALL.map((each) => [each.keyword, each]));

/**
 * Returns the instruction of a line.
 *
 * @throws {KilnError} kind `dockerfile`, if there is no such instruction.
 */
export function instructionOf(line: LogicalLine): Instruction {
  const found = INSTRUCTIONS.get(line.keyword);
  if (found !== undefined) return found;
  const hint = didYouMean(line.typed, KEYWORDS, { ignoreCase: true });
  throw new KilnError("dockerfile", `Cannot run "${line.typed}": there is no such instruction`, hint);
}

/**
 * Parses a line.
 *
 * @throws {KilnError} kind `dockerfile`, without position.
 */
export function parseInstruction(line: LogicalLine): Node {
  const node = instructionOf(line).parse(line);
  // No argument of a program and no path can hold one; JSON is the only way to write it.
  const at = line.rest.includes("\\u0000") ? parseJsonWords(line).findIndex((word) => word.includes("\0")) : -1;
  if (at < 0) return node;
  throw new KilnError("dockerfile", `Cannot use the JSON array: element ${at + 1} has a NUL character`);
}

/** HEALTHCHECK has its array behind a word. */
function parseJsonWords({ rest }: LogicalLine): readonly string[] {
  return parseJsonArray(rest.replace(/^[^[]*/, "")) ?? [];
}
