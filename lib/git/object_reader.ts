/**
 * Reading objects out of a pack on disk: inflated, and with deltas applied.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { close, O, openAt, unlinkAt } from "../sys/file.ts";
import { DeltaApplier } from "./apply_delta.ts";
import { type HeldObject, type HeldObjectWriter, readRange, type Sink } from "./held_object.ts";
import { KeptObjects } from "./kept_objects.ts";
import { Inflater } from "./inflater.ts";
import { malformedObject, malformedPack } from "./malformed.ts";
import { bytesOfId, ID_BYTES, type ObjectId } from "./object_id.ts";
import type { ObjectTable } from "./object_table.ts";
import { PackBlocks } from "./pack_blocks.ts";
import { nameOfType, TYPE } from "./object_type.ts";
import { expansionAllowed, type PackLimits } from "./pack_limits.ts";

/** How often, on average, an object may be made anew because it was dropped from what is kept (S48). */
const WORK_FACTOR = 16;

/** What a reader reads from. */
export interface ObjectReaderOptions {
  /** An open pack. */
  readonly pack: number;
  readonly packBytes: number;
  readonly table: ObjectTable;
  /** An open directory for large objects. */
  readonly scratch: number;
  readonly limits: PackLimits;
}

/** Reads the objects of one pack. */
export class ObjectReader implements Disposable {
  readonly #options: ObjectReaderOptions;
  readonly #inflater = new Inflater();
  readonly #blocks: PackBlocks;
  readonly #kept: KeptObjects;
  #files = 0;
  #workLeft: number;

  constructor(options: ObjectReaderOptions) {
    this.#options = options;
    this.#blocks = new PackBlocks(options.pack);
    this.#kept = new KeptObjects(() => this.#makeFile());
    this.#workLeft = WORK_FACTOR * expansionAllowed(options.limits, options.packBytes);
  }

  get table(): ObjectTable {
    return this.#options.table;
  }

  /** Returns the index of an object. @throws {KilnError} kind `integrity`, if the pack has it not, or as another type */
  indexOf(id: ObjectId | Uint8Array, type?: number): number {
    const bytes = typeof id === "string" ? bytesOfId(id) : id;
    const index = this.table.find(bytes);
    const hex = (): string => typeof id === "string" ? id : bytesToHex(bytes);
    if (index === undefined) throw malformedObject(hex(), "the server did not send it");
    const found = this.table.type(index);
    if (type === undefined || found === type) return index;
    throw malformedObject(hex(), `it is a ${nameOfType(found)}, not a ${nameOfType(type)}`);
  }

  /** Returns a commit, tree or tag. The bytes stay valid. */
  structure(index: number): Uint8Array<ArrayBuffer> {
    const { limits } = this.#options;
    if (this.table.size(index) > limits.maxStructureBytes) {
      throw malformedObject(this.table.id(index), `it is larger than ${limits.maxStructureBytes} bytes`);
    }
    const held = this.hold(index);
    const bytes = new Uint8Array(held.size);
    let at = 0;
    readRange(held, { from: 0, length: held.size }, (piece) => {
      bytes.set(piece, at);
      at += piece.length;
    });
    return bytes;
  }

  /** Hands the content of an object to `sink`, in pieces. */
  stream(index: number, sink: Sink): void {
    if (this.table.base(index) < 0 && !this.#kept.has(index)) return this.#inflate(index, sink);
    const held = this.hold(index);
    readRange(held, { from: 0, length: held.size }, sink);
  }

  /** Returns the whole content of an object; it is valid until the next call. */
  hold(index: number): HeldObject {
    const chain: number[] = [];
    let at = index;
    while (!this.#kept.has(at) && this.table.base(at) >= 0) {
      chain.push(at);
      at = this.table.base(at);
    }
    let held = this.#kept.take(at) ?? this.#whole(at);
    for (let next = chain.pop(); next !== undefined; next = chain.pop()) held = this.#applied(next, held);
    return held;
  }

  [Symbol.dispose](): void {
    this.#inflater[Symbol.dispose]();
    this.#kept.clear();
  }

  #whole(index: number): HeldObject {
    const writer = this.#writer(index);
    try {
      this.#inflate(index, writer.push);
    } catch (error) {
      if (writer.held.kind === "file") close(writer.held.fd);
      throw error;
    }
    return this.#kept.keep(index, writer.held);
  }

  #applied(index: number, base: HeldObject): HeldObject {
    const writer = this.#writer(index);
    try {
      const applier = new DeltaApplier(base, writer);
      this.#inflate(index, (piece) => applier.push(piece));
      applier.end();
    } catch (error) {
      if (writer.held.kind === "file") close(writer.held.fd);
      if (error instanceof Error && error.constructor === Error) {
        throw malformedPack(`the delta at ${this.table.offset(index)} ${error.message}`);
      }
      throw error;
    }
    return this.#kept.keep(index, writer.held);
  }

  #writer(index: number): HeldObjectWriter {
    const size = this.table.size(index);
    this.#workLeft -= size;
    if (this.#workLeft < 0) throw malformedPack("its deltas take too much work");
    return this.#kept.writer(size);
  }

  /** Makes a file without a name: it goes with its descriptor, whatever happens. */
  #makeFile(): number {
    const name: BytePath = `object-${this.#files++}`;
    const fd = openAt(this.#options.scratch, name, O.RDWR | O.CREAT | O.EXCL, 0o600);
    unlinkAt(this.#options.scratch, name);
    return fd;
  }

  /** Inflates what is stored of an object: itself, or its delta. The scanner has seen that it is sound. */
  #inflate(index: number, sink: Sink): void {
    let position = this.#dataStart(index);
    this.#inflater.reset();
    for (;;) {
      const { taken, output, ended } = this.#inflater.step(this.#blocks.read(position), 0);
      position += taken;
      if (output.length > 0) sink(output);
      if (ended) return;
      if (taken === 0 && output.length === 0) throw malformedPack("it has changed on disk");
    }
  }

  /** Returns where the compressed data of an object starts. */
  #dataStart(index: number): number {
    let at = this.table.offset(index);
    const blocks = this.#blocks;
    const type = (blocks.byte(at) >> 4) & 7;
    while ((blocks.byte(at++) & 0x80) !== 0);
    if (type === TYPE.REFERENCE_DELTA) at += ID_BYTES;
    if (type === TYPE.OFFSET_DELTA) { while ((blocks.byte(at++) & 0x80) !== 0); }
    return at;
  }
}

function bytesToHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
