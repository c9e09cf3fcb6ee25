/**
 * Proving an identity of Azure's with a certificate: a JWT signed with its key, in place of a client secret.
 *
 * `@azure/identity` does the same, but hands the whole file to `createPrivateKey`, which takes a key and nothing beside
 * it in Deno; the file has the certificate, too.
 * Source: https://learn.microsoft.com/entra/identity-platform/certificate-credentials
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { constants, createPrivateKey, type KeyObject, randomUUID, sign, X509Certificate } from "node:crypto";
import { KilnError } from "../errors.ts";

/** Whom to prove, to whom. */
export interface AssertionRequest {
  /** A PEM file with a certificate and its private key, in any order. */
  readonly path: string;
  /** Of the key, if it is encrypted. */
  readonly password?: string;
  readonly clientId: string;
  /** The URL that tokens are asked for at. */
  readonly audience: string;
}

const LIFETIME_S = 600;

/** Returns a JWT; the file is read again each time. @throws {KilnError} kind `usage`, if the file cannot be used */
export async function certificateAssertion({ path, password, clientId, audience }: AssertionRequest): Promise<string> {
  const { certificate, key } = readIdentity(path, await readPem(path), password);
  const thumbprint = Buffer.from(certificate.fingerprint256.replaceAll(":", ""), "hex").toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const claims = { aud: audience, iss: clientId, sub: clientId, jti: randomUUID(), nbf: now, exp: now + LIFETIME_S };
  const signed = `${encoded({ alg: "PS256", typ: "JWT", "x5t#S256": thumbprint })}.${encoded(claims)}`;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  return `${signed}.${sign("sha256", Buffer.from(signed), { key, ...padding }).toString("base64url")}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

async function readPem(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    throw unusable(path, error instanceof Deno.errors.NotFound ? "it does not exist" : "it cannot be read", error);
  }
}

function readIdentity(
  path: string,
  pem: string,
  passphrase: string | undefined,
): { readonly certificate: X509Certificate; readonly key: KeyObject } {
  const [certificate, key] = ["CERTIFICATE", "(?:RSA |ENCRYPTED )?PRIVATE KEY"].map((label) =>
    new RegExp(`-----BEGIN ${label}-----[A-Za-z0-9+/=\\s]+-----END ${label}-----`).exec(pem)?.[0]
  );
  if (certificate === undefined) throw unusable(path, "it holds no PEM certificate");
  if (key === undefined) throw unusable(path, "it holds no private key in PEM");
  try {
    const options = { key, format: "pem", ...(passphrase === undefined ? {} : { passphrase }) } as const;
    return { certificate: new X509Certificate(certificate), key: createPrivateKey(options) };
  } catch (error) {
    throw unusable(path, "its certificate or its key is damaged, or the key is encrypted with another password", error);
  }
}

function unusable(path: string, why: string, cause?: unknown): KilnError {
  return new KilnError("usage", `Cannot use AZURE_CLIENT_CERTIFICATE_PATH "${path}": ${why}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
