/**
 * Reads tar archives pushed at it in pieces of any size: ustar, PAX, old GNU and v7 headers, sparse files of all kinds.
 *
 * Synchronous, because an `await` per entry costs more than parsing one. What a handler is given are views into the
 * pushed chunk; nothing but headers is copied or kept.
 *
 * The rule for everything unusual: if GNU tar 1.34, libarchive 3.6, Go 1.26 (so containerd, Docker, podman) and Python
 * 3.11 could see different entries in an archive, it is refused with a reason. An image scanned by one of them and
 * unpacked by another is how such archives attack (pains-and-security.md S23; CVE-2025-62518, CVE-2026-53655).
 *
 * After the end marker everything is ignored but still consumed, so that digests over the stream cover it (S27).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { displayPath } from "../io/byte_path.ts";
import type { EntryType, TarEntry } from "./entry.ts";
import { type ExtensionFlag, Extensions, isExtensionFlag } from "./extensions.ts";
import type { TarHandler } from "./handler.ts";
import { GNU_SPARSE, HeaderBlock } from "./header.ts";
import { BLOCK_BYTES, FIELD, MAX_ID, MAX_MAJOR, MAX_MINOR, MAX_OCTAL_12, paddingOf, TEXT } from "./header_block.ts";
import { DEFAULT_TAR_LIMITS, type TarLimits } from "./limits.ts";
import { Malformed } from "./malformed.ts";
import { SparseFile } from "./sparse_file.ts";
import {
  addGnuExtensionRegions,
  addGnuHeaderRegions,
  gnuRealSize,
  readPaxSparse,
  SparseMap,
  SparseMapText,
} from "./sparse_map.ts";

/** What the next bytes of the archive are. */
type State =
  | { readonly kind: "header" }
  /** One block of zeros was seen: another one is the end marker. */
  | { readonly kind: "half end" }
  | { readonly kind: "extension"; readonly flag: ExtensionFlag; readonly size: number; body: Uint8Array | undefined }
  | { readonly kind: "padding" }
  /** Extension blocks of an old GNU sparse map. */
  | { readonly kind: "sparse blocks"; readonly entry: TarEntry; readonly map: SparseMap }
  | { readonly kind: "sparse text"; readonly entry: TarEntry; readonly text: SparseMapText; padding: number }
  | { readonly kind: "sparse data"; readonly file: SparseFile }
  | { readonly kind: "data" }
  | { readonly kind: "trailer" };

const HEADER: State = { kind: "header" };
const HALF_END: State = { kind: "half end" };
const PADDING: State = { kind: "padding" };
const DATA: State = { kind: "data" };
const TRAILER: State = { kind: "trailer" };

/** GNU tar adds a made-up `path` to sparse files with long names; of the four only Python takes it for the name. */
const MADE_UP_SPARSE_PATH = /(^|\/)GNUSparseFile\.[0-9]+\//;

/** Parses one archive. Push its bytes, then call `end`. */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #limits: TarLimits;
  readonly #extensions: Extensions;
  #state: State = HEADER;
  #failed = false;

  /** Where the chunk being parsed begins in the archive. */
  #offset = 0;
  /** Where the headers of the entry being parsed begin, and its name as far as known; for messages. */
  #entryOffset = 0;
  #entryName: string | undefined;
  #entries = 0;

  readonly #block = new HeaderBlock();
  /** Bytes already in `#block` when a block is cut by the end of a chunk. */
  #held = 0;
  /** Bytes of the current extension, content or padding still to come. */
  #left = 0;
  /** Bytes that fill the last block of the current extension or content. */
  #padding = 0;

  constructor(handler: TarHandler, limits: Partial<TarLimits> = {}) {
    this.#handler = handler;
    this.#limits = { ...DEFAULT_TAR_LIMITS, ...limits };
    this.#extensions = new Extensions(this.#limits);
  }

  /**
   * Parses the next bytes of the archive, of any length.
   *
   * @throws {KilnError} integrity, naming the entry and its offset, for anything that is not a well-formed archive.
   */
  push(chunk: Uint8Array): void {
    this.#guard(() => {
      for (let at = 0; at < chunk.length;) at = this.#step(chunk, at);
      this.#offset += chunk.length;
    });
  }

  /** Says that the archive is complete. @throws {KilnError} integrity if it stops in the middle of something. */
  end(): void {
    this.#guard(() => {
      const { kind } = this.#state;
      const between = kind === "header" || kind === "half end" || kind === "trailer";
      if (!between || this.#held > 0) throw new Malformed("it is truncated");
      if (this.#extensions.pending) throw new Malformed("no entry follows its extended header");
    });
  }

  /** Runs `parse`; once that has thrown, whatever the reason, nothing more is parsed. */
  #guard(parse: () => void): void {
    if (this.#failed) throw new Error("TarReader used after it failed");
    this.#failed = true;
    try {
      parse();
    } catch (error) {
      throw error instanceof Malformed ? this.#explain(error) : error;
    }
    this.#failed = false;
  }

  #explain(fault: Malformed): KilnError {
    const what = this.#entryName === undefined ? "the archive" : `the archive entry "${displayPath(this.#entryName)}"`;
    return new KilnError("integrity", `Cannot read ${what} at byte ${this.#entryOffset}: ${fault.message}`);
  }

  /** Parses what the state asks for from `at`. Returns where the rest begins. */
  #step(chunk: Uint8Array, at: number): number {
    const state = this.#state;
    switch (state.kind) {
      case "header":
      case "half end":
        return this.#takeHeader(chunk, at);
      case "data":
        return this.#takeData(chunk, at);
      case "padding":
        return this.#takePadding(chunk, at);
      case "extension":
        return this.#takeExtension(chunk, { at, state });
      case "sparse blocks":
        return this.#takeSparseBlock(chunk, { at, state });
      case "sparse text":
        return this.#takeSparseText(chunk, { at, state });
      case "sparse data":
        return this.#takeSparseData(chunk, { at, state });
      case "trailer":
        return chunk.length;
    }
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    if (this.#held === 0 && !this.#extensions.pending) {
      this.#entryOffset = this.#offset + at;
      this.#entryName = undefined;
    }
    const end = this.#fillBlock(chunk, at);
    if (this.#held === 0) this.#readHeader();
    return end;
  }

  /** Copies into the block; `#held` is 0 again once it is full. */
  #fillBlock(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + BLOCK_BYTES - this.#held);
    this.#block.bytes.set(chunk.subarray(at, end), this.#held);
    this.#held = (this.#held + end - at) % BLOCK_BYTES;
    return end;
  }

  #readHeader(): void {
    const block = this.#block;
    if (!block.verify()) {
      this.#state = this.#state === HALF_END ? TRAILER : HALF_END;
      return;
    }
    // GNU tar and Python stop at a lone block of zeros, Go fails, libarchive reads on
    if (this.#state === HALF_END) throw new Malformed("one block of zeros is followed by another header");
    const flag = block.typeFlag;
    if (isExtensionFlag(flag)) this.#beginExtension(flag);
    else this.#beginEntry(flag);
  }

  #beginExtension(flag: ExtensionFlag): void {
    const size = this.#block.number(FIELD.size);
    this.#extensions.check(flag, size);
    this.#left = size;
    this.#padding = paddingOf(size);
    this.#state = { kind: "extension", flag, size, body: undefined };
    if (size === 0) this.#endExtension(flag, new Uint8Array(0));
  }

  #takeExtension(chunk: Uint8Array, { at, state }: Of<"extension">): number {
    const end = Math.min(chunk.length, at + this.#left);
    // nearly always the whole of it is in the chunk
    if (end - at === state.size) {
      this.#endExtension(state.flag, chunk.subarray(at, end));
      return end;
    }
    state.body ??= new Uint8Array(state.size);
    state.body.set(chunk.subarray(at, end), state.size - this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#endExtension(state.flag, state.body);
    return end;
  }

  #endExtension(flag: ExtensionFlag, body: Uint8Array): void {
    this.#extensions.add(flag, body);
    this.#entryName = this.#extensions.pax?.path ?? this.#extensions.longName;
    this.#beginPadding();
  }

  #beginEntry(flag: string): void {
    const block = this.#block;
    const { pax, longName } = this.#extensions;
    const headerName = block.name();
    const sparse = pax?.sparse === undefined ? undefined : readPaxSparse(pax.sparse, this.#limits);
    const name = sparse?.name ?? pax?.path ?? longName ?? headerName;
    this.#entryName = name;
    if (name === "") throw new Malformed("it has no name");
    if (++this.#entries > this.#limits.maxEntries) {
      throw new Malformed(`the archive has more than ${this.#limits.maxEntries} entries`);
    }
    const type = block.entryType(name, headerName);
    block.checkUnusedFields(type);
    const entry = this.#readEntry({ name, type });
    this.#extensions.clear();
    this.#left = entry.size;
    this.#padding = paddingOf(entry.size);
    if (sparse !== undefined) {
      if (type !== "file" || flag === GNU_SPARSE) throw new Malformed("it has a sparse map, but is not a plain file");
      if (sparse.name !== undefined && pax?.path !== undefined && !MADE_UP_SPARSE_PATH.test(pax.path)) {
        throw new Malformed("its extended header gives it two names");
      }
      this.#beginPaxSparse({ ...entry, size: sparse.size }, sparse.map);
    } else if (flag === GNU_SPARSE) {
      this.#beginGnuSparse(entry);
    } else {
      this.#handler.entry(entry);
      this.#state = DATA;
      if (entry.size === 0) this.#endData();
    }
  }

  /** Reads the rest of the header. All fields are read, also those that an extension replaces: Go and Python do. */
  #readEntry({ name, type }: Pick<TarEntry, "name" | "type">): TarEntry {
    const block = this.#block;
    const { pax, longLink } = this.#extensions;
    const isLink = type === "hardlink" || type === "symlink";
    const isDevice = type === "char" || type === "block";
    const linkName = isLink ? pax?.linkPath ?? longLink ?? block.text(TEXT.linkName) : "";
    if (isLink && linkName === "") throw new Malformed("it is a link without a target");
    const uid = block.number(FIELD.uid);
    const gid = block.number(FIELD.gid);
    const mtime = block.number(FIELD.mtime);
    const entry: TarEntry = {
      name,
      type,
      // the upper bits say what the type flag says
      mode: inRange(block.number(FIELD.mode), { most: 0xffffffff, what: "mode" }) & 0o7777,
      uid: inRange(pax?.uid ?? uid, { most: MAX_ID, what: FIELD.uid.what }),
      gid: inRange(pax?.gid ?? gid, { most: MAX_ID, what: FIELD.gid.what }),
      size: this.#readSize(type),
      mtimeNs: pax?.mtimeNs ?? BigInt(mtime) * 1_000_000_000n,
      linkName,
      devMajor: isDevice ? inRange(block.number(FIELD.devMajor), { most: MAX_MAJOR, what: FIELD.devMajor.what }) : 0,
      devMinor: isDevice ? inRange(block.number(FIELD.devMinor), { most: MAX_MINOR, what: FIELD.devMinor.what }) : 0,
    };
    return pax?.xattrs === undefined ? entry : { ...entry, xattrs: pax.xattrs };
  }

  /** Returns the bytes stored. Only files may have any: for links and directories GNU tar skips them, Go does not. */
  #readSize(type: EntryType): number {
    const inHeader = this.#block.number(FIELD.size);
    const size = this.#extensions.pax?.size ?? inHeader;
    if (size < 0) throw new Malformed("its size is negative");
    // a size that does not fit the header is in the extended header alone; any other must be the same (CVE-2025-62518)
    if (size !== inHeader && size <= MAX_OCTAL_12) {
      throw new Malformed(`its header says it has ${inHeader} bytes, its extended header ${size}`);
    }
    if (size > 0 && type !== "file") throw new Malformed(`it is not a file, but has ${size} bytes of content`);
    return size;
  }

  #beginGnuSparse(entry: TarEntry): void {
    const block = this.#block.bytes;
    const sized = { ...entry, size: gnuRealSize(block) };
    const map = new SparseMap(this.#limits);
    if (addGnuHeaderRegions(map, block)) this.#state = { kind: "sparse blocks", entry: sized, map };
    else this.#beginSparseData(sized, map);
  }

  #takeSparseBlock(chunk: Uint8Array, { at, state }: Of<"sparse blocks">): number {
    const end = this.#fillBlock(chunk, at);
    if (this.#held === 0 && !addGnuExtensionRegions(state.map, this.#block.bytes)) {
      this.#beginSparseData(state.entry, state.map);
    }
    return end;
  }

  #beginPaxSparse(entry: TarEntry, map: SparseMap | undefined): void {
    if (map !== undefined) {
      this.#beginSparseData(entry, map);
      return;
    }
    if (this.#left === 0) throw new Malformed("its sparse map is missing");
    this.#state = { kind: "sparse text", entry, text: new SparseMapText(this.#limits), padding: 0 };
  }

  #takeSparseText(chunk: Uint8Array, { at, state }: Of<"sparse text">): number {
    const { text, entry } = state;
    let end = Math.min(chunk.length, at + (text.done ? state.padding : this.#left));
    if (text.done) state.padding -= end - at;
    else end = text.read(chunk.subarray(0, end), at);
    this.#left -= end - at;
    if (!text.done) {
      if (this.#left === 0) throw new Malformed("its sparse map is not complete");
      return end;
    }
    if (state.padding === 0 && end > at) {
      // Content and padding are whole blocks, so what is left of both, cut to a block, fills the last block of the map.
      state.padding = (this.#left + this.#padding) % BLOCK_BYTES;
      if (state.padding > this.#left) throw new Malformed("its sparse map is not complete");
    }
    if (state.padding === 0) this.#beginSparseData(entry, text.map);
    return end;
  }

  #beginSparseData(entry: TarEntry, map: SparseMap): void {
    map.close({ size: entry.size, storedBytes: this.#left });
    const file = new SparseFile(entry, { map, handler: this.#handler });
    this.#state = { kind: "sparse data", file };
    file.begin();
    if (this.#left === 0) this.#endData();
  }

  #takeSparseData(chunk: Uint8Array, { at, state }: Of<"sparse data">): number {
    const end = state.file.take(chunk, at);
    this.#left -= end - at;
    if (this.#left === 0) this.#endData();
    return end;
  }

  #takeData(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#handler.data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) this.#endData();
    return end;
  }

  #endData(): void {
    this.#handler.entryEnd();
    this.#beginPadding();
  }

  #beginPadding(): void {
    this.#left = this.#padding;
    this.#state = this.#padding === 0 ? HEADER : PADDING;
  }

  #takePadding(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = HEADER;
    return end;
  }
}

/** A state of one kind, and where in the chunk its bytes begin. */
interface Of<Kind extends State["kind"]> {
  readonly at: number;
  readonly state: Extract<State, { readonly kind: Kind }>;
}

function inRange(value: number, range: { readonly most: number; readonly what: string }): number {
  if (value >= 0 && value <= range.most) return value;
  throw new Malformed(`its ${range.what} ${value} is not one of 0 to ${range.most}`);
}
