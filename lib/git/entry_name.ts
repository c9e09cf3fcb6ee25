/**
 * Which names a tree may have: git's `verify_path`, with the rules of all platforms (core.protectHFS, core.protectNTFS).
 *
 * A context is copied into images and may reach other file systems from there: `.GIT` or `git~1` is `.git` on some of
 * them, and a `.git` that came with the content is a repository with hooks and filters of a stranger's (S47).
 *
 * @module
 */
import { type BytePath, textOf } from "../io/byte_path.ts";

/** Characters HFS+ leaves out when it compares names (git's `next_hfs_char`). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/** Returns why a name may not stand in a tree, or undefined. A symlink may not have some names that git reads. */
export function faultOfName(name: BytePath, kind: "symlink" | "other"): string | undefined {
  if (name === "") return "a name is empty";
  if (name === "." || name === "..") return `a name is "${name}"`;
  if (name.includes("/")) return 'a name has a "/" in it';
  if (name.length > 255) return "a name is longer than 255 bytes";
  if (isSpecial(name, GIT)) return "a name means .git";
  if (kind === "symlink" && isSpecial(name, MODULES)) return "its .gitmodules is a symlink";
  return undefined;
}

/** A name that git gives meaning to, in the forms other file systems know it by. */
interface SpecialName {
  readonly name: string;
  /** Its short names on NTFS. */
  readonly short: RegExp;
}

const GIT: SpecialName = { name: ".git", short: /^git~1$/ };
const MODULES: SpecialName = { name: ".gitmodules", short: /^(?:gitmod~[1-4]|gi7eb[0-9a-f]~[1-9]|gi7eba~[1-9])$/ };

function isSpecial(name: BytePath, special: SpecialName): boolean {
  return isOnHfs(name, special) || isOnNtfs(name, special);
}

function isOnHfs(name: BytePath, { name: wanted }: SpecialName): boolean {
  const text = textOf(name);
  return text !== undefined && text.replace(HFS_IGNORED, "").toLowerCase() === wanted;
}

/** NTFS drops dots and spaces at the end, takes what follows ":" for a stream, and "\" for a separator. */
function isOnNtfs(name: BytePath, { name: wanted, short }: SpecialName): boolean {
  return name.split("\\").some((part) => {
    const [bare = ""] = part.split(":", 1);
    const plain = bare.replace(/[. ]+$/, "").toLowerCase();
    return plain === wanted || short.test(plain);
  });
}
