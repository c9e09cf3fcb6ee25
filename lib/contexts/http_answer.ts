/**
 * What users are told when a URL cannot be fetched, and which failures are worth another try.
 *
 * @module
 */
import type { Backoff, Temporary } from "../async/retry.ts";
import { type ErrorKind, KilnError } from "../errors.ts";
import { describeTransportFault, hintOfTransportFault } from "../http/describe_fault.ts";
import type { HttpResponse } from "../http/response.ts";
import { parseRetryAfter } from "../http/retry_after.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { escapeControls } from "../report/escape.ts";
import { downloadBackoff, type RetryParts } from "./download_backoff.ts";

/** An answer that is no content. Never reaches users as it is. */
export class AnswerFault extends Error {
  override readonly name = "AnswerFault";
  readonly status: number;
  readonly host: string;
  readonly retryAfterMs: number | undefined;

  constructor(response: HttpResponse, nowMs: number) {
    super(`${response.status} ${escapeControls(response.statusText).slice(0, 100)}`.trim());
    this.status = response.status;
    this.host = response.url.host;
    this.retryAfterMs = parseRetryAfter(response.header("retry-after"), { nowMs, date: response.header("date") });
  }
}

/** What was being done. */
export interface Undertaking {
  /** What completes "Cannot ...": `fetch "https://example.com/app.tar.gz"`. */
  readonly action: string;
  readonly authorized: boolean;
}

/** Returns what counts the tries of an action. */
export function createBackoff(action: string, parts: RetryParts): Backoff {
  return downloadBackoff(action, parts, { temporary, describe });
}

/** Puts a fault into words; other errors are returned as they are. */
export function explainFault(error: unknown, { action, authorized }: Undertaking, tries: number): unknown {
  if (!(error instanceof AnswerFault || error instanceof TransportFault)) return error;
  const times = tries > 1 && temporary(error) !== undefined ? ` (tried ${tries} times)` : "";
  const hint = error instanceof TransportFault ? hintOfTransportFault(error) : hintOf(error, authorized);
  const kind = error instanceof TransportFault ? "registry" : kindOf(error);
  return new KilnError(kind, `Cannot ${action}: ${describe(error)}${times}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function temporary(error: unknown): Temporary | undefined {
  if (error instanceof TransportFault) return error.temporary ? {} : undefined;
  if (!(error instanceof AnswerFault)) return undefined;
  if (error.status !== 408 && error.status !== 425 && error.status !== 429 && error.status < 500) return undefined;
  if (error.status === 501 || error.status === 505) return undefined;
  return error.retryAfterMs === undefined ? {} : { afterMs: error.retryAfterMs };
}

function kindOf({ status }: AnswerFault): ErrorKind {
  if (status === 401 || status === 403 || status === 407) return "denied";
  return status === 404 || status === 410 ? "context" : "registry";
}

function describe(error: unknown): string {
  if (error instanceof TransportFault) return describeTransportFault(error);
  if (error instanceof AnswerFault) return `"${error.host}" answered ${error.message}`;
  return error instanceof Error ? escapeControls(error.message) : "unknown fault";
}

function hintOf({ status }: AnswerFault, authorized: boolean): string | undefined {
  if (status !== 401 && status !== 403) return undefined;
  return authorized
    ? "check that the credentials are right and allow this"
    : "put a user and password into the URL, or a token into --secret=id=HTTP_AUTH_TOKEN_<host>,env=NAME";
}
