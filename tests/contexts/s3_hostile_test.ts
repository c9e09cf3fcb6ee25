/**
 * Stores that lie: names that lead elsewhere (S01, S02, S03 through this door), answers that were not asked for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createS3Source } from "../../lib/contexts/s3.ts";
import { KilnError } from "../../lib/errors.ts";
import { noise, packContext } from "../support/context_archive.ts";
import { answerError, etagOf, type FakeS3Options, startFakeS3 } from "../support/fake_s3.ts";
import { fetchContext, type Fetched } from "../support/fetch_context.ts";
import type { TestServer } from "../support/registry_server.ts";

const MIB = 1024 * 1024;

function fetchFrom(server: TestServer, key: string, env: Record<string, string> = {}): Promise<Fetched> {
  return fetchContext((parts) => createS3Source({ kind: "s3", bucket: "b", key }, parts), {
    env: {
      S3_ENDPOINT: `http://${server.host}`,
      S3_FORCE_PATH_STYLE: "true",
      AWS_ACCESS_KEY_ID: "AKIA",
      AWS_SECRET_ACCESS_KEY: "the-secret",
      ...env,
    },
  });
}

async function refusal(options: FakeS3Options, key: string): Promise<KilnError> {
  await using server = await startFakeS3(options);
  const error = await fetchFrom(server, key).then(() => undefined, (error) => error);
  assert.ok(error instanceof KilnError, `not a KilnError: ${error?.stack ?? "it was fetched"}`);
  return error;
}

/** Guard: `placeOf` in object_folder.ts; without it, the first of these is written beside the context. */
for (
  const [name, why] of [
    ["f/../escaped", /has a "\.\." component/],
    ["f/a/../../../escaped", /has a "\.\." component/],
    ["f/./x", /has a "\." component/],
    ["f//etc/x", /has an empty component/],
    ["f/a//b", /has an empty component/],
    ["f/a\0b", /has a zero byte/],
    ["elsewhere/x", /was listed as part of "f\/"/],
    ["/etc/passwd", /was listed as part of "f\/"/],
    [`f/${"n".repeat(256)}`, /its name is too long/],
  ] as const
) {
  Deno.test(`S3 folder, refuses the object ${JSON.stringify(name).slice(0, 40)}`, async () => {
    const error = await refusal({ objects: {}, listing: [{ key: name }] }, "f/");
    assert.equal(error.kind, "context");
    assert.match(error.message, why);
  });
}

Deno.test("S3 folder, refuses an object whose name another needs as a folder, in both orders", async () => {
  for (const keys of [["f/a", "f/a/b"], ["f/a/b", "f/a"], ["f/a", "f/a"]]) {
    const error = await refusal({ objects: {}, listing: keys.map((key) => ({ key })) }, "f/");
    assert.equal(error.kind, "context");
    assert.match(error.message, /another object has its name, or needs it as a folder/);
  }
});

Deno.test("S3 folder, takes an empty object with a slash at its end for a directory, and refuses one with content", async () => {
  await using server = await startFakeS3({
    objects: {},
    listing: [{ key: "f/" }, { key: "f/dir/" }, { key: "f/dir/sub/" }],
  });
  assert.deepEqual((await fetchFrom(server, "f")).files, { "dir/": "", "dir/sub/": "" });
  const error = await refusal({ objects: { "f/dir/": "x" } }, "f/");
  assert.match(error.message, /is named like a folder and has content/);
});

Deno.test("S3 archive, refuses a part that was not asked for", async () => {
  const objects = { "c.tar": await packContext({ a: noise(9 * MIB) }, { compression: "none" }) };
  const error = await refusal({
    objects,
    headers: (headers, { headers: { range } }) =>
      range === "bytes=0-0" ? headers : { ...headers, "content-range": "bytes 5-9/10" },
  }, "c.tar");
  assert.equal(error.kind, "integrity");
  assert.match(error.message, /a part was sent that was not asked for \("bytes 5-9\/10"\)/);
});

/** Answers requests for parts with other bytes than those asked for, without a length. */
function sendParts(
  content: Uint8Array,
  change: (part: Uint8Array) => Uint8Array,
): NonNullable<FakeS3Options["before"]> {
  return ({ path, headers: { range = "" } }, response) => {
    const [, start = "", end = ""] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    if (path.includes("list-type") || range === "bytes=0-0" || start === "") return false;
    const part = content.subarray(Number(start), Number(end) + 1);
    response.writeHead(206, { "etag": etagOf(content), "content-range": `bytes ${start}-${end}/${content.length}` });
    response.end(change(part));
    return true;
  };
}

Deno.test("S3 archive, refuses more bytes than a part has", async () => {
  const content = await packContext({ a: noise(9 * MIB) }, { compression: "none" });
  const before = sendParts(content, (part) => new Uint8Array([...part, ...part.subarray(0, 1000)]));
  const error = await refusal({ objects: { "c.tar": content }, before }, "c.tar");
  assert.equal(error.kind, "integrity");
  assert.match(error.message, /more was sent than was asked for/);
});

Deno.test("S3 archive, asks for the rest of a part of which less is sent than it says", async () => {
  const content = await packContext({ a: "x".repeat(9 * MIB) }, { compression: "none" });
  const before = sendParts(content, (part) => part.subarray(0, Math.ceil(part.length / 3) + 100_000));
  await using server = await startFakeS3({
    objects: { "c.tar": content },
    ...(before === undefined ? {} : { before }),
  });
  assert.deepEqual((await fetchFrom(server, "c.tar")).files, { a: "x".repeat(9 * MIB) });
});

Deno.test("S3 archive, gives up when nothing of a part is ever sent", async () => {
  const content = await packContext({ a: "1" }, { compression: "none" });
  const error = await refusal(
    { objects: { "c.tar": content }, before: sendParts(content, () => new Uint8Array()) },
    "c.tar",
  );
  assert.equal(error.kind, "registry");
  assert.match(error.message, /\(tried 5 times\)$/);
});

Deno.test("S3 archive, refuses to fetch a large object from a server that sends no parts", async () => {
  const content = await packContext({ a: noise(9 * MIB) }, { compression: "none" });
  const error = await refusal({
    objects: { "c.tar": content },
    before: ({ path, headers }, response) => {
      if (path.includes("list-type")) return false;
      const whole = { "etag": '"e"', "content-length": String(content.length) };
      const found = headers.range === "bytes=0-0"
        ? { ...whole, "content-length": "1", "content-range": `bytes 0-0/${content.length}` }
        : whole;
      response.writeHead(headers.range === "bytes=0-0" ? 206 : 200, found);
      response.end(headers.range === "bytes=0-0" ? content.subarray(0, 1) : content);
      return true;
    },
  }, "c.tar");
  assert.equal(error.kind, "registry");
  assert.match(error.message, /the server sends no parts of objects/);
});

Deno.test("S3 archive, waits and tries again when the store is busy", async () => {
  const counter = { busy: 0 };
  await using server = await startFakeS3({
    objects: { "c.tar.gz": await packContext({ a: "1" }) },
    before: (_request, response) => {
      if (counter.busy++ % 2 === 1) return false;
      answerError(response, 503, "SlowDown");
      return true;
    },
  });
  const { files, messages } = await fetchFrom(server, "c.tar.gz");
  assert.deepEqual(files, { a: "1" });
  assert.match(
    messages.join("\n"),
    /S3 answered "This is SlowDown" \(503 SlowDown\); trying again in [0-9.]+ s \(try 2 of 5\)/,
  );
});

Deno.test("S3 archive, sets the time of its requests by the store's clock when its own is wrong (F16)", async () => {
  const dayMs = 24 * 60 * 60 * 1000;
  await using server = await startFakeS3({
    objects: { "c.tar.gz": await packContext({ a: "1" }) },
    before: ({ headers }, response) => {
      const now = Date.now() + dayMs;
      const said = String(headers["x-amz-date"]).replace(
        /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/,
        "$1-$2-$3T$4:$5:$6Z",
      );
      response.setHeader("date", new Date(now).toUTCString());
      if (Math.abs(Date.parse(said) - now) < 15 * 60 * 1000) return false;
      answerError(response, 403, "RequestTimeTooSkewed");
      return true;
    },
  });
  assert.deepEqual((await fetchFrom(server, "c.tar.gz")).files, { a: "1" });
});

Deno.test("S3 archive, says that the clock is wrong when the store goes on refusing", async () => {
  const error = await refusal({
    objects: {},
    before: (_request, response) => {
      answerError(response, 403, "RequestTimeTooSkewed");
      return true;
    },
  }, "c.tar.gz");
  assert.equal(error.kind, "denied");
  assert.match(error.message, /the clock of this machine differs too much from that of S3/);
  assert.equal(error.hint, "set the clock of this machine");
});

Deno.test("S3 archive, hides what looks like a credential in what the store answers", async () => {
  const error = await refusal({
    objects: {},
    before: (_request, response) => {
      const url = "https://b.example/x?X-Amz-Credential=AKIA%2F1&amp;X-Amz-Signature=0123456789abcdef";
      answerError(response, 403, "AccountProblem", `No access with ${url}`);
      return true;
    },
  }, "c.tar.gz");
  assert.match(error.message, /No access with https:\/\/b\.example\/x\?/);
  assert.doesNotMatch(`${error.message} ${error.hint}`, /0123456789abcdef|the-secret/);
});

Deno.test("S3 archive, finds the region that a redirection names", async () => {
  await using server = await startFakeS3({
    objects: { "c.tar.gz": await packContext({ a: "1" }) },
    before: ({ headers }, response) => {
      if (headers.authorization?.includes("/eu-north-1/s3/")) return false;
      response.setHeader("x-amz-bucket-region", "eu-north-1");
      answerError(response, 301, "PermanentRedirect");
      return true;
    },
  });
  assert.deepEqual((await fetchFrom(server, "c.tar.gz", { AWS_REGION: "us-east-2" })).files, { a: "1" });
});
