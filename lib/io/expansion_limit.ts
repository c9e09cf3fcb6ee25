/**
 * The limit on how far compressed data may expand (pains-and-security.md S26: decompression bombs).
 *
 * Deflate expands up to 1,032 times, zstd, bzip2 and xz without bound. Text compresses 3 to 10 times, logs 30, the zeros
 * of a preallocated database as far as the format goes; so the ratio only counts beyond a size that hurts nobody, and
 * both limits can be raised where an archive is opened.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** How far data may expand. */
export interface ExpansionLimits {
  /** Bytes of output in all. */
  readonly maxBytes: number;
  /** Bytes of output per byte of input, once there are more than `freeBytes` of output. */
  readonly maxRatio: number;
  /** Bytes of output for which the ratio does not matter. */
  readonly freeBytes: number;
}

/** What holds unless a caller says otherwise: 1 TiB in all, 200 times the input beyond 1 GiB. */
export const DEFAULT_EXPANSION_LIMITS: ExpansionLimits = {
  maxBytes: 1024 ** 4,
  maxRatio: 200,
  freeBytes: 1024 ** 3,
};

/** What the user can do about an archive or layer that expands too far. */
export const EXPANSION_HINT = "if it is meant to, raise --expanded-size-limit or --expansion-ratio-limit";

/** What `limitExpansion` needs to know besides the output. */
export interface ExpansionOptions {
  /** Bytes of compressed input read so far (`counting`). */
  readonly inputBytes: () => number;
  /** What is being expanded, for the message: `layer "sha256:..."`. */
  readonly what: string;
  /** What the user can do about it; names the flag that raises the limit. */
  readonly hint?: string;
  readonly limits?: Partial<ExpansionLimits>;
}

/** Passes on decompressed bytes. @throws {KilnError} integrity, as soon as there are too many */
export async function* limitExpansion(
  output: AsyncIterable<Uint8Array>,
  options: ExpansionOptions,
): AsyncGenerator<Uint8Array> {
  const limits = { ...DEFAULT_EXPANSION_LIMITS, ...options.limits };
  let bytes = 0;
  for await (const piece of output) {
    bytes += piece.length;
    const allowed = Math.min(limits.maxBytes, Math.max(limits.freeBytes, options.inputBytes() * limits.maxRatio));
    if (bytes > allowed) throw exceeded(allowed === limits.maxBytes, limits, options);
    yield piece;
  }
}

function exceeded(inAll: boolean, limits: ExpansionLimits, options: ExpansionOptions): KilnError {
  const found = inAll
    ? `it expands to more than ${limits.maxBytes} bytes`
    : `it expands to more than ${limits.maxRatio} times its size`;
  return new KilnError(
    "integrity",
    `Cannot decompress ${options.what}: ${found}`,
    options.hint === undefined ? {} : { hint: options.hint },
  );
}
