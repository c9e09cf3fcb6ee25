/**
 * Object stores that send requests elsewhere (S44): nobody else gets a request, let alone a signature or a token.
 *
 * What is leaned on: the transport follows no redirect, and neither SDK is given a client that does.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ContextSource, SourceParts } from "../../lib/contexts/context_source.ts";
import { createAzureSource } from "../../lib/contexts/azure.ts";
import { createGcsSource } from "../../lib/contexts/gcs.ts";
import { createS3Source } from "../../lib/contexts/s3.ts";
import { KilnError } from "../../lib/errors.ts";
import { fetchContext } from "../support/fetch_context.ts";
import { startFakeS3 } from "../support/fake_s3.ts";
import { startServer } from "../support/registry_server.ts";

/** A store, asked for an object or a folder, at a server. */
interface Asked {
  readonly name: string;
  source(key: string, parts: SourceParts): ContextSource;
  env(host: string): Readonly<Record<string, string>>;
}

const STORES: readonly Asked[] = [
  {
    name: "S3",
    source: (key, parts) => createS3Source({ kind: "s3", bucket: "contexts", key }, parts),
    env: (host) => ({
      S3_ENDPOINT: `http://${host}`,
      S3_FORCE_PATH_STYLE: "true",
      AWS_ACCESS_KEY_ID: "AKIA",
      AWS_SECRET_ACCESS_KEY: "the-secret",
    }),
  },
  {
    name: "Cloud Storage",
    source: (key, parts) => createGcsSource({ kind: "gcs", bucket: "contexts", key }, parts),
    env: (host) => ({ STORAGE_EMULATOR_HOST: host }),
  },
  {
    name: "Azure",
    source: (path, parts) =>
      createAzureSource({
        kind: "azure",
        account: "account",
        endpoint: "https://account.blob.core.windows.net",
        container: "contexts",
        path,
        query: "",
      }, parts),
    env: (host) => ({ AZURE_STORAGE_SERVICE_ENDPOINT: `http://${host}`, AZURE_STORAGE_ACCESS_KEY: btoa("a key") }),
  },
];

for (const { name, source, env } of STORES) {
  for (const status of [301, 302, 307, 308]) {
    Deno.test(`S44 ${name} that answers ${status}, does not send requests to another host`, async () => {
      await using other = await startServer((_request, response) => void response.end("gotcha"));
      await using store = await startServer((_request, response) => {
        response.writeHead(status, { location: `http://localhost:${other.port}/contexts/app/context.tar.gz` }).end();
      });
      for (const key of ["app/context.tar.gz", "app/"]) {
        const fetching = fetchContext((parts) => source(key, parts), { env: env(store.host) });
        const error = await fetching.then(() => undefined, (error) => error);
        assert.ok(error instanceof KilnError, `not a KilnError: ${error?.stack ?? "it was fetched"}`);
        assert.equal(error.kind, "registry", error.message);
      }
      assert.ok(store.seen.length > 0);
      assert.deepEqual(other.seen.map(({ path }) => path), []);
    });
  }
}

Deno.test("S44 S3 that redirects the objects of a folder, does not send requests to another host", async () => {
  await using other = await startServer((_request, response) => void response.end("gotcha"));
  await using store = await startFakeS3({
    objects: { "app/x": "123456" },
    before: ({ path }, response) => {
      if (path.includes("list-type")) return false;
      response.writeHead(307, { location: `http://localhost:${other.port}/x` }).end();
      return true;
    },
  });
  const [s3] = STORES;
  const fetching = fetchContext((parts) => s3?.source("app/", parts) ?? assert.fail(), {
    env: s3?.env(store.host) ?? {},
  });
  await assert.rejects(fetching, { kind: "registry" });
  assert.deepEqual(other.seen.map(({ path }) => path), []);
});
