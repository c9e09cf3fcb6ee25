/**
 * Private keys of ssh whose numbers are rare: they begin with a zero, which files of fixed fields keep and numbers lose.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { generateKeyPairSync, type KeyObject, verify } from "node:crypto";
import { parsePrivateKey } from "../../../lib/exec/agent/private_key.ts";

interface Pair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

type Field = "x" | "y" | "d";

const fieldOf = ({ privateKey }: Pair, name: Field): Buffer =>
  Buffer.from(privateKey.export({ format: "jwk" })[name] ?? "", "base64url");

const string = (content: Buffer | string): Buffer => {
  const bytes = Buffer.from(content);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** A number as ssh writes it: without zeros in front, but for one where it would look negative. */
const number = (bytes: Buffer): Buffer => {
  const digits = bytes.subarray(bytes.findIndex((byte) => byte !== 0));
  return string((digits[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), digits]) : digits);
};

/** A key file without a passphrase (PROTOCOL.key of OpenSSH's sources). */
function openSshFile(fields: readonly Buffer[]): string {
  const check = Buffer.from("01020304");
  const inner = Buffer.concat([check.subarray(0, 4), check.subarray(0, 4), ...fields, string("a comment")]);
  const one = Buffer.from([0, 0, 0, 1]);
  const bytes = [
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    one,
    string(""),
    string(inner),
  ];
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${
    Buffer.concat(bytes).toString("base64")
  }\n-----END OPENSSH PRIVATE KEY-----\n`;
}

const KINDS: Readonly<
  Record<string, {
    readonly names: readonly Field[];
    generate(): Pair;
    fields(pair: Pair): readonly Buffer[];
    /** Checks what stands in a signature behind its type. */
    check(pair: Pair, data: Buffer, signature: Buffer): boolean;
  }>
> = {
  "Ed25519": {
    names: ["x", "d"],
    generate: () => generateKeyPairSync("ed25519"),
    fields: (pair) => {
      const x = fieldOf(pair, "x");
      return [string("ssh-ed25519"), string(x), string(Buffer.concat([fieldOf(pair, "d"), x]))];
    },
    check: ({ publicKey }, data, signature) => verify(null, data, publicKey, signature),
  },
  "ECDSA": {
    names: ["x", "y", "d"],
    generate: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    fields: (pair) => {
      const point = Buffer.concat([Buffer.from([4]), fieldOf(pair, "x"), fieldOf(pair, "y")]);
      return [string("ecdsa-sha2-nistp256"), string("nistp256"), string(point), number(fieldOf(pair, "d"))];
    },
    check: ({ publicKey }, data, signature) => {
      const halves = [0, 1].map(() => {
        const length = signature.readUInt32BE();
        const half = signature.subarray(4, 4 + length).subarray(-32);
        signature = signature.subarray(4 + length);
        return Buffer.concat([Buffer.alloc(32 - half.length), half]);
      });
      return verify("sha256", data, { key: publicKey, dsaEncoding: "ieee-p1363" }, Buffer.concat(halves));
    },
  },
};

/** Makes keys until one has a field that begins with a zero: one in 256 has. */
function pairWithZero(generate: () => Pair, name: Field): Pair {
  for (;;) {
    const pair = generate();
    if (fieldOf(pair, name)[0] === 0) return pair;
  }
}

for (const [kind, { names, generate, fields, check }] of Object.entries(KINDS)) {
  for (const name of names) {
    Deno.test(`parsePrivateKey() reads an ${kind} key whose ${name} begins with a zero`, () => {
      const pair = pairWithZero(generate, name);
      const key = parsePrivateKey(openSshFile(fields(pair)));
      assert.equal(key.comment, "a comment");
      const data = Buffer.from("data");
      const signed = key.sign(data, 0);
      const signature = signed.subarray(4 + signed.readUInt32BE() + 4);
      assert.ok(check(pair, data, signature));
    });
  }
}
