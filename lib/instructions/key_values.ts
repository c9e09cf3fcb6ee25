/**
 * What ENV and LABEL have in common: names and values, in the form `K=V` or the old `K V` (dockerfile.md 3.5).
 *
 * @module
 */
import { badArgument, type NameValue, parseNameValues } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import type { Expander, Node } from "./instruction.ts";

/** A parsed ENV or LABEL. */
export interface KeyValuesNode<K extends "ENV" | "LABEL"> extends Node {
  readonly keyword: K;
  readonly pairs: readonly NameValue[];
}

/** Parses the line of an ENV or LABEL. */
export function parseKeyValues<K extends "ENV" | "LABEL">(keyword: K, line: LogicalLine): KeyValuesNode<K> {
  parseFlags(line, {});
  const pairs = parseNameValues(line);
  if (pairs.length === 0) throw badArgument(line, "it needs at least one name and value");
  if (pairs.some(({ name }) => name === "")) throw badArgument(line, "a name is empty");
  return { keyword, line, pairs };
}

/** Expands names and values; all of them with the variables from before the instruction. */
export function expandKeyValues(pairs: readonly NameValue[], expander: Expander): readonly NameValue[] {
  return pairs.map(({ name, value, legacy }) => ({ name: expander.word(name), value: expander.word(value), legacy }));
}

/** Returns the history text. */
export function keyValuesHistory({ keyword, pairs }: KeyValuesNode<"ENV" | "LABEL">): string {
  return `${keyword} ${pairs.map(({ name, value }) => `${name}=${value}`).join(" ")}`;
}
