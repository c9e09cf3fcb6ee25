/**
 * Which rules warn: the values of `# check=` (dockerfile.md 1.3, 5).
 *
 * A directive at the top of the file is for the whole file; a comment of the same form directly above an instruction is
 * for that instruction.
 *
 * @module
 */
import { type Directives, DirectiveWindow } from "../dockerfile/directives.ts";
import { locate } from "../dockerfile/locate.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import { trimSpace } from "../dockerfile/white_space.ts";
import { KilnError } from "../errors.ts";
import type { Rule } from "./rule.ts";

/** Some rules or all of them. */
export type RuleSet = ReadonlySet<string> | "all";

/** What the options of a file or instruction say. */
export interface CheckOptions {
  /** Rules that are silent. */
  readonly skip: RuleSet;
  /** Experimental rules that speak. */
  readonly experimental: RuleSet;
  /** Whether a warning fails the build. */
  readonly error: boolean;
}

/** What holds without any option. */
export const DEFAULT_CHECKS: CheckOptions = { skip: new Set(), experimental: new Set(), error: false };

/**
 * Reads `key=value` items between semicolons: `skip`, `experimental` (rule names between commas, or `all`), `error`.
 *
 * @throws {KilnError} kind `dockerfile`, for anything else.
 */
export function parseCheckOptions(text: string): CheckOptions {
  const options = { ...DEFAULT_CHECKS };
  if (trimSpace(text) === "") return options;
  const [first = "", second, ...rest] = trimSpace(text).split(";");
  // At most three items: what follows belongs to the third.
  const items = [first, ...(second === undefined ? [] : [second]), ...(rest.length === 0 ? [] : [rest.join(";")])];
  for (const item of items) {
    const equals = item.indexOf("=");
    const key = trimSpace(equals < 0 ? item : item.slice(0, equals));
    const value = trimSpace(item.slice(equals + 1));
    if (equals < 0) throw badOption(text, `"${item}" has no "="`);
    if (key === "skip" || key === "experimental") options[key] = readRules(value);
    else if (key === "error") options.error = readBoolean(text, value);
    else throw badOption(text, `there is no option "${key}"`, didYouMean(key, ["skip", "experimental", "error"]));
  }
  return options;
}

/**
 * Returns the options of a file: those given (`BUILDKIT_DOCKERFILE_CHECK`), else those of its directive.
 *
 * @throws {KilnError} kind `dockerfile`, for what is no option
 */
export function checkOptionsOf({ check }: Directives, given: string | undefined): CheckOptions {
  if (given !== undefined) return parseCheckOptions(given);
  if (check === undefined) return DEFAULT_CHECKS;
  return locate(check.range, () => parseCheckOptions(check.value.split(" ", 1)[0] ?? ""));
}

/** Adds what the comments above an instruction say. A comment that cannot be read says nothing. */
export function withComments(options: CheckOptions, comments: readonly string[], range: SourceRange): CheckOptions {
  for (const comment of comments) {
    const directive = new DirectiveWindow("").read(comment, range);
    if (directive?.name !== "check") continue;
    try {
      const [value = ""] = directive.value.split(" ", 1);
      const own = parseCheckOptions(value);
      return {
        ...options,
        skip: union(options.skip, own.skip),
        experimental: union(options.experimental, own.experimental),
      };
    } catch (error) {
      if (error instanceof KilnError) return options;
      throw error;
    }
  }
  return options;
}

/** Tells whether a rule speaks. Experimental ones speak when asked to, and `skip` does not silence them. */
export function isActive(
  { skip, experimental }: CheckOptions,
  { name, experimental: asked }: Pick<Rule, "name" | "experimental">,
): boolean {
  return asked ? contains(experimental, name) : !contains(skip, name);
}

function contains(rules: RuleSet, name: string): boolean {
  return rules === "all" || rules.has(name);
}

function readRules(value: string): RuleSet {
  return value === "all" ? "all" : new Set(value.split(",").map(trimSpace));
}

function readBoolean(text: string, value: string): boolean {
  const found = parseBoolean(value);
  if (found === undefined) throw badOption(text, `"${value}" is neither true nor false`);
  return found;
}

function union(a: RuleSet, b: RuleSet): RuleSet {
  return a === "all" || b === "all" ? "all" : new Set([...a, ...b]);
}

function badOption(text: string, state: string, options: { readonly hint?: string } = {}): KilnError {
  return new KilnError("dockerfile", `Cannot read the check options "${text}": ${state}`, options);
}
