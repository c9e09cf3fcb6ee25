/**
 * `.gitattributes`, as far as it says which files are kept by Git LFS: `filter=lfs` (gitattributes(5)).
 *
 * Other filters name programs to run and are never run (S47).
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { wildmatch } from "./wildmatch.ts";

/** The rules of one `.gitattributes`. */
export interface AttributeFile {
  /** The directory it is in, with a slash at the end; "" for the root. */
  readonly directory: BytePath;
  readonly rules: readonly AttributeRule[];
}

/** One line that says something about filters. */
interface AttributeRule {
  readonly pattern: BytePath;
  readonly lfs: boolean;
}

/** No `.gitattributes` is larger; git itself stops at 100 MiB. */
export const MAX_ATTRIBUTES_BYTES = 1024 ** 2;

/** Names of macros, with whether they stand for `filter=lfs`; only those of the root count. */
export type AttributeMacros = Map<string, boolean>;

/** Reads a `.gitattributes`. Macros it defines are added to `macros` if it is that of the root. */
export function parseAttributes(text: BytePath, directory: BytePath, macros: AttributeMacros): AttributeFile {
  const rules: AttributeRule[] = [];
  for (const line of text.split(/\r?\n/)) {
    const { pattern, attributes } = splitLine(line.trim());
    if (pattern === "" || pattern.startsWith("#") || pattern.startsWith("!")) continue;
    const lfs = lfsOf(attributes, macros);
    if (lfs === undefined) continue;
    if (pattern.startsWith("[attr]")) {
      if (directory === "") macros.set(pattern.slice("[attr]".length), lfs);
    } else if (!pattern.endsWith("/")) {
      rules.push({ pattern, lfs });
    }
  }
  return { directory, rules };
}

/** Tells whether a file is kept by Git LFS. @param files from the root down to the file's directory */
export function isLfsPath(path: BytePath, files: readonly AttributeFile[]): boolean {
  for (const { directory, rules } of files.toReversed()) {
    const relative = path.slice(directory.length);
    const rule = rules.findLast(({ pattern }) => matches(pattern, relative));
    if (rule !== undefined) return rule.lfs;
  }
  return false;
}

/** A pattern without a slash is for names at any depth, another one for paths from here. */
function matches(pattern: BytePath, path: BytePath): boolean {
  if (!pattern.includes("/")) return wildmatch(pattern, path.slice(path.lastIndexOf("/") + 1));
  return wildmatch(pattern.startsWith("/") ? pattern.slice(1) : pattern, path);
}

function splitLine(line: BytePath): { readonly pattern: BytePath; readonly attributes: readonly string[] } {
  const quoted = /^"((?:[^"\\]|\\.)*)"(.*)$/.exec(line);
  if (quoted !== null) {
    const pattern = (quoted[1] ?? "").replace(
      /\\([0-7]{3}|.)/g,
      (_, code: string) => code.length === 3 ? String.fromCharCode(parseInt(code, 8) & 255) : code,
    );
    return { pattern, attributes: words(quoted[2] ?? "") };
  }
  const [pattern = "", ...attributes] = words(line);
  return { pattern, attributes };
}

function words(text: string): readonly string[] {
  return text.split(/[ \t]+/).filter((word) => word !== "");
}

/** What a list of attributes says about the filter; undefined if nothing. */
function lfsOf(attributes: readonly string[], macros: AttributeMacros): boolean | undefined {
  let lfs: boolean | undefined;
  for (const attribute of attributes) {
    if (attribute.startsWith("filter=")) lfs = attribute === "filter=lfs";
    else if (/^[-!]?filter$/.test(attribute)) lfs = false;
    else lfs = macros.get(attribute) ?? lfs;
  }
  return lfs;
}
