/**
 * Packets: the lines git's protocol is made of (gitprotocol-common(5), pkt-line).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import { releaseWhole } from "../io/release_buffer.ts";
import { printable } from "./printable.ts";

/** Ends a request or a list. */
export const FLUSH = Buffer.from("0000");
/** Stands between the parts of a request of protocol version 2. */
export const DELIMITER = Buffer.from("0001");

/** The longest packet, its four digits included (LARGE_PACKET_MAX). */
const MAX_PACKET_BYTES = 65_520;

/** One packet. A packet's bytes are valid until the next one is read. */
export type Packet =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "flush" | "delimiter" | "end" };

/** Makes a packet of one line of text. */
export function packetOf(line: string): Uint8Array {
  const bytes = Buffer.from(`0000${line}\n`, "utf8");
  bytes.write(bytes.length.toString(16).padStart(4, "0"), 0, "latin1");
  return bytes;
}

/** Returns the text of a packet without its line end. Names of references are UTF-8 or what passes for it. */
export function lineOf(bytes: Uint8Array): string {
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  return Buffer.from(bytes.buffer, bytes.byteOffset, end).toString("utf8");
}

/** The server said, within the protocol, that it will not do what was asked. */
export class ServerRefusal extends Error {
  override readonly name = "ServerRefusal";
}

/** Reads packets from a stream, whose chunks it frees. */
export class PacketReader implements AsyncDisposable {
  readonly #source: AsyncIterator<Uint8Array>;
  /** For packets that came in several pieces. */
  readonly #gathered = new Uint8Array(MAX_PACKET_BYTES);
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /**
   * Reads the next packet; undefined at the end of the stream.
   *
   * @throws {ServerRefusal} for an `ERR` packet. @throws {KilnError} kind `registry` for what is no packet.
   */
  async next(): Promise<Packet | undefined> {
    const head = await this.#take(4, "optional");
    if (head === undefined) return undefined;
    const digits = Buffer.from(head).toString("latin1");
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw notGit(`a packet starts with "${printable(digits)}"`);
    const length = parseInt(digits, 16);
    if (length === 0) return { kind: "flush" };
    if (length === 1) return { kind: "delimiter" };
    if (length === 2) return { kind: "end" };
    if (length < 4 || length > MAX_PACKET_BYTES) throw notGit(`a packet of ${length} bytes`);
    const bytes = await this.#take(length - 4, "required") ?? new Uint8Array(0);
    if (bytes[0] === 0x45 && lineOf(bytes.subarray(0, 4)) === "ERR ") {
      throw new ServerRefusal(printable(lineOf(bytes).slice(4)));
    }
    return { kind: "data", bytes };
  }

  /** Reads one packet, which must hold a line or be a flush; undefined for the flush. */
  async line(): Promise<string | undefined> {
    const packet = await this.next();
    if (packet === undefined) throw cutOff();
    return packet.kind === "data" ? lineOf(packet.bytes) : undefined;
  }

  /** Closes the stream. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source.return?.();
  }

  async #take(count: number, need: "optional" | "required"): Promise<Uint8Array | undefined> {
    const whole = this.#chunk.length - this.#at >= count;
    if (whole) {
      const bytes = this.#chunk.subarray(this.#at, this.#at + count);
      this.#at += count;
      return bytes;
    }
    const bytes = this.#gathered.subarray(0, count);
    let filled = 0;
    while (filled < count) {
      if (this.#at === this.#chunk.length) {
        // No packet that is still valid has a part of it.
        releaseWhole(this.#chunk);
        const next = await this.#source.next();
        if (next.done === true) {
          if (filled === 0 && need === "optional") return undefined;
          throw cutOff();
        }
        this.#chunk = next.value;
        this.#at = 0;
        continue;
      }
      const part = this.#chunk.subarray(this.#at, this.#at + count - filled);
      bytes.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    return bytes;
  }
}

/** The connection ended before the answer did. Worth another try. */
export class CutOff extends Error {
  override readonly name = "CutOff";
}

function cutOff(): CutOff {
  return new CutOff("the answer ends in the middle");
}

/** Makes the error for an answer that is not git's protocol. */
export function notGit(found: string): KilnError {
  return new KilnError("registry", `Cannot understand the answer of the git server: ${found}`);
}
