/**
 * The first pass over a pack, while it arrives: finds every object, and names those that are stored whole.
 *
 * Format: gitformat-pack(5). Nothing is kept but the table: objects are inflated piece by piece, hashed and dropped. Of
 * deltas only the announced sizes are read.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { crc32 } from "node:zlib";
import { Inflater } from "./inflater.ts";
import { malformedPack } from "./malformed.ts";
import { ID_BYTES } from "./object_id.ts";
import { NO_BASE, type ObjectTable, UNKNOWN_BASE } from "./object_table.ts";
import { nameOfType, TYPE } from "./object_type.ts";
import { DEFAULT_PACK_LIMITS, type PackLimits } from "./pack_limits.ts";

const HEADER_BYTES = 12;
/** Enough for the two sizes at the start of a delta. */
const DELTA_HEAD_BYTES = 20;

type State = "pack header" | "object header" | "base offset" | "base id" | "data" | "trailer" | "end";

/** Takes a pack in pieces and fills an object table. */
export class PackScanner implements Disposable {
  /** Bytes taken so far. */
  position = 0;
  readonly #table: ObjectTable;
  readonly #limits: PackLimits;
  readonly #inflater = new Inflater();
  readonly #packHash = createHash("sha1");
  #state: State = "pack header";
  #objects = 0;
  /** Bytes of what is read byte by byte: headers, base ids, the trailer. */
  readonly #small = new Uint8Array(32);
  #smallLength = 0;
  // Of the object being read:
  #start = 0;
  #type = 0;
  #size = 0;
  #base = NO_BASE;
  #produced = 0;
  #checksum = 0;
  #hash: Hash | undefined;
  readonly #baseId = new Uint8Array(ID_BYTES);
  readonly #deltaHead = new Uint8Array(DELTA_HEAD_BYTES);
  /** Sum of the sizes deltas say they have when applied. */
  deltaBytes = 0;

  constructor(table: ObjectTable, limits: PackLimits = DEFAULT_PACK_LIMITS) {
    this.#table = table;
    this.#limits = limits;
  }

  /** Takes the next piece. @throws {KilnError} kind `integrity` */
  push(chunk: Uint8Array): void {
    let hashed = 0;
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case "pack header":
          at = this.#collect(chunk, at, HEADER_BYTES);
          if (this.#smallLength === HEADER_BYTES) this.#readPackHeader();
          break;
        case "object header":
        case "base offset":
          this.#takeHeaderByte(chunk[at] ?? 0);
          this.#countIn(chunk, at, at + 1);
          at++;
          break;
        case "base id": {
          const end = this.#collect(chunk, at, ID_BYTES);
          this.#countIn(chunk, at, end);
          at = end;
          if (this.#smallLength === ID_BYTES) {
            this.#baseId.set(this.#small.subarray(0, ID_BYTES));
            this.#startData();
          }
          break;
        }
        case "data":
          at = this.#inflate(chunk, at);
          break;
        case "trailer": {
          // Everything before the trailer belongs to the pack's own hash.
          if (this.#smallLength === 0) {
            this.#packHash.update(chunk.subarray(hashed, at));
          }
          const end = this.#collect(chunk, at, ID_BYTES);
          hashed = at = end;
          if (this.#smallLength === ID_BYTES) this.#checkTrailer();
          break;
        }
        case "end":
          throw malformedPack("something follows its end");
      }
    }
    const inTrailer = this.#state === "end" || (this.#state === "trailer" && this.#smallLength > 0);
    if (!inTrailer) this.#packHash.update(chunk.subarray(hashed));
    this.position += chunk.length;
  }

  /** Says that there is no more. @throws {KilnError} kind `integrity`, if something is missing */
  end(): void {
    if (this.#state !== "end") throw malformedPack("it is truncated");
  }

  [Symbol.dispose](): void {
    this.#inflater[Symbol.dispose]();
  }

  #collect(chunk: Uint8Array, at: number, wanted: number): number {
    const end = Math.min(chunk.length, at + wanted - this.#smallLength);
    this.#small.set(chunk.subarray(at, end), this.#smallLength);
    this.#smallLength += end - at;
    // Positions count whole chunks; what is collected here lies within the current one.
    return end;
  }

  #readPackHeader(): void {
    const view = new DataView(this.#small.buffer);
    if (view.getUint32(0) !== 0x5041434b) throw malformedPack('it does not start with "PACK"');
    const version = view.getUint32(4);
    if (version !== 2 && version !== 3) throw malformedPack(`its version is ${version}`);
    this.#objects = view.getUint32(8);
    const { maxObjects } = this.#limits;
    if (this.#objects > maxObjects) {
      throw malformedPack(`it has ${this.#objects} objects, more than the ${maxObjects} that are accepted`);
    }
    this.#next();
  }

  /** Goes on to the next object or the trailer. */
  #next(): void {
    this.#smallLength = 0;
    this.#state = this.#table.count === this.#objects ? "trailer" : "object header";
    this.#checksum = 0;
  }

  #countIn(chunk: Uint8Array, from: number, to: number): void {
    this.#checksum = crc32(chunk.subarray(from, to), this.#checksum);
  }

  #takeHeaderByte(byte: number): void {
    if (this.#smallLength === 0 && this.#state === "object header") this.#start = this.#objectStart();
    this.#small[this.#smallLength++] = byte;
    if (this.#smallLength > 10) throw malformedPack("the header of an object has no end");
    if ((byte & 0x80) !== 0) return;
    if (this.#state === "base offset") return this.#readBaseOffset();
    this.#readObjectHeader();
  }

  /** Sum of all bytes before this object: end of the last one. Kept by `#inflate`. */
  #objectEnd = HEADER_BYTES;
  #objectStart(): number {
    return this.#objectEnd;
  }

  #readObjectHeader(): void {
    const first = this.#small[0] ?? 0;
    this.#type = (first >> 4) & 7;
    let size = first & 15;
    let scale = 16;
    for (let at = 1; at < this.#smallLength; at++) {
      size += ((this.#small[at] ?? 0) & 0x7f) * scale;
      scale *= 128;
    }
    if (!Number.isSafeInteger(size)) throw malformedPack(`an object has ${size} bytes`);
    this.#size = size;
    this.#base = NO_BASE;
    this.#objectEnd += this.#smallLength;
    this.#smallLength = 0;
    switch (this.#type) {
      case TYPE.OFFSET_DELTA:
        this.#state = "base offset";
        break;
      case TYPE.REFERENCE_DELTA:
        this.#base = UNKNOWN_BASE;
        this.#state = "base id";
        break;
      default:
        this.#startData();
    }
  }

  #readBaseOffset(): void {
    let distance = (this.#small[0] ?? 0) & 0x7f;
    for (let at = 1; at < this.#smallLength; at++) distance = (distance + 1) * 128 + ((this.#small[at] ?? 0) & 0x7f);
    const base = distance > 0 ? this.#table.atOffset(this.#start - distance) : undefined;
    if (base === undefined) throw malformedPack(`the delta at ${this.#start} has no base`);
    this.#base = base;
    this.#startData();
  }

  #startData(): void {
    this.#objectEnd += this.#smallLength;
    this.#smallLength = 0;
    this.#state = "data";
    this.#produced = 0;
    this.#inflater.reset();
    const name = nameOfType(this.#type);
    if (name !== undefined) {
      this.#hash = createHash("sha1").update(`${name} ${this.#size}\0`);
    } else if (this.#type === TYPE.OFFSET_DELTA || this.#type === TYPE.REFERENCE_DELTA) {
      this.#hash = undefined;
    } else {
      throw malformedPack(`the object at ${this.#start} has the type ${this.#type}`);
    }
  }

  #inflate(chunk: Uint8Array, from: number): number {
    let at = from;
    let ended = false;
    do {
      const step = this.#step(chunk, at);
      at += step.taken;
      ended = step.ended;
      const { output } = step;
      if (output.length > 0) {
        if (this.#produced + output.length > this.#size) throw this.#wrongSize("more");
        this.#hash?.update(output);
        if (this.#hash === undefined && this.#produced < DELTA_HEAD_BYTES) {
          this.#deltaHead.set(output.subarray(0, DELTA_HEAD_BYTES - this.#produced), this.#produced);
        }
        this.#produced += output.length;
      } else if (step.taken === 0 && !ended) {
        break;
      }
    } while (!ended && at < chunk.length);
    this.#countIn(chunk, from, at);
    this.#objectEnd += at - from;
    if (ended) this.#finishObject();
    return at;
  }

  #step(chunk: Uint8Array, at: number): ReturnType<Inflater["step"]> {
    try {
      return this.#inflater.step(chunk, at);
    } catch (error) {
      throw malformedPack(
        `the object at ${this.#start} cannot be inflated (${error instanceof Error ? error.message : error})`,
      );
    }
  }

  #finishObject(): void {
    if (this.#produced < this.#size) throw this.#wrongSize("less");
    const isDelta = this.#hash === undefined;
    const size = isDelta ? this.#readDeltaHead() : this.#size;
    this.#table.add({
      offset: this.#start,
      size,
      type: isDelta ? 0 : this.#type,
      base: this.#base,
      id: this.#hash?.digest() ?? this.#baseId,
      checksum: this.#checksum,
    });
    this.#hash = undefined;
    this.#next();
  }

  /** Returns the size a delta says it has when applied. */
  #readDeltaHead(): number {
    let at = 0;
    const read = () => {
      let value = 0;
      for (let scale = 1;; scale *= 128) {
        if (at >= this.#size || at >= DELTA_HEAD_BYTES) throw malformedPack(`the delta at ${this.#start} has no size`);
        const byte = this.#deltaHead[at++] ?? 0;
        value += (byte & 0x7f) * scale;
        if ((byte & 0x80) === 0) return value;
      }
    };
    read();
    const size = read();
    this.deltaBytes += size;
    if (!Number.isSafeInteger(size)) throw malformedPack(`the delta at ${this.#start} has no size`);
    return size;
  }

  #wrongSize(how: string): Error {
    return malformedPack(`the object at ${this.#start} has ${how} than its ${this.#size} bytes`);
  }

  #checkTrailer(): void {
    const found = this.#packHash.digest();
    if (!found.equals(this.#small.subarray(0, ID_BYTES))) throw malformedPack("its checksum is wrong");
    this.#state = "end";
  }
}
