/**
 * Requests to an object store: tried again where that may help, and explained where it does not.
 *
 * @module
 */
import { type Backoff, retry, type Temporary } from "../async/retry.ts";
import { type ErrorKind, KilnError } from "../errors.ts";
import { describeTransportFault, hintOfTransportFault } from "../http/describe_fault.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { escapeControls } from "../report/escape.ts";
import { scrubCredentials } from "../report/scrub.ts";
import { downloadBackoff, type RetryParts } from "./download_backoff.ts";
import { ObjectFault, type ObjectFaultReason } from "./object_store.ts";

/** Messages of servers are cut off here. */
const WORDS_CAP = 300;

/** Makes a request until it succeeds or trying is of no use; the failure is explained as that of `action`. */
export async function request<T>(body: () => Promise<T>, action: string, parts: RetryParts): Promise<T> {
  const backoff = createBackoff(action, parts);
  try {
    return await retry(body, backoff);
  } catch (error) {
    parts.signal.throwIfAborted();
    throw explainFault(error, action, backoff.tries);
  }
}

/** Returns what counts the tries of `action`. */
export function createBackoff(action: string, parts: RetryParts): Backoff {
  return downloadBackoff(action, parts, { temporary: temporaryFault, describe });
}

function temporaryFault(error: unknown): Temporary | undefined {
  if (error instanceof TransportFault) return error.temporary ? {} : undefined;
  if (!(error instanceof ObjectFault)) return undefined;
  if (error.reason !== "busy" && error.facts.again !== true) return undefined;
  const { retryAfterMs } = error.facts;
  return retryAfterMs === undefined ? {} : { afterMs: retryAfterMs };
}

const KINDS: Readonly<Record<ObjectFaultReason, ErrorKind>> = {
  "missing": "context",
  "no-bucket": "context",
  "denied": "denied",
  "clock": "denied",
  "changed": "integrity",
  "untrue": "integrity",
  "busy": "registry",
  "refused": "registry",
};

/** Puts a fault into words, as the reason why `action` (`fetch "s3://bucket/key"`) failed; others stay as they are. */
export function explainFault(error: unknown, action: string, tries: number): unknown {
  if (!(error instanceof ObjectFault || error instanceof TransportFault)) return error;
  const kind = error instanceof ObjectFault ? KINDS[error.reason] : "registry";
  const hint = error instanceof ObjectFault ? hintOf(error) : hintOfTransportFault(error);
  const times = tries > 1 && temporaryFault(error) !== undefined ? ` (tried ${tries} times)` : "";
  return new KilnError(kind, `Cannot ${action}: ${describe(error)}${times}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintOf({ reason, facts }: ObjectFault): string | undefined {
  if (facts.hint !== undefined) return facts.hint;
  if (reason === "clock") return "set the clock of this machine";
  if (reason === "changed") return "start the build again, or upload each context under a name of its own";
  return undefined;
}

function describe(error: unknown): string {
  if (error instanceof TransportFault) return describeTransportFault(error);
  if (!(error instanceof ObjectFault)) return error instanceof Error ? printable(error.message) : "unknown fault";
  const { status, code } = error.facts;
  const marks = [...(status === undefined ? [] : [status]), ...(code === undefined ? [] : [printable(code)])];
  return `${printable(error.message)}${marks.length === 0 ? "" : ` (${marks.join(" ")})`}`;
}

/** Text of servers and SDKs, fit for one line: without line breaks and without what looks like a credential. */
function printable(text: string): string {
  const line = escapeControls(scrubCredentials(text.slice(0, 4 * WORDS_CAP).replace(/\s+/g, " ").trim()));
  return line.length > WORDS_CAP ? `${line.slice(0, WORDS_CAP)}...` : line.replace(/\.$/, "");
}
