/**
 * The flags of instructions: `--name=value` words against a table of what an instruction knows.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { LogicalLine } from "./line.ts";
import { suggest } from "./suggest.ts";

/** What a flag takes: `--x`, `--x=true`; `--x=text`; or `--x=text` any number of times. */
export type FlagKind = "boolean" | "text" | "list";

/** The flags of an instruction, by name without dashes. */
export type FlagTable = Readonly<Record<string, FlagKind>>;

/** The values found; a flag that was not given is undefined, a list then empty. */
export type FlagValues<T extends FlagTable> = {
  readonly [Name in keyof T]: T[Name] extends "boolean" ? boolean | undefined
    : T[Name] extends "text" ? string | undefined
    : readonly string[];
};

/**
 * Reads the flags of a line.
 *
 * @throws {KilnError} kind `dockerfile`, if a flag is unknown, repeated, or lacks or has the wrong value.
 */
export function parseFlags<const T extends FlagTable>(line: LogicalLine, table: T): FlagValues<T> {
  const values: Record<string, boolean | string | string[] | undefined> = {};
  for (const [name, kind] of Object.entries(table)) values[name] = kind === "list" ? [] : undefined;
  for (const word of line.flags) {
    const equals = word.indexOf("=");
    const flag = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? undefined : word.slice(equals + 1);
    const name = flag.slice(2);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) throw badFlag(line, flag, { state: "there is no such flag", ...nearestFlag(name, table) });
    const before = values[name];
    if (Array.isArray(before)) before.push(textOf(line, flag, value));
    else if (before !== undefined) throw badFlag(line, flag, { state: "it is given twice" });
    else values[name] = kind === "boolean" ? booleanOf(line, flag, value) : textOf(line, flag, value);
  }
  // The loop above fills every name of the table with the type its kind asks for.
  return values as FlagValues<T>;
}

function textOf(line: LogicalLine, flag: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw badFlag(line, flag, { state: "it has no value", hint: `write ${flag}=value` });
}

function booleanOf(line: LogicalLine, flag: string, value: string | undefined): boolean {
  const word = value?.toLowerCase() ?? "true";
  if (word === "true" || word === "false") return word === "true";
  const state = word === "" ? "it has no value" : `"${value}" is neither true nor false`;
  throw badFlag(line, flag, { state });
}

function nearestFlag(name: string, table: FlagTable): { readonly hint?: string } {
  const near = suggest(name, Object.keys(table));
  return near === undefined ? {} : { hint: `did you mean --${near}?` };
}

function badFlag(line: LogicalLine, flag: string, why: { readonly state: string; readonly hint?: string }): KilnError {
  const options = why.hint === undefined ? {} : { hint: why.hint };
  return new KilnError("dockerfile", `Cannot parse the flag "${flag}" of ${line.keyword}: ${why.state}`, options);
}
