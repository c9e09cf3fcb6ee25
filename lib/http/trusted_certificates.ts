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
  const found = directories.split(":").filter((path) => path !== "").flatMap(readDirectory);
  // Debian has each under three names.
  return found.length === 0 ? undefined : [...new Set(found)];
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

/** As Go does, passes over whatever in the directory is no certificate. */
function readDirectory(path: string): readonly string[] {
  try {
    return [...Deno.readDirSync(path)].flatMap(({ name }) => {
      const file = join(path, name);
      const stat = Deno.statSync(file);
      if (!stat.isFile || stat.size > MAX_BYTES) return [];
      const text = Deno.readTextFileSync(file);
      return isPem(text) ? [text] : [];
    });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return [];
    throw error;
  }
}

function isPem(text: string): boolean {
  return text.includes("-----BEGIN CERTIFICATE-----") || text.includes("-----BEGIN TRUSTED CERTIFICATE-----");
}
