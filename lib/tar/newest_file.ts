/**
 * Finding out how old an archive is, while somebody else reads it.
 *
 * @module
 */
import type { TarEntry } from "./entry.ts";
import type { TarHandler } from "./handler.ts";

const NS_PER_MS = 1_000_000n;

/** Passes all of an archive on, and remembers the latest time of its regular files. */
export class NewestFile implements TarHandler {
  /** There only if the next one takes holes: it is the reader that makes zeros of them for others. */
  readonly hole?: (length: number) => void;
  readonly #next: TarHandler;
  #newestNs: bigint | undefined;

  constructor(next: TarHandler) {
    this.#next = next;
    if (next.hole !== undefined) this.hole = (length) => next.hole?.(length);
  }

  /** The time; undefined if there is no regular file so far. */
  get time(): Date | undefined {
    return this.#newestNs === undefined ? undefined : new Date(Number(this.#newestNs / NS_PER_MS));
  }

  entry(entry: TarEntry): void {
    const { type, mtimeNs } = entry;
    const isRegular = type === "file" || type === "hardlink";
    if (isRegular && (this.#newestNs === undefined || mtimeNs > this.#newestNs)) this.#newestNs = mtimeNs;
    this.#next.entry(entry);
  }

  data(bytes: Uint8Array): void {
    this.#next.data(bytes);
  }

  entryEnd(): void {
    this.#next.entryEnd();
  }
}
