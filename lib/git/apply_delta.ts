/**
 * Applying a delta: instructions that copy from a base and insert new bytes (gitformat-pack(5), "Deltified
 * representation"). The delta comes in pieces, base and result may be files: nothing here is as large as an object.
 *
 * @module
 */
import { type HeldObject, type HeldObjectWriter, readRange } from "./held_object.ts";

/** Applies the instructions pushed to it. Every fault of a delta is an `Error` whose message completes "it ...". */
export class DeltaApplier {
  readonly #base: HeldObject;
  readonly #target: HeldObjectWriter;
  /** Which size is being read, then instructions. */
  #phase: "base size" | "result size" | "instructions" = "base size";
  #number = 0;
  #scale = 1;
  /** Bytes of an insert that are still to come. */
  #insert = 0;
  /** A copy instruction whose operands are still to come: bits of what is missing, and what is known. */
  #copyBits = 0;
  #bit = 0;
  #from = 0;
  #length = 0;

  constructor(base: HeldObject, target: HeldObjectWriter) {
    this.#base = base;
    this.#target = target;
  }

  /** Takes the next piece of the delta. */
  push(piece: Uint8Array<ArrayBuffer>): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#insert > 0) {
        const bytes = piece.subarray(at, at + this.#insert);
        this.#target.push(bytes);
        this.#insert -= bytes.length;
        at += bytes.length;
        continue;
      }
      const byte = piece[at++] ?? 0;
      if (this.#phase !== "instructions") this.#takeSize(byte);
      else if (this.#copyBits !== 0) this.#takeOperand(byte);
      else this.#takeInstruction(byte);
    }
  }

  /** Says that the delta has ended. */
  end(): void {
    const open = this.#phase !== "instructions" || this.#insert > 0 || this.#copyBits !== 0;
    if (open) throw new Error("ends in the middle of an instruction");
    if (this.#target.room > 0) throw new Error("makes less than it says");
  }

  #takeSize(byte: number): void {
    this.#number += (byte & 0x7f) * this.#scale;
    this.#scale *= 128;
    if ((byte & 0x80) !== 0) return;
    const expected = this.#phase === "base size" ? this.#base.size : this.#target.held.size;
    if (this.#number !== expected) throw new Error("is for a base of another size");
    this.#phase = this.#phase === "base size" ? "result size" : "instructions";
    this.#number = 0;
    this.#scale = 1;
  }

  #takeInstruction(byte: number): void {
    if (byte === 0) throw new Error("has an instruction that is reserved");
    if ((byte & 0x80) === 0) {
      if (byte > this.#target.room) throw new Error("makes more than it says");
      this.#insert = byte;
      return;
    }
    this.#copyBits = byte & 0x7f;
    this.#bit = 0;
    this.#from = this.#length = 0;
    // Without operands it means: 64 KiB from the start.
    if (this.#copyBits === 0) this.#copy();
  }

  #takeOperand(byte: number): void {
    while ((this.#copyBits & (1 << this.#bit)) === 0) this.#bit++;
    if (this.#bit < 4) this.#from += byte * 2 ** (8 * this.#bit);
    else this.#length += byte * 2 ** (8 * (this.#bit - 4));
    this.#copyBits &= ~(1 << this.#bit);
    if (this.#copyBits === 0) this.#copy();
  }

  #copy(): void {
    const length = this.#length === 0 ? 0x10000 : this.#length;
    if (this.#from + length > this.#base.size) throw new Error("copies from beyond the end of its base");
    if (length > this.#target.room) throw new Error("makes more than it says");
    readRange(this.#base, { from: this.#from, length }, this.#target.push);
  }
}
