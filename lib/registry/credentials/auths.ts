/**
 * The `auths` object of Docker's config: credentials by registry or by path in one.
 *
 * A key is a host or a host with a path; the longest one that is a whole-component prefix of the repository wins, so an
 * entry for `example.com/org` is never offered to `example.com/org2` (pains-and-security.md 54, S56).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../../errors.ts";
import { type Fields, optionalString } from "../../oci/json.ts";
import type { Repository } from "../../oci/reference.ts";
import type { Credential } from "./credential.ts";

/** Returns the keys under which credentials for a repository may be kept, the most specific first, the host last. */
export function keysFor({ registry, repository }: Repository): readonly string[] {
  const parts = repository.split("/");
  const paths = parts.map((_, dropped) => `${registry}/${parts.slice(0, parts.length - dropped).join("/")}`);
  return [...paths, registry];
}

/**
 * Brings a key of `auths` or `credHelpers` to the form of {@link keysFor}; undefined if it can match nothing.
 * `https://index.docker.io/v1/` and its relatives are Docker Hub; the API path of old clients is dropped.
 */
export function normalizeKey(key: string): string | undefined {
  const bare = key.replace(/^https?:\/\//i, "").replace(/\/+$/, "");
  const slash = bare.indexOf("/");
  const host = (slash < 0 ? bare : bare.slice(0, slash)).toLowerCase();
  const path = slash < 0 ? "" : bare.slice(slash + 1);
  // A user part would make the host look like another: https://index.docker.io@evil.example/.
  if (host === "" || host.includes("@")) return undefined;
  const registry = HUB_HOSTS.includes(host) ? "docker.io" : host;
  return path === "" || path === "v1" || path === "v2" ? registry : `${registry}/${path}`;
}

const HUB_HOSTS: readonly string[] = [
  "docker.io",
  "index.docker.io",
  "registry-1.docker.io",
  "registry.hub.docker.com",
];

/** Returns the value whose key matches `key`; of several spellings of one key the first counts. */
export function valueFor(fields: Fields, key: string): unknown {
  return Object.entries(fields).find(([name]) => normalizeKey(name) === key)?.[1];
}

/**
 * Reads one entry of `auths`: undefined if it is empty, as it is where a helper keeps the secret.
 *
 * @param what names the entry in messages.
 * @throws {KilnError} kind `usage`, if it is malformed; its content is not shown.
 */
export function credentialOf(entry: Fields, what: string): Credential | undefined {
  const text = (name: string) => optionalString(entry, name, what) || undefined;
  const registryToken = text("registrytoken");
  if (registryToken !== undefined) return { kind: "registry token", token: registryToken };
  const identityToken = text("identitytoken");
  if (identityToken !== undefined) return { kind: "identity token", token: identityToken };
  const auth = text("auth");
  if (auth !== undefined) return decodeAuth(auth, what);
  const [username, password] = [text("username"), text("password")];
  return username === undefined || password === undefined ? undefined : basicCredential(username, password);
}

/** Docker's helpers and configs say `<token>` for the user to mark an identity token. */
export function basicCredential(username: string, password: string): Credential {
  return username === "<token>" ? { kind: "identity token", token: password } : { kind: "basic", username, password };
}

function decodeAuth(auth: string, what: string): Credential {
  const malformed = () => new KilnError("usage", `Cannot read ${what}: its "auth" is not base64 of "user:password"`);
  const text = auth.trim();
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) throw malformed();
  const pair = Buffer.from(text, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 1) throw malformed();
  // Old versions of Docker padded the password with NULs.
  return basicCredential(pair.slice(0, colon), pair.slice(colon + 1).replace(/\0+$/, ""));
}
