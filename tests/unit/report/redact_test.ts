/**
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "../../support/fast_check.ts";
import { createReport } from "../../../lib/report/create_report.ts";
import { OutputBudget } from "../../../lib/report/output_limit.ts";
import { createOutputLines } from "../../../lib/report/output_lines.ts";
import { redacting } from "../../../lib/report/redact.ts";
import { StreamRedactor } from "../../../lib/report/redact_stream.ts";
import { Redactor } from "../../../lib/report/redactor.ts";
import { LONGEST_NEEDLE } from "../../../lib/report/secret_forms.ts";
import { bytes, fakeWorld } from "./fake_world.ts";

const SECRET = "hunter2-tok/en+x?";

function redactorOf(...secrets: readonly (string | Uint8Array)[]): Redactor {
  const redactor = new Redactor();
  for (const secret of secrets) redactor.add(secret);
  return redactor;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const base64Url = (text: string): string => Buffer.from(text).toString("base64url");
const hex = (text: string): string => Buffer.from(text).toString("hex");

const FORMS: readonly (readonly [name: string, form: string])[] = [
  ["as it is", SECRET],
  ["in base64", base64(SECRET)],
  ["in base64 without padding", base64(SECRET).replace(/=+$/, "")],
  ["in URL-safe base64", base64Url(SECRET)],
  ["in hexadecimal", hex(SECRET)],
  ["in upper-case hexadecimal", hex(SECRET).toUpperCase()],
  ["URL-encoded", encodeURIComponent(SECRET)],
  ["URL-encoded in lower case", encodeURIComponent(SECRET).toLowerCase()],
];
for (const [name, form] of FORMS) {
  Deno.test(`Redactor, hides a secret ${name}`, () => {
    assert.equal(redactorOf(SECRET).text(`before ${form} after ${form}`), "before **** after ****");
  });
}

Deno.test("Redactor, leaves nothing that decodes to a secret which stands inside longer base64", () => {
  for (const before of ["", "u", "us", "use", "user:"]) {
    for (const after of ["", "\n", "ab", "abc"]) {
      const masked = redactorOf(SECRET).text(base64(before + SECRET + after));
      assert.match(masked, /\*{4}/, `${before} ${after}`);
      const rest = masked.split("****").map((part) => Buffer.from(part, "base64").toString("latin1")).join(" ");
      // The characters at the seams hold up to two bytes of the secret.
      for (let at = 0; at + 3 <= SECRET.length; at++) {
        assert.ok(!rest.includes(SECRET.slice(at, at + 3)), `${before} ${after}: ${rest}`);
      }
    }
  }
});

Deno.test("Redactor, hides a secret in base64 that is broken into lines", () => {
  const secret = Buffer.alloc(100, "0123456789abcdefghijklmnopqrstuvw").toString();
  for (const columns of [64, 76]) {
    const lines = base64(secret).match(new RegExp(`.{1,${columns}}`, "g")) ?? [];
    assert.ok(lines.length > 1);
    for (const line of lines.filter(({ length }) => length >= 8)) {
      assert.match(redactorOf(secret).text(line), /^\*{4}.{0,3}$/, `${columns}: ${line}`);
    }
  }
});

Deno.test("Redactor, hides a secret in the form it has in JSON", () => {
  assert.equal(
    redactorOf('line "one"\nline two').text(`{"k":${JSON.stringify('line "one"\nline two')}}`),
    '{"k":"****"}',
  );
});

Deno.test("Redactor, hides a secret without the line break its file ends with", () => {
  assert.equal(redactorOf("s3cret-value\n").text("echo s3cret-value!"), "echo ****!");
});

Deno.test("Redactor, hides each line of a secret of several lines", () => {
  const redactor = redactorOf("-----BEGIN KEY-----\r\n  MIIEpAIBAAKCAQEA\nshort\n-----END KEY-----\n");
  assert.equal(redactor.text("key: MIIEpAIBAAKCAQEA, -----END KEY-----"), "key: ****, ****");
});

Deno.test("Redactor, leaves short lines of a secret of several lines alone", () => {
  assert.equal(redactorOf("{\n  a-long-enough-line\n}").text("{ x }"), "{ x }");
});

Deno.test("Redactor, hides a secret that is not text", () => {
  const secret = Uint8Array.of(0xff, 0x00, 0x80, 0x0d, 0x31);
  const line = Uint8Array.of(0x61, ...secret, 0x62);
  assert.deepEqual(Buffer.from(redactorOf(secret).line(line)).toString(), "a****b");
});

Deno.test("Redactor, hides overlapping finds as one", () => {
  assert.equal(redactorOf("abcdef", "defghi", "aaaa").text("x abcdefghi aaaaaa y"), "x **** **** y");
});

Deno.test("Redactor, hides all of a secret that begins with another one", () => {
  assert.equal(redactorOf("token", "token-and-more").text("[token-and-more] [token]"), "[****] [****]");
});

Deno.test("Redactor, hides a very short secret only where it is the whole line", () => {
  const redactor = redactorOf("yes");
  assert.deepEqual(["yes", "oh yes", "yesterday"].map((line) => redactor.text(line)), ["****", "oh yes", "yesterday"]);
});

Deno.test("Redactor, hides nothing for an empty secret", () => {
  const redactor = redactorOf("", "\n");
  assert.deepEqual(["", "a"].map((line) => redactor.text(line)), ["", "a"]);
});

Deno.test("Redactor, hides all of a secret longer than its longest needle", () => {
  const secret = Buffer.from(Array.from({ length: 3 * LONGEST_NEEDLE + 3 }, (_, at) => 33 + (at * 7919) % 90))
    .toString();
  assert.match(redactorOf(secret).text(`<${secret}>`), /^<\*+>$/);
});

/** Runs chunks through a stream redactor. */
function stream(redactor: Redactor, chunks: readonly Uint8Array[]): string {
  const passed: Uint8Array[] = [];
  const redact = new StreamRedactor(redactor, (part) => void passed.push(Uint8Array.from(part)));
  for (const chunk of chunks) redact.write(chunk);
  redact.end();
  return Buffer.concat(passed).toString("latin1");
}

// With `tailToHold` answering 0 this fails, as do the byte-by-byte, split-form, two-line and property tests.
Deno.test("StreamRedactor, hides a secret split at any place (S67)", () => {
  const whole = bytes(`before ${SECRET} after`);
  for (let at = 0; at <= whole.length; at++) {
    const chunks = [whole.subarray(0, at), whole.subarray(at)];
    assert.equal(stream(redactorOf(SECRET), chunks), "before **** after", `split at ${at}`);
  }
});

Deno.test("StreamRedactor, hides a secret that comes byte by byte", () => {
  const chunks = Array.from(bytes(`<${SECRET}>`), (byte) => Uint8Array.of(byte));
  assert.equal(stream(redactorOf(SECRET), chunks), "<****>");
});

Deno.test("StreamRedactor, hides every form of a split secret", () => {
  for (const [name, form] of FORMS) {
    const whole = bytes(form);
    assert.equal(stream(redactorOf(SECRET), [whole.subarray(0, 9), whole.subarray(9)]), "****", name);
  }
});

Deno.test("StreamRedactor, passes on at the end what only looked like a secret", () => {
  assert.equal(stream(redactorOf(SECRET), [bytes("x hunt")]), "x hunt");
});

Deno.test("StreamRedactor, passes on at once what cannot be part of a secret", () => {
  const passed: string[] = [];
  const redact = new StreamRedactor(redactorOf(SECRET), (part) => void passed.push(Buffer.from(part).toString()));
  redact.write(bytes("Password: "));
  redact.write(bytes("h"));
  assert.deepEqual(passed, ["Password: "]);
});

Deno.test("StreamRedactor, holds no more than the longest needle", () => {
  const secret = "a".repeat(LONGEST_NEEDLE);
  let passed = 0;
  const redact = new StreamRedactor(redactorOf(secret), (part) => void (passed += part.length));
  for (let at = 0; at < 20; at++) redact.write(bytes("a".repeat(1000)));
  // One mask for all: everything but the tail was told to be hidden and is gone.
  assert.equal(passed, "****".length);
  redact.write(bytes("b"));
  assert.equal(passed, "****b".length);
});

Deno.test("StreamRedactor, hides what the redactor learns while the stream runs", () => {
  const redactor = new Redactor();
  const passed: string[] = [];
  const redact = new StreamRedactor(redactor, (part) => void passed.push(Buffer.from(part).toString()));
  redact.write(bytes(`${SECRET}\n`));
  redactor.add(SECRET);
  redact.write(bytes(`${SECRET}\n`));
  assert.deepEqual(passed, [`${SECRET}\n`, "****\n"]);
});

Deno.test("StreamRedactor, does not keep the memory of a chunk", () => {
  const passed: Uint8Array[] = [];
  const redact = new StreamRedactor(redactorOf("abcd"), (part) => void passed.push(part));
  const chunk = bytes("xab");
  redact.write(chunk);
  chunk.fill(0);
  redact.end();
  assert.equal(Buffer.concat(passed.slice(1)).toString(), "ab");
});

Deno.test("StreamRedactor, hides the same as a redactor that sees all at once", () => {
  const letters = fc.constantFrom("a", "b", "c");
  const secrets = fc.array(fc.string({ unit: letters, minLength: 4, maxLength: 7 }), { minLength: 1, maxLength: 3 });
  const text = fc.string({ unit: letters, maxLength: 60 });
  fc.assert(
    fc.property(secrets, text, fc.array(fc.nat(60)), (known, whole, cuts) => {
      const redactor = redactorOf(...known);
      const at = [...new Set(cuts)].sort((a, b) => a - b);
      const all = bytes(whole);
      const chunks = [0, ...at].map((start, index) => all.subarray(start, at[index] ?? all.length));
      assert.equal(stream(redactor, chunks), redactor.text(whole));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("redacting report, hides secrets in messages, labels, output and every part of a failure", () => {
  const world = fakeWorld();
  const report = redacting(
    createReport({ format: "text", verbosity: "debug", timestamps: false }, world),
    redactorOf(SECRET),
  );
  const step = report.step(`step ${SECRET}`);
  step.message("info", `message ${SECRET}`);
  step.output("stdout", bytes(`output ${SECRET}`));
  report.failure({
    message: `failure ${SECRET}`,
    place: { file: `${SECRET}.df`, startLine: 1, endLine: 1, excerpt: `1 | ARG ${SECRET}` },
    hint: SECRET,
    causes: [SECRET],
    stack: SECRET,
    exitCode: 1,
  });
  assert.equal(world.stdout.text(), "[step ****] output ****\n");
  assert.equal(
    world.stderr.text(),
    "INFO[0003] [step ****] message ****\nerror: failure ****\n1 | ARG ****\n****\ncause: ****\n" +
      "hint: ****\n",
  );
});

Deno.test("redacting report, hides secrets that are learned after a step began", () => {
  const world = fakeWorld();
  const redactor = new Redactor();
  const report = redacting(createReport({ format: "json", verbosity: "info", timestamps: false }, world), redactor);
  const step = report.step("s");
  redactor.add(SECRET);
  step.message("info", SECRET);
  assert.equal(JSON.parse(world.stderr.text()).msg, "****");
});

Deno.test("createOutputLines(), hides a secret in a line that is passed on in pieces", () => {
  const world = fakeWorld();
  const report = createReport({ format: "text", verbosity: "info", timestamps: false }, world);
  const lines = createOutputLines(report, "stdout", {
    redactor: redactorOf(SECRET),
    budget: new OutputBudget(report, 0),
  });
  lines.write(bytes("x".repeat(16 * 1024 - 5)));
  lines.write(bytes(`${SECRET} tail`));
  lines.end();
  assert.equal(world.stdout.text().replaceAll("\n", "").slice(-12), "xxx**** tail");
});

Deno.test("createOutputLines(), hides a secret of two lines that comes in two chunks", () => {
  const world = fakeWorld();
  const report = createReport({ format: "text", verbosity: "info", timestamps: false }, world);
  const lines = createOutputLines(report, "stderr", {
    redactor: redactorOf("ab\ncd\nef"),
    budget: new OutputBudget(report, 0),
  });
  lines.write(bytes("key: ab\nc"));
  lines.write(bytes("d\nef\nend"));
  lines.end();
  assert.equal(world.stderr.text(), "key: ****\nend\n");
});
