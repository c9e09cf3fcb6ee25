/**
 * Variables that were asked for in vain, and what somebody is told about it whose build fails of that.
 *
 * @module
 */
import { suggest } from "../dockerfile/suggest.ts";
import { KilnError } from "../errors.ts";

/** A variable that an expansion asked for in vain. */
export interface MissingVariable {
  readonly name: string;
  /** Names of those that are set. */
  readonly known: () => Iterable<string>;
  /** Whether an ARG declares it: then it may lack a value. */
  readonly isDeclared: boolean;
  /** Whether an ARG in front of the first FROM sets it, which stages see only if they ask for it. */
  readonly isGlobal: boolean;
  /** Whether it is of no account: nothing is said about variables of EXPOSE, as in BuildKit. */
  readonly isQuiet: boolean;
}

/** Gives an error without a hint one about the variables that were missing when it was thrown. */
export function withVariableHint(error: KilnError, missing: Iterable<MissingVariable>): KilnError {
  if (error.hint !== undefined) return error;
  for (const variable of missing) {
    const hint = hintOf(variable);
    if (hint !== undefined) return error.withHint(hint);
  }
  return error;
}

function hintOf({ name, known, isDeclared, isGlobal }: MissingVariable): string | undefined {
  if (isDeclared) return `give it a value: --build-arg ${name}=...`;
  if (isGlobal) return `a stage sees it behind a line of its own: ARG ${name}`;
  const near = suggest(name, known());
  return near === undefined ? undefined : `did you mean $${near}?`;
}
