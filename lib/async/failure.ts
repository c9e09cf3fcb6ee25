/**
 * Errors in a form that survives the way from a Worker to the main thread.
 *
 * @module
 */
import { type ErrorKind, KilnError } from "../errors.ts";

/** An error as plain data. */
export interface Failure {
  readonly message: string;
  readonly stack?: string;
  /** Set for a `KilnError`. */
  readonly kind?: ErrorKind;
  readonly hint?: string;
}

/** Describes an error. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof KilnError) {
    return { message: error.message, kind: error.kind, ...(error.hint === undefined ? {} : { hint: error.hint }) };
  }
  if (error instanceof Error) {
    return { message: `${error.name}: ${error.message}`, ...(error.stack === undefined ? {} : { stack: error.stack }) };
  }
  return { message: String(error) };
}

/** Makes an error of a description. Only a `KilnError` keeps its type. */
export function reviveFailure(failure: Failure): Error {
  if (failure.kind !== undefined) {
    return new KilnError(failure.kind, failure.message, failure.hint === undefined ? {} : { hint: failure.hint });
  }
  const error = new Error(failure.message);
  if (failure.stack !== undefined) error.stack = failure.stack;
  return error;
}
