/**
 * Digests: `sha256:<64 lower-case hex digits>`, the only algorithm images use in practice.
 *
 * Source: https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
 *
 * @module
 */
import { createHash } from "node:crypto";
import { KilnError } from "../errors.ts";

declare const brand: unique symbol;
declare const anyBrand: unique symbol;

/** A checked digest string. Only {@link parseDigest} and a hasher make one. */
export type Digest = string & { readonly [brand]: true };

/** A digest that a download is checked with: of one of the registered algorithms. A `Digest` is one. */
export type Checksum = Digest | string & { readonly [anyBrand]: true };

const CHECKSUM = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

/** Tells whether `text` is a digest of sha256, sha384 or sha512 in lower-case hex digits. */
export function isChecksum(text: string): text is Checksum {
  return CHECKSUM.test(text);
}

const FORM = /^sha256:[0-9a-f]{64}$/;

/** Tells whether `text` is a digest in the one accepted form. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && FORM.test(text);
}

/**
 * Checks a digest that came from outside.
 *
 * @throws {KilnError} kind `integrity`, if it is anything but `sha256:` and 64 lower-case hex digits. Digests
 *   become file names and URL parts, so nothing looser is let through.
 */
export function parseDigest(text: unknown): Digest {
  if (isDigest(text)) return text;
  const shown = typeof text === "string" ? JSON.stringify(text.slice(0, 100)) : typeof text;
  throw new KilnError("integrity", `Cannot read the digest ${shown}: only "sha256:" and 64 hex digits are accepted`);
}

/** Returns the 64 hex digits of a digest. */
export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** Makes a digest of 64 hex digits that a hasher returned. */
export function digestOfHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`);
}

/** Returns the digest of bytes held in memory. */
export function digestOf(bytes: Uint8Array): Digest {
  return digestOfHex(createHash("sha256").update(bytes).digest("hex"));
}
