/**
 * What of a source a COPY takes: the build context without what `.dockerignore` excludes, and of that not what
 * `--exclude` excludes, which means paths inside the directory that is copied (dockerfile.md 3.3).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { isDirectory, statAt } from "../sys/stat.ts";
import { type IgnoreRules, parseIgnorePatterns } from "./ignore.ts";
import { joinPath, type OpenDirectories } from "./open_directories.ts";

/** Compiles the patterns of `--exclude` or of a `--parents` source. @throws {KilnError} kind `dockerfile` */
export function parsePatterns(patterns: readonly BytePath[], flag: string): IgnoreRules {
  try {
    return parseIgnorePatterns(patterns);
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    const shown = patterns.map((pattern) => `"${displayPath(pattern)}"`).join(", ");
    throw new KilnError("dockerfile", `Cannot use ${flag} ${shown}: it is not a pattern`, { cause: error });
  }
}

/** The rules for one source directory. Paths are those in the tree. */
export class Selection {
  readonly #sources: OpenDirectories;
  readonly #rules: IgnoreRules | undefined;
  readonly #exclude: IgnoreRules | undefined;
  readonly #base: BytePath;

  /** @param parts `base`: what the patterns of `exclude` are relative to; `rules`: relative to the tree's root. */
  constructor(sources: OpenDirectories, parts: {
    readonly rules?: IgnoreRules | undefined;
    readonly exclude?: IgnoreRules | undefined;
    readonly base: BytePath;
  }) {
    this.#sources = sources;
    this.#rules = parts.rules;
    this.#exclude = parts.exclude;
    this.#base = parts.base;
  }

  /** Tells whether a file, or a directory itself, is left out. */
  omits(path: BytePath): boolean {
    if (path === this.#base || path === "") return false;
    return this.#rules?.excludes(path) === true || this.#exclude?.excludes(this.#relative(path)) === true;
  }

  /** Tells whether `--exclude` leaves a directory itself out, though not all that is in it. */
  passes(directory: BytePath): boolean {
    return this.#exclude?.excludes(this.#relative(directory)) === true;
  }

  /** Tells whether a directory is left out with all that is in it: nothing below it is brought back. */
  omitsAll(directory: BytePath): boolean {
    if (!this.omits(directory)) return false;
    const isPruned = this.#rules?.prunes(directory) === true ||
      this.#exclude?.prunes(this.#relative(directory)) === true;
    return isPruned || !this.hasAny(directory);
  }

  /** Tells whether anything in a directory is taken. */
  hasAny(directory: BytePath): boolean {
    return listDirectory(this.#sources.open(directory).fd).some((name) => {
      const path = joinPath(directory, name);
      if (!this.omits(path)) return true;
      return isDirectory(statAt(this.#sources.open(directory).fd, name)) && !this.omitsAll(path);
    });
  }

  #relative(path: BytePath): BytePath {
    return this.#base === "" ? path : path.slice(this.#base.length + 1);
  }
}
