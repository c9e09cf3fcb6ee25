/**
 * Makes inputs out of inputs: small damage, cuts, repetitions, splices, words.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** A generator of numbers that gives the same ones for the same seed (mulberry32). */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = this.#state + 0x6d2b79f5 >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ value >>> 15, value | 1);
    value ^= value + Math.imul(value ^ value >>> 7, value | 61);
    return Math.floor(((value ^ value >>> 14) >>> 0) / 2 ** 32 * limit);
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new RangeError("Cannot pick from an empty list");
    return one;
  }
}

const MOST_BYTES = 1 << 18;
const NUMBERS = ["0", "1", "-1", "7", "8", "255", "256", "65536", "4294967295", "4294967296", "9007199254740993"];

/** Returns a changed copy of `input`. */
export function mutate(
  input: Uint8Array,
  { chance, corpus, words }: {
    readonly chance: Chance;
    readonly corpus: readonly Uint8Array[];
    readonly words: readonly string[];
  },
): Uint8Array<ArrayBuffer> {
  let bytes = Buffer.from(input);
  for (let count = 1 + chance.below(4); count > 0; count--) {
    const at = chance.below(bytes.length + 1);
    const length = 1 + chance.below(Math.min(64, bytes.length + 1));
    const insert = (part: Uint8Array): Buffer<ArrayBuffer> =>
      Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
    switch (chance.below(9)) {
      case 0:
        if (bytes.length > 0) bytes[Math.min(at, bytes.length - 1)]! ^= 1 << chance.below(8);
        break;
      case 1:
        if (bytes.length > 0) bytes[Math.min(at, bytes.length - 1)] = chance.below(256);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = insert(bytes.subarray(at, at + length));
        break;
      case 5:
        bytes = insert(Buffer.alloc(length, chance.below(256)));
        break;
      case 6:
        bytes = insert(Buffer.from(chance.pick([...words, ...NUMBERS]), "latin1"));
        break;
      case 7: {
        const other = chance.pick(corpus);
        bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(chance.below(other.length + 1))]);
        break;
      }
      case 8: {
        const word = Buffer.from(chance.pick([...words, ...NUMBERS]), "latin1");
        bytes = Buffer.concat([bytes.subarray(0, at), word, bytes.subarray(at + word.length)]);
      }
    }
  }
  return new Uint8Array(bytes.subarray(0, MOST_BYTES));
}
