/**
 * Contexts in Google Cloud Storage: fake-gcs-server, with a relay between for what goes wrong.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { createGcsSource } from "../../lib/contexts/gcs.ts";
import { KilnError } from "../../lib/errors.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { RING_PART_BYTES as PART } from "../../lib/contexts/object_destination.ts";
import { noise, packContext } from "../support/context_archive.ts";
import { fetchContext, type Fetched, type FetchOptions } from "../support/fetch_context.ts";
import { type GcsServer, startGcsServer } from "../support/gcs_server.ts";
import { startHttpRelay } from "../support/http_relay.ts";
import { startServer } from "../support/registry_server.ts";

function fetchFrom(host: string, key: string, options: FetchOptions = {}): Promise<Fetched> {
  const env = { STORAGE_EMULATOR_HOST: host, ...options.env };
  return fetchContext((parts) => createGcsSource({ kind: "gcs", bucket: "contexts", key }, parts), { ...options, env });
}

async function failure(promise: Promise<unknown>): Promise<KilnError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof KilnError, `not a KilnError: ${error?.stack ?? "it was fetched"}`);
  return error;
}

Deno.test("Cloud Storage context", async (t) => {
  await using server: GcsServer = await startGcsServer();
  const archive = await packContext({ "Dockerfile": "FROM scratch\n", "src/a": "1" });
  await server.put("context.tar.gz", archive);
  const large = noise(2 * PART + 777);
  const packed = await packContext({ large }, { compression: "none" });
  const digest = createHash("sha256").update(large).digest("hex");
  const checkLarge = (directory: string): void => {
    assert.equal(createHash("sha256").update(Deno.readFileSync(join(directory, "large"))).digest("hex"), digest);
  };

  await t.step("an archive is fetched and unpacked, whether the emulator is named as a host or as a URL", async () => {
    const files = { "Dockerfile": "FROM scratch\n", "src/": "", "src/a": "1" };
    assert.deepEqual((await fetchFrom(server.host, "context.tar.gz")).files, files);
    assert.deepEqual((await fetchFrom(`http://${server.host}/storage/v1/`, "context.tar.gz")).files, files);
  });

  await t.step("a folder is fetched, whatever is in the names", async () => {
    await server.put("tree/a b+%2F?#ä", "1");
    await server.put("tree/deep/er/empty", "");
    const files = { "a b+%2F?#ä": "1", "deep/": "", "deep/er/": "", "deep/er/empty": "" };
    assert.deepEqual((await fetchFrom(server.host, "tree")).files, files);
    assert.deepEqual((await fetchFrom(server.host, "tree/")).files, files);
  });

  await t.step("a large archive comes in parts, and one that breaks is taken up where it broke", async () => {
    await server.put("large.tar", packed);
    const cut = new Set<string>();
    await using relay = await startHttpRelay(server.host, ({ headers }) => {
      const range = headers.range ?? "";
      if (!range.startsWith(`bytes=${PART}-`) || cut.has(range)) return undefined;
      cut.add(range);
      return { cutAfter: 500_000 };
    });
    const { messages } = await fetchFrom(relay.host, "large.tar", { look: checkLarge });
    assert.match(messages.join("\n"), /the connection to .* broke/);
    const ranges = relay.seen.flatMap(({ headers }) => headers.range ?? []);
    assert.equal(ranges.length, 4, ranges.join());
  });

  await t.step("an object that is replaced during the download is noticed by its generation", async () => {
    await server.put("replaced.tar", packed);
    await using relay = await startHttpRelay(server.host, async ({ headers }) => {
      if (headers.range?.startsWith(`bytes=${PART}-`)) await server.put("replaced.tar", noise(packed.length, 3));
      return undefined;
    });
    const error = await failure(fetchFrom(relay.host, "replaced.tar"));
    assert.equal(error.kind, "integrity");
    assert.match(error.message, /"gs:\/\/contexts\/replaced\.tar": it was replaced or removed while it was downloaded/);
  });

  await t.step("an object of a folder that is replaced after it was listed is noticed, too", async () => {
    await server.put("early/file", "first");
    await using relay = await startHttpRelay(server.host, async ({ headers }) => {
      if (headers.range !== undefined) await server.put("early/file", "other");
      return undefined;
    });
    const error = await failure(fetchFrom(relay.host, "early/"));
    assert.equal(error.kind, "integrity");
    assert.match(error.message, /"gs:\/\/contexts\/early\/file": it was replaced or removed while it was downloaded/);
  });

  await t.step("bytes that were changed on the way are noticed by the object's MD5", async () => {
    const content = await packContext({ large: noise(50_000) }, { compression: "none" });
    await server.put("changed.tar", content);
    await using relay = await startHttpRelay(server.host, ({ headers }) => {
      if (headers.range === undefined) return undefined;
      const changed = content.slice();
      changed[3000] = (changed[3000] ?? 0) ^ 1;
      return {
        answer: (response) => {
          const range = `bytes 0-${content.length - 1}/${content.length}`;
          response.writeHead(206, { "content-range": range }).end(changed);
        },
      };
    });
    const error = await failure(fetchFrom(relay.host, "changed.tar"));
    assert.equal(error.kind, "integrity");
    assert.match(error.message, /its md5 digest is [0-9a-f]{32}, that of Cloud Storage is [0-9a-f]{32}/);
  });

  await t.step("--context-checksum is checked, and refused for a folder", async () => {
    const fetch = (key: string, of: Uint8Array) =>
      fetchContext(
        (parts) => createGcsSource({ kind: "gcs", bucket: "contexts", key }, { ...parts, checksum: digestOf(of) }),
        { env: { STORAGE_EMULATOR_HOST: server.host } },
      );
    assert.ok("Dockerfile" in (await fetch("context.tar.gz", archive)).files);
    const wrong = await failure(fetch("context.tar.gz", packed));
    assert.equal(wrong.kind, "integrity");
    assert.match(wrong.message, /its sha256 digest is [0-9a-f]{64}, that of --context-checksum is/);
    assert.equal((await failure(fetch("tree", archive))).kind, "usage");
  });

  await t.step("what is not there is named", async () => {
    const object = await failure(fetchFrom(server.host, "nothing"));
    assert.equal(object.kind, "context");
    assert.match(object.message, /there is no such object, and none below "gs:\/\/contexts\/nothing\/"/);
    const bucket = await failure(fetchContext(
      (parts) => createGcsSource({ kind: "gcs", bucket: "nowhere", key: "x" }, parts),
      { env: { STORAGE_EMULATOR_HOST: server.host } },
    ));
    assert.equal(bucket.kind, "context");
    assert.match(bucket.message, /there is no such bucket/);
  });
});

Deno.test("Cloud Storage context, a server that cannot be reached is named, and tried again", async () => {
  const server = await startServer(() => {});
  await server[Symbol.asyncDispose]();
  const error = await failure(fetchFrom(server.host, "context.tar.gz"));
  assert.equal(error.kind, "registry");
  assert.match(error.message, /"127\.0\.0\.1:\d+" refuses the connection \(tried 5 times\)/);
});

Deno.test("Cloud Storage folder, refuses names that lead elsewhere", async () => {
  for (const name of ["f/../../escaped", "f//etc/passwd", "g/x", "f/a\0"]) {
    const listing = { items: [{ name, size: "1", generation: "1" }] };
    await using server = await startServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(listing));
    });
    const error = await failure(fetchFrom(server.host, "f/"));
    assert.equal(error.kind, "context");
    assert.match(error.message, /^Cannot use the object "gs:\/\/contexts\//);
  }
});
