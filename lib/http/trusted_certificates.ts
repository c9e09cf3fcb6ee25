/**
 * Certificates to trust in place of the built-in ones, as environment variables name them.
 *
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` mean what they mean to Go and OpenSSL, and so to kaniko; `AWS_CA_BUNDLE` is that of
 * the AWS tools and comes first, for S3 alone.
 *
 * @module
 */
import { join } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { Environment } from "./proxy.ts";

/** A file of certificates larger than this is none: Mozilla's whole list has 230 kB. */
const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Returns PEM certificates to trust, or undefined for the built-in ones.
 *
 * @param variables names of variables with a PEM file, asked before `SSL_CERT_FILE`.
 * @throws {KilnError} kind `usage`, if a file that is named cannot be used.
 */
export function trustedCertificates(
  environment: Environment,
  variables: readonly string[] = [],
): readonly string[] | undefined {
  for (const variable of [...variables, "SSL_CERT_FILE"]) {
    const path = environment(variable);
    if (path !== undefined && path !== "") return [readCertificates(variable, path)];
  }
  const directories = environment("SSL_CERT_DIR");
  if (directories === undefined || directories === "") return undefined;
  const seen = new Set<string>();
  const paths = directories.split(":").filter((path) => path !== "");
  const found = paths.flatMap((path) => readDirectory(path, seen));
  return found.length === 0 ? undefined : found;
}

/**
 * Reads the certificates to trust, and returns what gives them: later, a command may have the place of the files.
 *
 * @returns throws what `trustedCertificates` would have thrown: who needs no certificate needs no file of them.
 */
export function rememberCertificates(environment: Environment): () => readonly string[] | undefined {
  try {
    const certificates = trustedCertificates(environment);
    return () => certificates;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function readCertificates(variable: string, path: string): string {
  const refuse = (why: string, cause?: unknown) =>
    new KilnError("usage", `Cannot use ${variable} "${path}": ${why}`, cause === undefined ? {} : { cause });
  let text: string;
  try {
    if (Deno.statSync(path).size > MAX_BYTES) throw refuse("it is too large");
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof KilnError) throw error;
    throw refuse(error instanceof Deno.errors.NotFound ? "it does not exist" : "it cannot be read", error);
  }
  if (!isPem(text)) throw refuse("it holds no PEM certificate");
  return text;
}

/** As Go does, passes over whatever in the directory is no certificate; `seen` are the files that were read before. */
function readDirectory(path: string, seen: Set<string>): readonly string[] {
  const entries = unlessDenied(() => [...Deno.readDirSync(path)]) ?? [];
  return entries.flatMap(({ name }) => unlessDenied(() => readOnce(join(path, name), seen)) ?? []);
}

/** Reads a file of certificates unless it was read by another name: Debian has each under three. */
function readOnce(path: string, seen: Set<string>): string | undefined {
  const { isFile, size, dev, ino } = Deno.statSync(path);
  const file = `${dev}:${ino}`;
  if (!isFile || size > MAX_BYTES || seen.has(file)) return undefined;
  seen.add(file);
  const text = Deno.readTextFileSync(path);
  return isPem(text) ? text : undefined;
}

function unlessDenied<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const { NotFound, PermissionDenied, FilesystemLoop } = Deno.errors;
    const denied = [NotFound, PermissionDenied, FilesystemLoop].some((kind) => error instanceof kind);
    if (denied) return undefined;
    throw error;
  }
}

function isPem(text: string): boolean {
  return text.includes("-----BEGIN CERTIFICATE-----") || text.includes("-----BEGIN TRUSTED CERTIFICATE-----");
}
