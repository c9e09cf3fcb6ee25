/**
 * Answers that are errors, with what the server says about them.
 *
 * The error document of the distribution API is `{"errors": [{"code", "message", "detail"}]}`:
 * https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
 *
 * @module
 */
import { type Fields, parseJsonObject } from "../oci/json.ts";
import { printable } from "./printable.ts";
import type { HttpResponse } from "../http/response.ts";
import { parseRetryAfter } from "../http/retry_after.ts";

/** One entry of a registry's error document. */
export interface RegistryComplaint {
  /** Such as `MANIFEST_UNKNOWN`; "" if there is none. */
  readonly code: string;
  readonly message: string;
  readonly detail: unknown;
}

/** Error documents and token answers are not read any further than this (S60). */
export const DOCUMENT_CAP_BYTES = 64 * 1024;

/** Answers after which the same request may well succeed: what kaniko retries (kaniko.md 8.2). */
const TEMPORARY: readonly number[] = [408, 429, 499, 500, 502, 503, 504, 522];

/** Tells whether a status calls for another try. */
export function isTemporaryStatus(status: number): boolean {
  return TEMPORARY.includes(status);
}

type FaultFacts = Pick<StatusFault, "complaints" | "retryAfterMs" | "credentials" | "withheld">;

/** What a fault must be told of the request it answers. */
export interface ReadOptions {
  readonly nowMs: number;
  readonly credentials: string | undefined;
  readonly withheld?: string | undefined;
}

/** An answer that is an error. Never reaches users as it is: `errors.ts` puts it into words. */
export class StatusFault extends Error {
  override readonly name = "StatusFault";
  readonly status: number;
  /** The reason phrase, fit to print. */
  readonly statusText: string;
  /** Host and port that answered. */
  readonly host: string;
  readonly complaints: readonly RegistryComplaint[];
  readonly retryAfterMs: number | undefined;
  /** What the server calls the request in its logs, if it says so. */
  readonly requestId: string | undefined;
  /** Where the credentials that were sent come from, if any were. */
  readonly credentials: string | undefined;
  /** Why credentials that were found were not sent. */
  readonly withheld: string | undefined;

  private constructor(response: HttpResponse, facts: FaultFacts) {
    super(`${response.status} ${response.statusText}`);
    this.status = response.status;
    this.statusText = printable(response.statusText);
    this.host = response.url.host;
    this.complaints = facts.complaints;
    this.retryAfterMs = facts.retryAfterMs;
    this.credentials = facts.credentials;
    this.withheld = facts.withheld;
    const id = response.header("x-request-id") ?? response.header("x-amzn-requestid") ?? response.header("cf-ray");
    this.requestId = id === undefined ? undefined : printable(id).slice(0, 80);
  }

  /** Reads the error document of a response. */
  static async read(
    response: HttpResponse,
    { nowMs, credentials, withheld }: ReadOptions,
  ): Promise<StatusFault> {
    const { bytes } = await response.document(DOCUMENT_CAP_BYTES).catch(() => ({ bytes: new Uint8Array() }));
    return new StatusFault(response, {
      complaints: parseComplaints(bytes, response.header("content-type") ?? ""),
      retryAfterMs: parseRetryAfter(response.header("retry-after"), { nowMs, date: response.header("date") }),
      credentials,
      withheld,
    });
  }

  /** Whether the same request may succeed in a moment. */
  get temporary(): boolean {
    return isTemporaryStatus(this.status);
  }

  /** Tells whether the registry gave one of these error codes. */
  hasCode(...codes: readonly string[]): boolean {
    return this.complaints.some(({ code }) => codes.includes(code));
  }

  /** The registry's own words, fit to print; "" if it has none. */
  get words(): string {
    return printable(
      this.complaints.map(({ code, message }) => [code, message].filter((part) => part !== "").join(": ")).join("; "),
    );
  }
}

/** Reads an error document; anything that is not one yields what can be shown of it. */
function parseComplaints(bytes: Uint8Array, contentType: string): readonly RegistryComplaint[] {
  let fields: Fields;
  try {
    fields = parseJsonObject(bytes, "an error document");
  } catch {
    const isText = contentType.toLowerCase().startsWith("text/plain");
    const [line = ""] = isText ? new TextDecoder().decode(bytes).trim().split("\n", 1) : [];
    return line === "" ? [] : [{ code: "", message: line, detail: undefined }];
  }
  const { errors } = fields;
  if (Array.isArray(errors)) return errors.slice(0, 100).map(complaintOf);
  // Token services and gateways have forms of their own.
  const message = textOf(fields["message"]) || textOf(fields["details"]) || textOf(fields["error_description"]) ||
    textOf(fields["error"]);
  return message === "" ? [] : [{ code: "", message, detail: undefined }];
}

function complaintOf(value: unknown): RegistryComplaint {
  const fields: Fields = typeof value === "object" && value !== null ? value as Fields : {};
  return { code: textOf(fields["code"]), message: textOf(fields["message"]), detail: fields["detail"] };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
