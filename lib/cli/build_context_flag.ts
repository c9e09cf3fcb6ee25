/**
 * `--build-context NAME=VALUE`: names for images, directories and whatever else a context can be (dockerfile.md 6.2).
 *
 * Repositories are named as BuildKit has it, not as `--context` does (decisions 7). A file of a web server stays the file
 * it is, as in BuildKit; what the other kinds of contexts unpack is unpacked here, too.
 *
 * @module
 */
import { isReserved, type NamedContext, NamedContexts, normalName } from "../build/named_contexts.ts";
import { locateGitSource } from "../build/remote_sources.ts";
import type { DirectoryLocation, GitOptions } from "../contexts/context_location.ts";
import { contextTree, findIgnoreFile, locateContext } from "../contexts/directory.ts";
import type { GitSourceOptions } from "../contexts/git.ts";
import type { FetchedLocation } from "../contexts/open_context.ts";
import { parseContext } from "../contexts/parse_context.ts";
import type { RemoteTrees } from "../contexts/remote_trees.ts";
import { parseGitSource } from "../dockerfile/values/git_source.ts";
import { KilnError } from "../errors.ts";
import { layoutReference } from "../image/layout_registry.ts";
import { sourceKind } from "../instructions/remote_source.ts";
import { parseReference, type Reference } from "../oci/reference.ts";

/** What a named context is, as the flag says it. */
export type BuildContextValue =
  | { readonly kind: "scratch" }
  | { readonly kind: "image"; readonly reference: Reference }
  | DirectoryLocation
  /** One file of a web server. */
  | { readonly kind: "file"; readonly url: URL }
  | { readonly kind: "fetched"; readonly location: FetchedLocation; readonly git?: GitSourceOptions };

/** One `--build-context`. */
export interface BuildContextSpec {
  /** As written. */
  readonly name: string;
  readonly value: BuildContextValue;
}

/** Repositories have their options in their URLs. */
const NO_GIT_OPTIONS: GitOptions = { singleBranch: true, depth: 0, recurseSubmodules: true, insecureSkipTls: false };

/**
 * Parses all flags. The last of a name counts.
 *
 * @throws {KilnError} kind `usage`. The message holds no more of a value than its scheme: the rest may hold a token.
 */
export function parseBuildContexts(
  texts: readonly string[],
  { cwd }: { readonly cwd: string },
): ReadonlyMap<string, BuildContextSpec> {
  return new Map(texts.map((text) => {
    const equals = text.indexOf("=");
    if (equals < 0) {
      throw new KilnError("usage", `Cannot use --build-context "${text}": it has no "="`, {
        hint: "write it as NAME=docker-image://IMAGE, NAME=DIRECTORY or NAME=URL",
      });
    }
    const name = text.slice(0, equals);
    if (name === "") throw new KilnError("usage", 'Cannot use --build-context: nothing stands before the "="');
    try {
      return [parseName(name), { name, value: parseValue(text.slice(equals + 1), cwd) }] as const;
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      // Of whatever kind the fault is in a Dockerfile: here it is one of the command line.
      const { message, hint } = error.within(`use --build-context ${name}`);
      throw new KilnError("usage", message, hint === undefined ? {} : { hint });
    }
  }));
}

/** What contexts are made with. */
export interface ContextDeps {
  readonly remotes: Pick<RemoteTrees, "file" | "context">;
  /** What the build writes to while it runs. */
  readonly written: readonly string[];
}

/** Makes the contexts. @throws {KilnError} kind `context`, for a directory that is not there */
export function createNamedContexts(
  specs: ReadonlyMap<string, BuildContextSpec>,
  deps: ContextDeps,
): NamedContexts {
  return new NamedContexts(new Map([...specs].map(([key, spec]) => [key, createContext(spec, deps)])));
}

function parseName(name: string): string {
  if (isReserved(name)) throw new KilnError("usage", `nothing can take the place of "${name}"`);
  return normalName(name);
}

function parseValue(value: string, cwd: string): BuildContextValue {
  const [scheme = "", rest = ""] = value.split("://", 2);
  if (/^(?:target|input):/.test(value)) {
    throw new KilnError("usage", `"${value.split(":", 1)[0]}:" names results of other builds, which only bake has`);
  }
  if (scheme === "docker-image") {
    const reference = value.slice("docker-image://".length);
    return reference === "scratch" ? { kind: "scratch" } : { kind: "image", reference: parseReference(reference) };
  }
  const git = value.startsWith("github.com/") ? `https://${value}` : sourceKind(value) === "git" ? value : undefined;
  if (git !== undefined) {
    const { location, options } = locateGitSource(parseGitSource(git));
    return { kind: "fetched", location, git: options };
  }
  if (value === "" || (rest === "" && value.includes("://"))) throw new KilnError("usage", "it names no context");
  const location = parseContext(value, { cwd, git: NO_GIT_OPTIONS, gitPullMethod: "" });
  switch (location.kind) {
    case "directory":
      return location;
    case "http":
      return { kind: "file", url: location.url };
    case "layout": {
      const { path, ...image } = location;
      return { kind: "image", reference: layoutReference(path, image) };
    }
    case "stdin":
      throw new KilnError("usage", "stdin can only be the build context");
    default:
      return { kind: "fetched", location };
  }
}

/** Files of a directory are changed one by one: it is of no time. */
const NO_TIME = (): Promise<undefined> => Promise.resolve(undefined);

function createContext(
  { name, value }: BuildContextSpec,
  { remotes, written }: ContextDeps,
): NamedContext {
  const description = `the context "${name}"`;
  switch (value.kind) {
    case "scratch":
    case "image":
      return value;
    case "directory": {
      const { path: directory } = value;
      const located = locateContext({ directory, name, subPath: "", fetched: false, description: `"${directory}"` });
      const tree = contextTree(located.root, findIgnoreFile(located, undefined), { written, description });
      return { kind: "tree", description, open: () => Promise.resolve({ tree, time: NO_TIME }) };
    }
    case "file":
      return { kind: "tree", description, open: () => remotes.file(value.url) };
    case "fetched":
      return { kind: "tree", description, open: () => remotes.context(value.location, value.git) };
  }
}
