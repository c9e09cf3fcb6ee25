/**
 * From an error to what the user is told about it, and to the exit code.
 *
 * A `KilnError` is told in its own words, without a stack. Anything else is a bug in Kiln and is told as one.
 *
 * @module
 */
import type { SourceRange } from "../dockerfile/source.ts";
import { KilnError } from "../errors.ts";
import type { ConsoleReport, Failure, FailurePlace } from "../report/console_report.ts";
import { explainHostFault } from "../sys/errno.ts";
import { VERSION } from "./version.ts";

/** What telling an error needs. */
export interface DiagnosticOptions {
  /** Returns the lines of a Dockerfile to show for a position, or undefined if its text is not known. */
  excerpt(range: SourceRange): string | undefined;
}

/** The exit code of a bug: EX_SOFTWARE (decisions.md 1). */
const INTERNAL = 70;

/** Tells why the run ends and returns its exit code: that of the first error, when several are told. */
export function reportError(error: unknown, report: ConsoleReport, options: DiagnosticOptions): number {
  const failures = [...new Set(partsOf(error))].map((each) => describeError(explainHostFault(each), options));
  for (const failure of failures) report.failure(failure);
  return failures[0]?.exitCode ?? INTERNAL;
}

/** Returns the errors in an error, in the order in which they came: one may end a build, and another its clean-up. */
function partsOf(error: unknown): readonly unknown[] {
  if (error instanceof SuppressedError) return [...partsOf(error.suppressed), ...partsOf(error.error)];
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.flatMap(partsOf);
  return [error];
}

/** Returns what to tell about an error. */
export function describeError(error: unknown, options: DiagnosticOptions): Failure {
  if (!(error instanceof KilnError)) return describeBug(error);
  return {
    message: error.message,
    ...(error.range === undefined ? {} : { place: describePlace(error.range, options) }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    causes: causesOf(error),
    exitCode: error.exitCode,
  };
}

function describePlace(range: SourceRange, options: DiagnosticOptions): FailurePlace {
  const excerpt = options.excerpt(range);
  return { ...range, ...(excerpt === undefined ? {} : { excerpt }) };
}

function describeBug(error: unknown): Failure {
  const thrown = error instanceof Error ? error : undefined;
  return {
    message: `Cannot go on: an error inside Kiln (${
      thrown === undefined ? String(error) : `${thrown.name}: ${thrown.message}`
    })`,
    ...(thrown?.stack === undefined ? {} : { stack: thrown.stack }),
    hint: `this is a bug in Kiln ${VERSION}: please report it, with what is printed above`,
    causes: causesOf(thrown),
    exitCode: INTERNAL,
  };
}

/** A chain of causes is as long as the code is deep; a loop in it would be a bug and must not hang its report. */
const MOST_CAUSES = 10;

function causesOf(error: Error | undefined): readonly string[] {
  const causes: string[] = [];
  let cause = error?.cause;
  while (cause !== undefined && cause !== null && causes.length < MOST_CAUSES) {
    causes.push(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return causes;
}
