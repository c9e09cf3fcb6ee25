/**
 * Contexts in S3: the same against MinIO and versitygw.
 *
 * @module
 */
import { PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { createS3Source } from "../../lib/contexts/s3.ts";
import { KilnError } from "../../lib/errors.ts";
import { RING_PART_BYTES as PART } from "../../lib/contexts/object_destination.ts";
import { noise, packContext } from "../support/context_archive.ts";
import { createPool, fetchContext, type Fetched, type FetchOptions } from "../support/fetch_context.ts";
import { startHttpRelay } from "../support/http_relay.ts";
import { createIdentity } from "../support/registry_server.ts";
import { type S3Server, type S3ServerName, startS3Server } from "../support/s3_server.ts";

function fetchAlone(server: S3Server, key: string, options: FetchOptions = {}): Promise<Fetched> {
  const location = { kind: "s3", bucket: server.bucket, key } as const;
  return fetchContext((parts) => createS3Source(location, parts), {
    ...options,
    env: { ...server.env, ...options.env },
  });
}

async function failure(promise: Promise<unknown>): Promise<KilnError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof KilnError, `not a KilnError: ${error?.stack ?? error}`);
  return error;
}

/** Writes down which bytes were asked for. */
function rangesOf(seen: readonly { readonly headers: Readonly<Record<string, unknown>> }[]): readonly string[] {
  return seen.map(({ headers }) => String(headers["range"] ?? "")).filter((range) => range !== "");
}

for (const name of ["minio", "versitygw"] satisfies S3ServerName[]) {
  Deno.test(`S3 context on ${name}`, async (t) => {
    await using server = await startS3Server(name);
    using pool = createPool();
    const fetchFrom = (server: S3Server, key: string, options: FetchOptions = {}): Promise<Fetched> =>
      fetchAlone(server, key, { ...options, pool });
    const archive = await packContext({ "Dockerfile": "FROM scratch\n", "src/main.c": "int main;" });
    const whole = { "Dockerfile": "FROM scratch\n", "src/": "", "src/main.c": "int main;" };
    await server.put("app/context.tar.gz", archive);
    const large = noise(2 * PART + 12_345);
    const packed = await packContext({ large }, { compression: "none" });
    await server.put("large.tar", packed);
    const digest = createHash("sha256").update(large).digest("hex");
    const checkLarge = (directory: string): void => {
      const found = createHash("sha256").update(Deno.readFileSync(join(directory, "large"))).digest("hex");
      assert.equal(found, digest);
    };

    await t.step("an archive is fetched and unpacked", async () => {
      const { files, messages } = await fetchFrom(server, "app/context.tar.gz");
      assert.deepEqual(files, whole);
      assert.match(messages.join("\n"), /Fetching "s3:\/\/contexts\/app\/context\.tar\.gz" \(\d+ B\)/);
    });

    await t.step("the compression is told by the content, not by the name", async () => {
      for (const compression of ["none", "zstd"] as const) {
        await server.put("other.tar.gz", await packContext({ a: compression }, { compression }));
        assert.deepEqual((await fetchFrom(server, "other.tar.gz")).files, { a: compression });
      }
    });

    await t.step("a large archive is fetched in parts at the same time", async () => {
      await using relay = await startHttpRelay(server.host, () => undefined);
      await fetchFrom(server, "large.tar", { env: { S3_ENDPOINT: `http://${relay.host}` }, look: checkLarge });
      const end = packed.length - 1;
      assert.deepEqual(
        new Set(rangesOf(relay.seen)),
        new Set([
          "bytes=0-0",
          `bytes=0-${PART - 1}`,
          `bytes=${PART}-${2 * PART - 1}`,
          `bytes=${2 * PART}-${end}`,
        ]),
      );
    });

    await t.step("a part whose connection breaks is taken up where it broke", async () => {
      const first = [`bytes=0-${PART - 1}`, `bytes=${PART}-${2 * PART - 1}`];
      await using relay = await startHttpRelay(server.host, ({ headers }) => {
        return first.includes(headers.range ?? "") ? { cutAfter: 1_000_000 } : undefined;
      });
      const messages: string[] = [];
      const options = { env: { S3_ENDPOINT: `http://${relay.host}` }, look: checkLarge, messages };
      await fetchFrom(server, "large.tar", options);
      const again = rangesOf(relay.seen).slice(4);
      assert.equal(again.length, 2, again.join());
      for (const range of again) {
        const start = Number(/^bytes=(\d+)-/.exec(range)?.[1]);
        assert.ok(start % PART > 0, `${range} starts over`);
      }
      assert.match(messages.join("\n"), /warn: Cannot fetch .* yet: the connection to .* broke.*\(try 2 of 5\)/);
    });

    await t.step("a server that breaks every connection ends the build, and half a context is no context", async () => {
      await using relay = await startHttpRelay(
        server.host,
        (_request, index) => index === 0 ? undefined : { cutAfter: 10_000 },
      );
      const error = await failure(fetchFrom(server, "large.tar", { env: { S3_ENDPOINT: `http://${relay.host}` } }));
      assert.equal(error.kind, "registry");
      assert.match(
        error.message,
        /^Cannot fetch "s3:\/\/contexts\/large\.tar": the connection to .* broke .*tried 5 times/,
      );
    });

    await t.step("an object that is replaced during the download is noticed", async () => {
      await server.put("replaced.tar", packed);
      await using relay = await startHttpRelay(server.host, async ({ headers }) => {
        if (headers.range?.startsWith(`bytes=${PART}-`)) await server.put("replaced.tar", noise(packed.length, 7));
        return undefined;
      });
      const error = await failure(fetchFrom(server, "replaced.tar", { env: { S3_ENDPOINT: `http://${relay.host}` } }));
      assert.equal(error.kind, "integrity");
      assert.match(error.message, /it was replaced or removed while it was downloaded/);
    });

    await t.step("a replaced object is noticed also where If-Match is not known", async () => {
      await server.put("replaced.tar", packed);
      await using relay = await startHttpRelay(server.host, async ({ headers }) => {
        if (headers.range?.startsWith(`bytes=${PART}-`)) await server.put("replaced.tar", noise(packed.length, 7));
        return { headers: { "if-match": undefined } };
      });
      const env = { S3_ENDPOINT: `http://${relay.host}`, AWS_NO_SIGN_REQUEST: "1" };
      await allowAnonymous(server);
      const error = await failure(fetchFrom(server, "replaced.tar", { env }));
      assert.equal(error.kind, "integrity");
      assert.match(error.message, /replaced or removed/);
    });

    await t.step("an object that is removed during the download is noticed", async () => {
      await server.put("removed.tar", packed);
      await using relay = await startHttpRelay(server.host, async ({ headers }) => {
        if (headers.range?.startsWith(`bytes=${2 * PART}-`)) await server.remove("removed.tar");
        return undefined;
      });
      const error = await failure(fetchFrom(server, "removed.tar", { env: { S3_ENDPOINT: `http://${relay.host}` } }));
      assert.match(error.message, /replaced or removed/);
    });

    await t.step("a folder is fetched with or without the slash", async () => {
      await server.put("tree/Dockerfile", "FROM scratch\n");
      await server.put("tree/src/ä +%20b", "1");
      await server.put("tree/src/empty", "");
      await server.put("treehouse", "not in it");
      const expected = { "Dockerfile": "FROM scratch\n", "src/": "", "src/empty": "", "src/ä +%20b": "1" };
      assert.deepEqual((await fetchFrom(server, "tree/")).files, expected);
      assert.deepEqual((await fetchFrom(server, "tree")).files, expected);
    });

    // A page has 1,000 objects on both; storing them takes seconds.
    if (name === "minio") {
      await t.step("a folder of more objects than a page has is fetched whole", async () => {
        const names = Array.from({ length: 1010 }, (_, index) => `f${index}`);
        for (let at = 0; at < names.length; at += 50) {
          await Promise.all(names.slice(at, at + 50).map((name) => server.put(`many/${name}`, name)));
        }
        const { files } = await fetchFrom(server, "many/");
        assert.deepEqual(Object.keys(files).sort(), names.toSorted());
        assert.ok(Object.entries(files).every(([name, content]) => name === content));
      });
    }

    await t.step("what is not there is named", async () => {
      const object = await failure(fetchFrom(server, "nothing"));
      assert.equal(object.kind, "context");
      assert.match(object.message, /"s3:\/\/contexts\/nothing": there is no such object, and none below/);
      const folder = await failure(fetchFrom(server, "nothing/"));
      assert.match(folder.message, /there is no object whose name begins with it/);
      const bucket = await failure(
        fetchContext((parts) => createS3Source({ kind: "s3", bucket: "nowhere", key: "x" }, parts), {
          env: server.env,
        }),
      );
      assert.equal(bucket.kind, "context");
      assert.match(bucket.message, /there is no such bucket \(404 NoSuchBucket\)/);
    });

    await t.step("wrong keys are a denial that names where they come from, and not the keys", async () => {
      const wrong = [{ AWS_SECRET_ACCESS_KEY: "not-the-secret" }, { AWS_ACCESS_KEY_ID: "nobody" }];
      for (const env of wrong) {
        const messages: string[] = [];
        const error = await failure(fetchFrom(server, "app/context.tar.gz", { env, messages }));
        assert.equal(error.kind, "denied");
        assert.equal(error.exitCode, 77);
        assert.match(error.hint ?? "", /AWS_ACCESS_KEY_ID/);
        assert.doesNotMatch([error.message, error.hint, ...messages].join("\n"), /not-the-secret|kiln-secret/);
      }
      const { revealed } = await fetchFrom(server, "app/context.tar.gz");
      assert.deepEqual(revealed, [server.env["AWS_SECRET_ACCESS_KEY"]]);
    });

    await t.step("a public bucket needs no keys, one that is not says that none were sent", async () => {
      await allowAnonymous(server);
      const env = { AWS_NO_SIGN_REQUEST: "true" };
      assert.deepEqual((await fetchFrom(server, "app/context.tar.gz", { env })).files, whole);
      await server.client.send(
        new PutBucketPolicyCommand({ Bucket: server.bucket, Policy: policyFor(server, "tree/*") }),
      );
      const error = await failure(fetchFrom(server, "app/context.tar.gz", { env }));
      assert.equal(error.kind, "denied");
      assert.match(error.hint ?? "", /no credentials were sent/);
    });

    await t.step("a context larger than the limit is not fetched", async () => {
      const limits = { maxBytes: 1000 };
      assert.match((await failure(fetchFrom(server, "large.tar", { limits }))).message, /it has more than 1000 bytes/);
      const folder = await failure(fetchFrom(server, "tree/", { limits: { maxBytes: 10 } }));
      assert.match(folder.message, /it has more than 10 bytes/);
    });

    await t.step("an endpoint with a certificate of one's own is trusted if it is named, and only then", async () => {
      const identity = await createIdentity();
      await using relay = await startHttpRelay(server.host, () => undefined, identity);
      const bundle = await Deno.makeTempFile({ suffix: ".pem" });
      await Deno.writeTextFile(bundle, identity.cert);
      const endpoint = { S3_ENDPOINT: `https://localhost:${relay.port}` };
      for (const variable of ["AWS_CA_BUNDLE", "SSL_CERT_FILE"]) {
        const { files } = await fetchFrom(server, "app/context.tar.gz", { env: { ...endpoint, [variable]: bundle } });
        assert.deepEqual(files, whole);
      }
      const error = await failure(fetchFrom(server, "app/context.tar.gz", { env: endpoint }));
      assert.equal(error.kind, "registry");
      assert.match(error.message, /the certificate of "localhost:\d+" is not accepted/);
      assert.match(error.hint ?? "", /SSL_CERT_FILE/);
      await Deno.remove(bundle);
    });

    await t.step("an interrupted download ends at once", async () => {
      const controller = new AbortController();
      await using relay = await startHttpRelay(server.host, (_request, index) => {
        if (index === 2) controller.abort(new KilnError("interrupted", "Cannot go on: SIGTERM"));
        return undefined;
      });
      const env = { S3_ENDPOINT: `http://${relay.host}` };
      const error = await failure(fetchFrom(server, "large.tar", { env, signal: controller.signal }));
      assert.equal(error.kind, "interrupted");
    });

    await t.step("what is no archive is refused", async () => {
      await server.put("no-archive", "FROM scratch\n");
      const error = await failure(fetchFrom(server, "no-archive"));
      assert.equal(error.kind, "integrity");
      await server.put("nothing-in-it", "");
      assert.match((await failure(fetchFrom(server, "nothing-in-it"))).message, /it is empty/);
    });
  });
}

Deno.test("S3 context, a bucket in another region is found there", async () => {
  await using server = await startS3Server("minio", { region: "eu-central-1" });
  await server.put("context.tar.gz", await packContext({ a: "1" }));
  await using relay = await startHttpRelay(server.host, () => undefined);
  const env = { S3_ENDPOINT: `http://${relay.host}`, AWS_REGION: "us-west-2" };
  assert.deepEqual((await fetchAlone(server, "context.tar.gz", { env })).files, { a: "1" });
  const regions = relay.seen.map(({ headers }) => /\/(\w+-\w+-\d)\/s3\//.exec(headers.authorization ?? "")?.[1]);
  assert.deepEqual(new Set(regions.slice(1)), new Set(["eu-central-1"]));
  assert.equal(regions[0], "us-west-2");
});

Deno.test("S3 context, bytes that went bad in the store are noticed by the object's MD5", async () => {
  await using server = await startS3Server("versitygw");
  const packed = await packContext({ large: noise(100_000) }, { compression: "none" });
  await server.put("context.tar", packed);
  const path = join(server.folder, "data", server.bucket, "context.tar");
  using file = await Deno.open(path, { write: true });
  await file.seek(5000, Deno.SeekMode.Start);
  await file.write(new Uint8Array([1, 2, 3]));
  const error = await failure(fetchAlone(server, "context.tar"));
  assert.equal(error.kind, "integrity");
  assert.match(error.message, /its md5 digest is [0-9a-f]{32}, that of S3 is [0-9a-f]{32}/);
});

async function allowAnonymous(server: S3Server): Promise<void> {
  await server.client.send(new PutBucketPolicyCommand({ Bucket: server.bucket, Policy: policyFor(server, "*") }));
}

function policyFor({ bucket }: S3Server, keys: string): string {
  const Resource = [`arn:aws:s3:::${bucket}/${keys}`];
  const Statement = [{ Effect: "Allow", Principal: { AWS: ["*"] }, Action: ["s3:GetObject"], Resource }];
  return JSON.stringify({ Version: "2012-10-17", Statement });
}
