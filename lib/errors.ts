/**
 * The one error type that reaches users, its kinds, and the exit code of each kind.
 *
 * A `KilnError` says what could not be done in the form `Cannot <verb> <object>: <state found>`. Everything
 * else that is thrown (a `TypeError`, a `RangeError`) is a bug and is reported as one, with its stack.
 *
 * @module
 */
import type { SourceRange } from "./dockerfile/source.ts";

/**
 * What went wrong, as far as a caller or a script needs to know. Each kind has its own exit code
 * (sysexits.h where it has a fitting one), except `run`, whose code is that of the failed command.
 */
export type ErrorKind =
  | "usage"
  | "dockerfile"
  | "context"
  | "registry"
  | "internal"
  | "disk"
  | "interrupted"
  | "denied"
  | "integrity"
  | "run";

const EXIT_CODES: Readonly<Record<Exclude<ErrorKind, "run">, number>> = {
  usage: 64,
  dockerfile: 65,
  context: 66,
  registry: 69,
  internal: 70,
  disk: 73,
  interrupted: 75,
  denied: 77,
  integrity: 78,
};

/** What a `KilnError` may carry besides its kind and message. */
export interface KilnErrorOptions {
  /** One line saying what the user can do about it. */
  readonly hint?: string;
  /** Where in the Dockerfile the fault lies, when the thrower knows. */
  readonly range?: SourceRange;
  /** The exit code of the failed command; only for kind `run`. */
  readonly exitCode?: number;
  /** The error this one explains. */
  readonly cause?: unknown;
}

/** An error a user can understand and act on. Messages are sentences without a final period. */
export class KilnError extends Error {
  override readonly name = "KilnError";
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  /** Set once, by the thrower or by `locate`. */
  readonly range: SourceRange | undefined;
  /** The exit status of the process when this error ends it. */
  readonly exitCode: number;

  constructor(kind: ErrorKind, message: string, options: KilnErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.range = options.range;
    this.exitCode = kind === "run" ? options.exitCode ?? 1 : EXIT_CODES[kind];
  }

  /** Returns this error as the state found of something larger: `Cannot unpack "a": cannot read the archive: ...`. */
  within(undertaking: string): KilnError {
    // Not of an acronym or a keyword.
    const found = this.message.replace(/^[A-Z](?![A-Z])/, (first) => first.toLowerCase());
    return new KilnError(this.kind, `Cannot ${undertaking}: ${found}`, {
      cause: this,
      exitCode: this.exitCode,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.range === undefined ? {} : { range: this.range }),
    });
  }

  /** Returns the same error with another hint. */
  withHint(hint: string): KilnError {
    return new KilnError(this.kind, this.message, {
      hint,
      exitCode: this.exitCode,
      ...(this.range === undefined ? {} : { range: this.range }),
      ...(this.cause === undefined ? {} : { cause: this.cause }),
    });
  }

  /** Returns the same error with a position, or this one if it already has a position. */
  locate(range: SourceRange): KilnError {
    if (this.range !== undefined) return this;
    return new KilnError(this.kind, this.message, {
      range,
      exitCode: this.exitCode,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.cause === undefined ? {} : { cause: this.cause }),
    });
  }
}

/** Runs `body` and gives every `KilnError` it throws the position `range`, unless it has one already. */
export async function locating<T>(range: SourceRange, body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw error instanceof KilnError ? error.locate(range) : error;
  }
}
