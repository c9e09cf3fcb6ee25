/**
 * Image references: `[registry/]repository[:tag][@digest]`.
 *
 * The grammar is that of github.com/distribution/reference; `docker.io` and `library/` are filled in as Docker does.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";

/** A repository in a registry, both in normal form (`docker.io`, `library/debian`). */
export interface Repository {
  /** Host and optional port, lower case. `docker.io` for Docker Hub. */
  readonly registry: string;
  readonly repository: string;
}

/** A parsed reference. At least one of `tag` and `digest` is set. */
export interface Reference extends Repository {
  readonly tag?: string;
  readonly digest?: Digest;
}

const HOST =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;

/**
 * Parses a reference. Without tag and digest the tag is `latest`.
 *
 * @throws {KilnError} kind `usage`, saying what is wrong with it.
 */
export function parseReference(text: string): Reference {
  const fail = (why: string, hint?: string) =>
    new KilnError("usage", `Cannot parse the image reference "${text}": ${why}`, hint === undefined ? {} : { hint });
  let rest = text;
  let digest: Digest | undefined;
  const at = rest.indexOf("@");
  if (at >= 0) {
    const found = rest.slice(at + 1);
    if (!isDigest(found)) throw fail('what follows "@" is not "sha256:" and 64 lower-case hex digits');
    digest = found;
    rest = rest.slice(0, at);
  }
  let tag: string | undefined;
  const colon = rest.lastIndexOf(":");
  if (colon > rest.lastIndexOf("/")) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!TAG.test(tag)) throw fail(`the tag "${tag}" is not 1 to 128 of letters, digits, "_", "." and "-"`);
  }
  if (rest === "") throw fail("it has no repository name");
  const { registry, repository } = splitRegistry(rest);
  if (!HOST.test(registry) || !isReachable(registry)) throw fail(`"${registry}" is not a registry host`);
  if (repository === "") throw fail("it has no repository name");
  if (repository.length > 255) throw fail("the repository name is longer than 255 characters");
  if (!repository.split("/").every((component) => COMPONENT.test(component))) {
    const lower = repository.toLowerCase();
    // "library/" is not in the text.
    const written = text.includes(repository) ? repository : repository.slice("library/".length);
    const hint = lower !== repository && lower.split("/").every((part) => COMPONENT.test(part))
      ? `repository names are lower case: "${text.replace(written, written.toLowerCase())}"`
      : undefined;
    throw fail(`"${repository}" is not a repository name`, hint);
  }
  if (tag === undefined && digest === undefined) tag = "latest";
  return {
    registry: registry.toLowerCase(),
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Returns the full form, registry and tag included: `docker.io/library/debian:12`. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${formatRepository(reference)}${tag}${digest}`;
}

/** Returns `registry/repository`. */
export function formatRepository(repository: Repository): string {
  return `${repository.registry}/${repository.repository}`;
}

/** Tells whether two repositories are the same. */
export function sameRepository(a: Repository, b: Repository): boolean {
  return a.registry === b.registry && a.repository === b.repository;
}

/** Whether a host that fits the grammar can be asked at all: `300.1.1.1` and `host:99999` cannot. */
function isReachable(host: string): boolean {
  return URL.canParse(`https://${host}/`);
}

/** The first component is a registry iff it has a dot, a colon or an upper-case letter, or is `localhost`. */
function splitRegistry(name: string): Repository {
  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const isRegistry = slash >= 0 && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const registry = isRegistry ? first : "docker.io";
  const repository = isRegistry ? name.slice(slash + 1) : name;
  if (registry === "docker.io" || registry === "index.docker.io") {
    return { registry: "docker.io", repository: repository.includes("/") ? repository : `library/${repository}` };
  }
  return { registry, repository };
}
