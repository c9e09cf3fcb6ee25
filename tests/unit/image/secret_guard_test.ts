/**
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { SecretGuard } from "../../../lib/image/secret_guard.ts";
import { guardedForms } from "../../../lib/report/secret_forms.ts";
import { TarWriter } from "../../../lib/tar/writer.ts";

const SECRET = "s3cr3t-value-of-the-build";

function tarOf(files: Readonly<Record<string, string>>): Uint8Array {
  const chunks: Uint8Array[] = [];
  const tar = new TarWriter((chunk) => void chunks.push(chunk.slice()));
  for (const [name, content] of Object.entries(files)) {
    tar.header({
      name,
      type: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      size: content.length,
      mtimeNs: 0n,
      linkName: "",
      devMajor: 0,
      devMinor: 0,
    });
    tar.body(Buffer.from(content, "latin1"));
  }
  tar.finish();
  return Buffer.concat(chunks);
}

function guardAll(tar: Uint8Array, pieceBytes: number): void {
  const guard = new SecretGuard([{ id: "t", forms: guardedForms(Buffer.from(`${SECRET}\n`)) }]);
  for (let at = 0; at < tar.length; at += pieceBytes) guard.write(tar.subarray(at, at + pieceBytes));
}

Deno.test("SecretGuard, finds a secret wherever the chunks are cut", () => {
  const tar = tarOf({ "a": "x".repeat(700), "etc/b": `${"y".repeat(600)}${SECRET}${"z".repeat(600)}` });
  for (const pieceBytes of [1, 7, 24, 25, 26, 511, 512, 513, 100_000]) {
    assert.throws(() => guardAll(tar, pieceBytes), { message: /^Cannot put "\/etc\/b" into a layer: .* "t"$/ });
  }
});

Deno.test("SecretGuard, does not put the end of one file and the beginning of the next together", () => {
  guardAll(tarOf({ "a": SECRET.slice(0, 12), "b": SECRET.slice(12) }), 512);
});

Deno.test("guardedForms(), has none for a value that would be found everywhere", () => {
  assert.deepEqual(guardedForms(Buffer.from("true\n")), []);
});

Deno.test("guardedForms(), does not take a line of a key for the key", () => {
  const pem = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49\n-----END PRIVATE KEY-----\n";
  assert.ok(guardedForms(Buffer.from(pem)).every((form) => !"-----BEGIN PRIVATE KEY-----".includes(form)));
});
