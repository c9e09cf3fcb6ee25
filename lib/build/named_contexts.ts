/**
 * Named contexts: what `--build-context` puts in the place of stages and images (dockerfile.md 6.2, 3.1).
 *
 * @module
 */
import type { StageText } from "../instructions/stages.ts";
import { formatPlatform, parsePlatform, type Platform } from "../oci/platform.ts";
import { formatReference, parseReference, type Reference } from "../oci/reference.ts";
import type { FileTree } from "../tree/file_tree.ts";

/** What a name stands for. */
export type NamedContext =
  | { readonly kind: "scratch" }
  | { readonly kind: "image"; readonly reference: Reference }
  | NamedTree;

/** A context that is files, fetched when somebody reads from it. */
export interface NamedTree {
  readonly kind: "tree";
  /** For people: `the context "app"`. */
  readonly description: string;
  open(): Promise<OpenedTree>;
}

/** Its files. */
export interface OpenedTree {
  readonly tree: FileTree;
  /** Finds out when they were made, if that can be told. */
  time(): Promise<Date | undefined>;
}

/** Nothing can take their place. */
const RESERVED = /^(?:scratch|context)$/i;

/**
 * Returns the normal form of a name: that of an image reference, and behind it the platform if it is for one alone
 * (`name::os/arch`). Two names are the same if their normal forms are.
 *
 * @throws {KilnError} kind `usage`, if it is neither a name of a stage nor a reference
 */
export function normalName(text: string): string {
  const [name = "", platform] = text.split("::", 2);
  const reference = formatReference(parseReference(name));
  return platform === undefined ? reference : keyOf(reference, parsePlatform(platform));
}

/** Tells whether a name can be given to a context at all. */
export function isReserved(text: string): boolean {
  return RESERVED.test(text.split("::", 1)[0] ?? "");
}

/** All named contexts of a build. */
export class NamedContexts {
  readonly #contexts: ReadonlyMap<string, NamedContext>;

  /** @param contexts by normal name. */
  constructor(contexts: ReadonlyMap<string, NamedContext>) {
    this.#contexts = contexts;
  }

  /** Returns what is in the place of a stage or image on that platform, if something is. */
  find(name: string, platform: Platform): NamedContext | undefined {
    if (this.#contexts.size === 0 || isReserved(name)) return undefined;
    const reference = referenceIn(name);
    if (reference === undefined) return undefined;
    return this.#contexts.get(keyOf(reference, platform)) ?? this.#contexts.get(reference);
  }

  /** Returns what takes the place of a whole stage. */
  replacementOf({ name }: Pick<StageText, "name">, platform: Platform): NamedContext | undefined {
    return name === undefined ? undefined : this.find(name, platform);
  }
}

/** No named contexts at all. */
export const NO_CONTEXTS: NamedContexts = new NamedContexts(new Map());

function keyOf(reference: string, platform: Platform): string {
  return `${reference}::${formatPlatform(platform)}`;
}

/** What is no reference is no name of a context either. */
function referenceIn(name: string): string | undefined {
  try {
    return formatReference(parseReference(name));
  } catch {
    return undefined;
  }
}
