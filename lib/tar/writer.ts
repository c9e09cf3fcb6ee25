/**
 * Writes tar archives, the same bytes for the same entries everywhere and always.
 *
 * Every entry is a ustar header; what does not fit one stands in a PAX header before it, and nothing else does: a name
 * beyond 100 bytes that cannot be split, ids beyond 2,097,151, 8 GiB and more, times before 1970, after 2242 or with
 * nanoseconds, extended attributes. User and group names are empty. The end is two blocks of zeros, without the padding
 * to 10 KiB of other tars: an empty archive has 1,024 bytes and the diff ID
 * `sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef` (kaniko.md 5.7).
 *
 * Misuse (a body of the wrong length, a name that is not a byte string) throws a plain `Error`: it is a bug.
 *
 * @module
 */
import type { EntryType, TarEntry } from "./entry.ts";
import { encodeHeader, splitName, type UstarHeader } from "./encode_header.ts";
import {
  BLOCK_BYTES,
  MAX_ID,
  MAX_MAJOR,
  MAX_MINOR,
  MAX_OCTAL_12,
  MAX_OCTAL_8,
  paddingOf,
  TEXT,
} from "./header_block.ts";
import { formatPax } from "./format_pax.ts";

/**
 * Headers and small bodies are gathered before they go to the sink: hashing 64 KiB costs a third of hashing it in 128
 * pieces. Larger pieces of a body are passed on as they are.
 */
const STAGE_BYTES = 65_536;
const LARGE_PIECE_BYTES = 16_384;

const TYPE_FLAGS: Readonly<Record<EntryType, number>> = {
  file: 0x30,
  hardlink: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  dir: 0x35,
  fifo: 0x36,
};
/** The header block of every PAX header; only tools that do not know PAX show its name, which is Python's. */
const PAX_HEADER: UstarHeader = {
  name: "././@PaxHeader",
  prefix: "",
  typeFlag: 0x78,
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  seconds: 0,
  linkName: "",
  devMajor: 0,
  devMinor: 0,
};
const NANOSECONDS = 1_000_000_000n;
const MAX_SECONDS = BigInt(MAX_OCTAL_12);
/** NUL ends a name, and characters above 255 are text, not bytes. */
// deno-lint-ignore no-control-regex -- all control characters but NUL may be in a file name
const NOT_NAME = /[^\x01-\xff]/;
const ZERO_BLOCK = new Uint8Array(BLOCK_BYTES);

/** Writes one archive to a sink. For each entry call `header`, for files then `body` until `size` bytes are given. */
export class TarWriter {
  readonly #sink: (chunk: Uint8Array) => void;
  readonly #stage = new Uint8Array(STAGE_BYTES);
  #used = 0;
  /** Bytes of the current body still to come, and the padding behind them. */
  #left = 0;
  #padding = 0;
  #name = "";
  #finished = false;

  /** @param sink Takes each piece; the bytes are only valid during the call. */
  constructor(sink: (chunk: Uint8Array) => void) {
    this.#sink = sink;
  }

  /**
   * Writes the header of an entry. A directory gets its trailing slash if it has none.
   *
   * @throws {KilnError} integrity for extended attributes that a tar archive cannot carry.
   */
  header(entry: TarEntry): void {
    this.#checkComplete();
    const name = entry.type === "dir" && !entry.name.endsWith("/") ? `${entry.name}/` : entry.name;
    checkEntry(entry, name);
    const split = splitName(name);
    const time = splitTime(entry.mtimeNs);
    const pax = formatPax(name, {
      path: split === undefined ? name : undefined,
      linkPath: entry.linkName.length > TEXT.linkName.length ? entry.linkName : undefined,
      size: entry.size > MAX_OCTAL_12 ? entry.size : undefined,
      uid: entry.uid > MAX_OCTAL_8 ? entry.uid : undefined,
      gid: entry.gid > MAX_OCTAL_8 ? entry.gid : undefined,
      mtimeNs: time.exact ? undefined : entry.mtimeNs,
      xattrs: entry.xattrs,
    });
    if (pax !== undefined) this.#writePax(pax);
    this.#writeBlock({
      name: split?.name ?? name.slice(0, TEXT.name.length),
      prefix: split?.prefix ?? "",
      typeFlag: TYPE_FLAGS[entry.type],
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      size: entry.size,
      seconds: time.seconds,
      linkName: entry.linkName.slice(0, TEXT.linkName.length),
      devMajor: entry.devMajor,
      devMinor: entry.devMinor,
    });
    this.#name = name;
    this.#left = entry.size;
    this.#padding = paddingOf(entry.size);
  }

  /** Writes the next bytes of the current file. Large pieces go to the sink as they are, without copying. */
  body(chunk: Uint8Array): void {
    if (chunk.length > this.#left) {
      throw new Error(`Body of "${this.#name}" exceeds its size by ${chunk.length - this.#left}`);
    }
    this.#left -= chunk.length;
    this.#put(chunk);
    if (this.#left > 0 || this.#padding === 0) return;
    this.#put(ZERO_BLOCK.subarray(0, this.#padding));
    this.#padding = 0;
  }

  /** Writes the end marker and gives everything to the sink. */
  finish(): void {
    this.#checkComplete();
    this.#put(ZERO_BLOCK);
    this.#put(ZERO_BLOCK);
    this.#flush();
    this.#finished = true;
  }

  #checkComplete(): void {
    if (this.#finished) throw new Error("TarWriter used after finish");
    if (this.#left > 0) throw new Error(`Body of "${this.#name}" lacks ${this.#left} bytes`);
  }

  #put(chunk: Uint8Array): void {
    if (this.#used + chunk.length > STAGE_BYTES || chunk.length >= LARGE_PIECE_BYTES) {
      this.#flush();
      if (chunk.length >= LARGE_PIECE_BYTES) {
        this.#sink(chunk);
        return;
      }
    }
    this.#stage.set(chunk, this.#used);
    this.#used += chunk.length;
  }

  #flush(): void {
    if (this.#used > 0) this.#sink(this.#stage.subarray(0, this.#used));
    this.#used = 0;
  }

  #writePax(body: string): void {
    this.#writeBlock({ ...PAX_HEADER, size: body.length });
    for (let at = 0; at < body.length;) {
      if (this.#used === STAGE_BYTES) this.#flush();
      const end = Math.min(body.length, at + STAGE_BYTES - this.#used);
      while (at < end) this.#stage[this.#used++] = body.charCodeAt(at++);
    }
    this.#put(ZERO_BLOCK.subarray(0, paddingOf(body.length)));
  }

  #writeBlock(header: UstarHeader): void {
    if (this.#used + BLOCK_BYTES > STAGE_BYTES) this.#flush();
    encodeHeader(this.#stage.subarray(this.#used, this.#used + BLOCK_BYTES), header);
    this.#used += BLOCK_BYTES;
  }
}

/** Returns the time as the header holds it, and whether that is all of it. */
function splitTime(mtimeNs: bigint): { readonly seconds: number; readonly exact: boolean } {
  if (mtimeNs < 0n) return { seconds: 0, exact: false };
  const seconds = mtimeNs / NANOSECONDS;
  if (seconds > MAX_SECONDS) return { seconds: 0, exact: false };
  return { seconds: Number(seconds), exact: seconds * NANOSECONDS === mtimeNs };
}

function checkEntry(entry: TarEntry, name: string): void {
  const { type, size, linkName } = entry;
  const isLink = type === "hardlink" || type === "symlink";
  if (name === "" || NOT_NAME.test(name) || NOT_NAME.test(linkName)) {
    throw new Error(`Not a byte string without NUL: "${name}"`);
  }
  if (type !== "dir" && name.endsWith("/")) throw new Error(`Name of a ${type} ends in "/": "${name}"`);
  if (isLink === (linkName === "")) throw new Error(`Entry "${name}" of type ${type} has link target "${linkName}"`);
  if (!Number.isSafeInteger(size) || size < 0 || (size > 0 && type !== "file")) {
    throw new Error(`Entry "${name}" of type ${type} has size ${size}`);
  }
  checkNumber(entry.mode, { most: 0o7777, name });
  checkNumber(entry.uid, { most: MAX_ID, name });
  checkNumber(entry.gid, { most: MAX_ID, name });
  checkNumber(entry.devMajor, { most: MAX_MAJOR, name });
  checkNumber(entry.devMinor, { most: MAX_MINOR, name });
}

function checkNumber(value: number, { most, name }: { readonly most: number; readonly name: string }): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new Error(`Entry "${name}" has number ${value} in its header`);
  }
}
