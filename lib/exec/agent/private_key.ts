/**
 * Private keys of ssh: reading their files, and signing with them.
 *
 * Files are OpenSSH's own (PROTOCOL.key of its sources) or PEM. Signatures are those of RFC 4253, 5656, 8332 and 8709.
 * A key with a passphrase cannot be used: nobody is there to be asked for it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { uint32, wireNumber, WireReader, wireString } from "./wire.ts";

/** A key that signs. */
export interface PrivateKey {
  /** The public key as ssh writes it. */
  readonly blob: Buffer;
  readonly comment: string;
  /** Signs; `flags` are those of the agent protocol. Returns the signature as ssh writes it. */
  sign(data: Uint8Array, flags: number): Buffer;
}

/** Why a key cannot be used; completes "the key ...". */
export class KeyFault extends Error {
  override readonly name = "KeyFault";
}

const CURVES: Readonly<Record<string, { readonly curve: string; readonly hash: string; readonly bytes: number }>> = {
  "P-256": { curve: "nistp256", hash: "sha256", bytes: 32 },
  "P-384": { curve: "nistp384", hash: "sha384", bytes: 48 },
};

const RSA_SHA2_256 = 2;
const RSA_SHA2_512 = 4;

/** Reads the text of a key file. @throws {KeyFault} */
export function parsePrivateKey(text: string): PrivateKey {
  const openSsh = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/.exec(text);
  try {
    if (openSsh !== null) return parseOpenSsh(Buffer.from(openSsh[1] ?? "", "base64"));
    if (/ENCRYPTED/.test(text)) throw encrypted();
    if (!text.includes("PRIVATE KEY-----")) throw new KeyFault("is no private key");
    return keyOf(createPrivateKey(text), "");
  } catch (error) {
    if (error instanceof KeyFault) throw error;
    throw new KeyFault("is damaged or of a kind that is not known", { cause: error });
  }
}

function encrypted(): KeyFault {
  return new KeyFault("has a passphrase: add it to an agent, and give the agent's socket");
}

function parseOpenSsh(bytes: Buffer): PrivateKey {
  const magic = "openssh-key-v1\0";
  if (bytes.subarray(0, magic.length).toString("latin1") !== magic) throw new KeyFault("is damaged");
  const outer = new WireReader(bytes.subarray(magic.length));
  const cipher = outer.text();
  outer.string(); // the key derivation and its options, which are for ciphers
  outer.string();
  if (cipher !== "none") throw encrypted();
  if (outer.uint32() !== 1) throw new KeyFault("is not one key");
  outer.string();
  const inner = new WireReader(outer.string());
  if (inner.uint32() !== inner.uint32()) throw new KeyFault("is damaged");
  const jwk = jwkOf(inner);
  return keyOf(createPrivateKey({ key: jwk, format: "jwk" }), inner.text());
}

function jwkOf(fields: WireReader): JsonWebKey {
  const type = fields.text();
  if (type === "ssh-ed25519") {
    const [x, d] = [fields.string(), fields.string()];
    return { kty: "OKP", crv: "Ed25519", x: x.toString("base64url"), d: d.toString("base64url", 0, 32) };
  }
  if (type === "ssh-rsa") {
    const [n, e, d, qi, p, q] = [1, 2, 3, 4, 5, 6].map(() => fields.string());
    if (n === undefined || e === undefined || d === undefined) throw new KeyFault("is damaged");
    if (qi === undefined || p === undefined || q === undefined) throw new KeyFault("is damaged");
    const exponent = (prime: Buffer): Buffer => bytesOf(numberOf(d) % (numberOf(prime) - 1n));
    const parts = { n, e, d, p, q, dp: exponent(p), dq: exponent(q), qi };
    const entries = Object.entries(parts).map(([name, value]) => [name, withoutSign(value).toString("base64url")]);
    return { kty: "RSA", ...Object.fromEntries(entries) };
  }
  const [crv, of] = Object.entries(CURVES).find(([, { curve }]) => type === `ecdsa-sha2-${curve}`) ?? [];
  if (crv === undefined || of === undefined) throw new KeyFault(`is of the kind "${type}", which is not known here`);
  fields.string();
  const [point, d] = [fields.string(), fields.string()];
  const middle = 1 + of.bytes;
  return {
    kty: "EC",
    crv,
    x: point.toString("base64url", 1, middle),
    y: point.toString("base64url", middle),
    d: padded(d, of.bytes).toString("base64url"),
  };
}

function keyOf(key: KeyObject, comment: string): PrivateKey {
  const jwk = key.export({ format: "jwk" });
  const field = (name: "n" | "e" | "x" | "y"): Buffer => Buffer.from(jwk[name] ?? "", "base64url");
  if (jwk.kty === "OKP" && jwk.crv === "Ed25519") {
    const type = "ssh-ed25519";
    return {
      blob: Buffer.concat([wireString(type), wireString(field("x"))]),
      comment,
      sign: (data) => signature(type, sign(null, data, key)),
    };
  }
  if (jwk.kty === "RSA") {
    return {
      blob: Buffer.concat([wireString("ssh-rsa"), wireNumber(field("e")), wireNumber(field("n"))]),
      comment,
      sign: (data, flags) => {
        const [type, hash] = (flags & RSA_SHA2_512) !== 0
          ? ["rsa-sha2-512", "sha512"]
          : (flags & RSA_SHA2_256) !== 0
          ? ["rsa-sha2-256", "sha256"]
          : ["ssh-rsa", "sha1"];
        return signature(type, sign(hash, data, key));
      },
    };
  }
  const of = CURVES[jwk.crv ?? ""];
  if (jwk.kty !== "EC" || of === undefined) throw new KeyFault("is of a kind that is not known here");
  const type = `ecdsa-sha2-${of.curve}`;
  const point = Buffer.concat([Buffer.from([4]), padded(field("x"), of.bytes), padded(field("y"), of.bytes)]);
  return {
    blob: Buffer.concat([wireString(type), wireString(of.curve), wireString(point)]),
    comment,
    sign: (data) => {
      const both = sign(of.hash, data, { key, dsaEncoding: "ieee-p1363" });
      const numbers = [both.subarray(0, of.bytes), both.subarray(of.bytes)].map((half) => wireNumber(half));
      return signature(type, Buffer.concat(numbers));
    },
  };
}

function signature(type: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([wireString(type), wireString(bytes)]);
}

/** Numbers of ssh have a zero in front where they would look negative. */
function withoutSign(number: Buffer): Buffer {
  return number[0] === 0 ? number.subarray(1) : number;
}

function padded(bytes: Buffer, length: number): Buffer {
  const digits = bytes.subarray(Math.max(0, bytes.length - length));
  return Buffer.concat([Buffer.alloc(length - digits.length), digits]);
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex") || "0"}`);
}

function bytesOf(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

/** Returns what an agent answers who asks for its keys. */
export function identitiesOf(keys: readonly PrivateKey[]): Buffer {
  const entries = keys.flatMap(({ blob, comment }) => [wireString(blob), wireString(comment)]);
  return Buffer.concat([uint32(keys.length), ...entries]);
}
