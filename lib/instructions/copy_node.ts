/**
 * The grammar that COPY and ADD share: flags, sources, heredocs, destination (dockerfile.md 1.7, 3.3, 3.4).
 *
 * @module
 */
import { posix } from "node:path";
import { badArgument, parsePaths } from "../dockerfile/arguments.ts";
import type { FlagTable, FlagValues } from "../dockerfile/flags.ts";
import { parseHeredocWord } from "../dockerfile/heredoc.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import { type Mode, parseMode } from "../dockerfile/values/mode.ts";
import { parseOwner } from "../dockerfile/values/user.ts";
import { KilnError } from "../errors.ts";
import { redactSource, sourceKind } from "./remote_source.ts";
import type { Expander, Node, Origin } from "./instruction.ts";

/** A file whose content stands in the Dockerfile: 0644, owned by root unless flags say otherwise. */
export interface HeredocSource {
  readonly name: string;
  readonly content: string;
  /** Whether variables in the content are still to be expanded. */
  readonly expand: boolean;
}

/** A parsed COPY or ADD. Flags that were not given are absent; some are ADD's or COPY's only. */
export interface CopyNode<K extends "COPY" | "ADD" = "COPY" | "ADD"> extends Node {
  readonly keyword: K;
  /** Paths, patterns and, for ADD, URLs, in order. Applied before the heredocs. */
  readonly sources: readonly string[];
  readonly heredocs: readonly HeredocSource[];
  readonly destination: string;
  /** COPY: a stage, a stage's index, a named context or an image. */
  readonly from?: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly link: boolean;
  /** COPY only. */
  readonly parents: boolean;
  readonly exclude: readonly string[];
  /** ADD only, as are the next two. */
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  /** Whether archives are unpacked. Absent: local ones are, downloads are not. */
  readonly unpack?: boolean;
}

/** The flags both have. */
export const COPY_FLAGS = {
  chown: "text",
  chmod: "text",
  link: "boolean",
  exclude: "list",
} as const satisfies FlagTable;

/** Builds the part of a node that COPY and ADD have in common. */
export function parseCopy<K extends "COPY" | "ADD">(
  keyword: K,
  line: LogicalLine,
  flags: FlagValues<typeof COPY_FLAGS>,
): CopyNode<K> {
  return {
    keyword,
    line,
    ...parseSources(line),
    ...textFlag("chown", flags.chown),
    ...textFlag("chmod", flags.chmod),
    link: flags.link ?? false,
    parents: false,
    exclude: flags.exclude,
  };
}

/** Checks that there are a source and a destination, which BuildKit does before it looks at flags. */
export function requireTwoPaths(line: LogicalLine): void {
  if (parsePaths(line.rest).words.length >= 2) return;
  throw badArgument(line, "it needs a source and a destination");
}

/** Returns a field for a flag that was given a value; an empty one counts as not given. */
export function textFlag<N extends string>(name: N, value: string | undefined): { readonly [P in N]?: string } {
  // A computed key widens to string; the record has exactly the one field the type names.
  return (value === undefined || value === "" ? {} : { [name]: value }) as { readonly [P in N]?: string };
}

/** Expands everything that COPY and ADD expand, and checks the values that can be checked without the image. */
export function expandCopy<N extends CopyNode>(node: N, expander: Expander): N {
  const expanded: N = {
    ...node,
    ...expandFlag(node, "chown", expander),
    ...expandFlag(node, "chmod", expander),
    ...expandFlag(node, "checksum", expander),
    sources: node.sources.map((source) => expander.word(source)),
    heredocs: node.heredocs.map((heredoc) => expandHeredoc(heredoc, expander)),
    destination: expander.word(node.destination),
  };
  modeOf(expanded);
  checkOwner(expanded);
  return expanded;
}

/** A layer made apart from the stage knows no users but root. */
function checkOwner(node: CopyNode): void {
  if (!node.chown) return;
  const { user, group } = parseOwner(node.chown);
  const named = [user, group].some((account) => account?.kind === "name" && account.name !== "root");
  if (!isLinked(node) || !named) return;
  const state = "the layer has no users to look it up among";
  throw new KilnError("dockerfile", `Cannot use --chown="${node.chown}" with --link: ${state}`, {
    hint: "give numbers, or leave out --link",
  });
}

/** Returns the mode of `--chmod`, if there is one. */
export function modeOf(node: CopyNode): Mode | undefined {
  return node.chmod ? parseMode(node.chmod) : undefined;
}

/** Whether the node makes a layer apart from the stage: as in BuildKit, not with `--chmod`. */
export function isLinked(node: CopyNode): boolean {
  return node.link && !node.chmod;
}

/** Returns the history text. Only three flags show in it. */
export function copyHistory(node: CopyNode): string {
  const words = [
    node.keyword,
    ...(node.parents ? ["--parents"] : []),
    ...(node.chown ? [`--chown=${node.chown}`] : []),
    ...(node.chmod ? [`--chmod=${node.chmod}`] : []),
    ...(node.keyword === "ADD" ? node.sources.map(redactSource) : node.sources),
    ...node.heredocs.map(({ name }) => `<<${name}`),
    node.destination,
  ];
  return `${words.join(" ")} # buildkit`;
}

/** Returns what a COPY or ADD reads: no context when all sources are heredocs or fetched. */
export function copyOrigins(node: CopyNode): readonly Origin[] {
  if (node.from !== undefined) return [{ kind: "named", name: node.from, indexes: true }];
  const isRemote = (source: string): boolean => node.keyword === "ADD" && sourceKind(source) !== "path";
  return node.sources.every(isRemote) ? [] : [{ kind: "context" }];
}

/**
 * Returns where a destination is: an absolute path that ends with a slash if it must be a directory. A relative one is
 * joined to the working directory, which `.` and the empty text stand for.
 */
export function destinationPath(destination: string, workingDirectory: string): string {
  if (posix.isAbsolute(destination)) return destination;
  const isDirectory = destination === "" || destination === "." || /\/\.?$/.test(destination);
  const path = posix.join("/", workingDirectory, destination);
  return isDirectory && !path.endsWith("/") ? `${path}/` : path;
}

function parseSources(line: LogicalLine): Pick<CopyNode, "sources" | "heredocs" | "destination"> {
  const { json, words } = parsePaths(line.rest);
  const rest = words.slice(0, -1);
  const destination = words.at(-1) ?? "";
  if (!json && heredocOf(line, destination) !== undefined) {
    throw badArgument(line, `the destination "${destination}" is a heredoc`);
  }
  const sources: string[] = [];
  const heredocs: HeredocSource[] = [];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    // "<< EOF" is one word to the lexer, two to the splitter.
    const joined = /^[0-9]*<<-?$/.test(word) ? `${word} ${rest[0] ?? ""}` : word;
    const heredoc = json ? undefined : heredocOf(line, joined);
    if (heredoc === undefined) sources.push(word);
    else heredocs.push(heredoc);
    if (heredoc !== undefined && joined !== word) rest.shift();
  }
  return { sources, heredocs, destination };
}

/** Returns the heredoc a word stands for. Of two with one name both words mean the last, as in BuildKit. */
function heredocOf(line: LogicalLine, word: string): HeredocSource | undefined {
  let parsed: ReturnType<typeof parseHeredocWord>;
  try {
    parsed = parseHeredocWord(word);
  } catch (error) {
    if (error instanceof KilnError) return undefined;
    throw error;
  }
  const found = line.heredocs.findLast(({ name }) => name === parsed?.name);
  if (parsed === undefined || found === undefined) return undefined;
  if (found.name.includes("/") || found.name === "." || found.name === "..") {
    throw badArgument(line, `the heredoc "${found.name}" is not a file name`);
  }
  return { name: found.name, content: found.body, expand: parsed.expand };
}

function expandHeredoc(heredoc: HeredocSource, expander: Expander): HeredocSource {
  return heredoc.expand ? { ...heredoc, content: expander.body(heredoc.content), expand: false } : heredoc;
}

function expandFlag<N extends "chown" | "chmod" | "checksum">(
  node: CopyNode,
  name: N,
  expander: Expander,
): { readonly [P in N]?: string } {
  const value = node[name];
  // An expanded flag may be empty, which stays visible as "".
  return (value === undefined ? {} : { [name]: expander.word(value) }) as { readonly [P in N]?: string };
}
