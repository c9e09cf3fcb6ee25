/**
 * Having V8 collect what holds memory it does not see.
 *
 * The engine of `node:zlib` copies a dictionary, and Deno keeps the copy until V8 collects the engine. V8 sees a small
 * object, and where nothing else piles up it sees no reason to: a layer of 12 GB left 32 KiB a block, 300 MB (Deno
 * 2.9.6, measured).
 *
 * @module
 */

/** Collects once in so many uses of something. */
export class GarbageCollector {
  readonly #period: number;
  #uses = 0;
  #collection: Promise<() => void> | undefined;

  constructor(period: number) {
    this.#period = period;
  }

  /** Counts one use. When it is time, collects as soon as the caller is done. */
  used(): void {
    if (++this.#uses % this.#period !== 0) return;
    this.#collection ??= findCollection();
    void this.#collection.then((collect) => collect());
  }
}

/** Returns V8's own function. Loaded when first needed: small builds never come to it. */
async function findCollection(): Promise<() => void> {
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([import("node:v8"), import("node:vm")]);
  // The flag gives the function to contexts that are made after it.
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("globalThis.gc");
  return typeof collect === "function" ? () => void collect() : () => {};
}
