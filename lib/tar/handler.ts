/**
 * What takes the contents of an archive from the reader.
 *
 * @module
 */
import type { TarEntry } from "./entry.ts";

/** Called for each entry in order: `entry`, then its bytes by `data` and `hole`, then `entryEnd`. */
export interface TarHandler {
  /** An entry begins. For files, `entry.size` bytes follow. */
  entry(entry: TarEntry): void;
  /** Bytes of the entry: a view that is only valid during the call and must not be written to. */
  data(bytes: Uint8Array): void;
  /** `length` zero bytes of a sparse file. Without this method they arrive as `data`. */
  hole?(length: number): void;
  /** All bytes of the entry have been given. */
  entryEnd(): void;
}
