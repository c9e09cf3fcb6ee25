/**
 * Headers that stand before an entry and change it: PAX (`x`, `g`) and the long names of GNU tar (`L`, `K`).
 *
 * Combinations that real tools do not write are refused, since readers resolve them in different ways: of two `x`
 * headers Go takes the last and Python the union, of two `L` GNU tar takes the last and Python the first, and with both
 * `x` and `L` the PAX path wins in GNU tar and loses in Go (pains-and-security.md S23, CVE-2026-53655).
 *
 * @module
 */
import { bytePathFrom } from "../io/byte_path.ts";
import type { TarLimits } from "./limits.ts";
import { Malformed } from "./malformed.ts";
import { checkGlobalPax, parsePax, type PaxHeader } from "./pax.ts";

/** Type flag of a header that is not an entry of its own. */
export type ExtensionFlag = "x" | "g" | "L" | "K";

/** Returns whether a type flag is that of an extension. */
export function isExtensionFlag(flag: string): flag is ExtensionFlag {
  return flag === "x" || flag === "g" || flag === "L" || flag === "K";
}

/** The extensions that wait for their entry. */
export class Extensions {
  pax: PaxHeader | undefined;
  /** Name from an `L` header. Byte string. */
  longName: string | undefined;
  /** Link target from a `K` header. Byte string. */
  longLink: string | undefined;

  constructor(readonly limits: TarLimits) {}

  /** Whether an entry must follow. */
  get pending(): boolean {
    return this.pax !== undefined || this.longName !== undefined || this.longLink !== undefined;
  }

  /** Checks the header of an extension before its body is read. @throws {Malformed} */
  check(flag: ExtensionFlag, size: number): void {
    const { pax, longName, longLink } = this;
    if (flag === "g" && this.pending) throw new Malformed("a global header stands between its headers");
    if (flag === "x" && pax !== undefined) throw new Malformed("it has two extended headers");
    if (flag === "x" ? this.pending : pax !== undefined) {
      throw new Malformed("it has both an extended header and a GNU long name");
    }
    if ((flag === "L" && longName !== undefined) || (flag === "K" && longLink !== undefined)) {
      throw new Malformed("it has two GNU long names");
    }
    if (size < 0 || size > this.limits.maxExtensionBytes) {
      throw new Malformed(`its extended header has ${size} bytes, more than ${this.limits.maxExtensionBytes}`);
    }
  }

  /** Reads the body of an extension that passed `check`. @throws {Malformed} */
  add(flag: ExtensionFlag, body: Uint8Array): void {
    switch (flag) {
      case "x":
        this.pax = parsePax(body, this.limits);
        break;
      case "g":
        checkGlobalPax(body);
        break;
      case "L":
        this.longName = this.#longText(body, "name");
        break;
      case "K":
        this.longLink = this.#longText(body, "link target");
        break;
    }
  }

  /** Forgets everything: the entry has taken it. */
  clear(): void {
    this.pax = undefined;
    this.longName = undefined;
    this.longLink = undefined;
  }

  #longText(body: Uint8Array, what: string): string {
    const end = body.indexOf(0);
    const bytes = end === -1 ? body : body.subarray(0, end);
    if (bytes.length === 0) throw new Malformed(`its GNU long ${what} is empty`);
    if (bytes.length > this.limits.maxNameBytes) {
      throw new Malformed(`its ${what} has ${bytes.length} bytes, more than ${this.limits.maxNameBytes}`);
    }
    return bytePathFrom(bytes);
  }
}
