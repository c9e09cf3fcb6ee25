/**
 * What the download of a context needs of an object store: one interface for S3, Google Cloud Storage and Azure Blob.
 *
 * An implementation makes each request once and tells failures as `ObjectFault` or `TransportFault`; trying again is
 * the caller's (`object_requests.ts`). It reads nothing but the version that was found, whoever overwrites the object
 * meanwhile.
 *
 * @module
 */
import type { DigestAlgorithm } from "../io/digests.ts";

/** A digest of a whole object. */
export interface ObjectDigest {
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal. */
  readonly hex: string;
}

/** An object as it was found. */
export interface StoredObject {
  /** Its whole name in the bucket; whatever somebody stored there. */
  readonly key: string;
  readonly size: number;
  /** Tells this content from any later one of the same name: an ETag or a generation. */
  readonly version: string;
  readonly modified?: Date;
  /** What the store keeps of the content; the one that is the cheapest to compute. */
  readonly digest?: ObjectDigest;
  /** Set for names that stand for a folder and hold nothing. */
  readonly folder?: true;
}

/** Bytes from `start` up to, not including, `end`; never empty. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One page of a listing. */
export interface ObjectPage {
  readonly objects: readonly StoredObject[];
  /** To be handed in for the next page; undefined at the end. */
  readonly next: string | undefined;
}

/** A bucket or container. */
export interface ObjectStore {
  /** For people: `S3`. */
  readonly service: string;
  /** The URL of an object for people, without credentials: `s3://bucket/key`. */
  urlOf(key: string): string;
  /** Looks for one object. @returns undefined if there is none of that name */
  find(key: string, signal: AbortSignal): Promise<StoredObject | undefined>;
  /** Lists the objects whose names begin with `prefix`, in pages. */
  list(prefix: string, page: string | undefined, signal: AbortSignal): Promise<ObjectPage>;
  /** Starts reading a part of an object. Leaving the stream early closes its connection. */
  read(object: StoredObject, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Closes idle connections. */
  close(): void;
}

/** Why a store does not do what was asked. */
export type ObjectFaultReason =
  /** There is no such object. */
  | "missing"
  /** There is no such bucket or container. */
  | "no-bucket"
  /** The credentials are wrong, or do not allow it. */
  | "denied"
  /** The clocks of the two sides differ too much. */
  | "clock"
  /** The object is not any more what was found. */
  | "changed"
  /** The answer is not one to the question. */
  | "untrue"
  /** The store cannot do it now. */
  | "busy"
  /** The store refuses for another reason. */
  | "refused";

/** What is known about a failure. */
export interface ObjectFaultFacts {
  /** The status of the answer, if there was one. */
  readonly status?: number;
  /** The store's own name of the failure: `SignatureDoesNotMatch`. */
  readonly code?: string;
  /** How long the store asks to be left alone. */
  readonly retryAfterMs?: number;
  /** Set if the same request may succeed at once, for another reason than that the store was busy. */
  readonly again?: true;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A failure told by the store. Never reaches users as it is: `object_requests.ts` puts it into words. */
export class ObjectFault extends Error {
  override readonly name = "ObjectFault";
  readonly reason: ObjectFaultReason;
  readonly facts: ObjectFaultFacts;

  constructor(reason: ObjectFaultReason, message: string, facts: ObjectFaultFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.reason = reason;
    this.facts = facts;
  }
}

/** Returns the reason that fits a status by itself. */
export function reasonOfStatus(status: number | undefined): ObjectFaultReason {
  switch (status) {
    case 401:
    case 403:
      return "denied";
    case 404:
      return "missing";
    case 412:
      return "changed";
    case 408:
    case 429:
      return "busy";
    default:
      return status !== undefined && status >= 500 ? "busy" : "refused";
  }
}
