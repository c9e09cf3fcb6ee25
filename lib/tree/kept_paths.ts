/**
 * Paths that stay where they are while everything around them is exchanged.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";

/** A set of paths, as a tree of their components. */
export class KeptPaths {
  readonly #inner = new Map<BytePath, KeptPaths>();
  #isKept = false;

  /** Makes the set of these paths, relative to one root and without symlinks; what is below a kept path is kept, too. */
  static of(paths: Iterable<BytePath>): KeptPaths {
    const all = new KeptPaths();
    for (const path of paths) {
      let place = all;
      for (const name of componentsOf(path)) {
        const inner = place.#inner.get(name) ?? new KeptPaths();
        place.#inner.set(name, inner);
        place = inner;
      }
      place.#isKept = true;
    }
    return all;
  }

  /** Whether this very path is kept, with everything below it. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Names of what is kept, or holds something kept, right below this path. */
  get names(): Iterable<BytePath> {
    return this.#inner.keys();
  }

  /** Returns the set below a name, or undefined if nothing is kept there. */
  below(name: BytePath): KeptPaths | undefined {
    return this.#inner.get(name);
  }

  /** Returns the set below a path, or undefined if nothing is kept there. */
  at(path: BytePath): KeptPaths | undefined {
    return componentsOf(path).reduce<KeptPaths | undefined>((place, name) => place?.below(name), this);
  }

  /** Returns the kept path that a path is or is below, or undefined. */
  covering(path: BytePath): BytePath | undefined {
    const way: BytePath[] = [];
    let place: KeptPaths | undefined = this.#isKept ? undefined : this;
    for (const name of componentsOf(path)) {
      place = place?.below(name);
      if (place === undefined) return undefined;
      way.push(name);
      if (place.isKept) return way.join("/");
    }
    return undefined;
  }
}

function componentsOf(path: BytePath): BytePath[] {
  return path.split("/").filter((name) => name !== "");
}
