/**
 * Large contexts in object stores: how much memory they take, and how long, beside what rclone (which checks digests, as
 * we do) and tar take for the same bytes from the same server in the same run.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { ContextSource, SourceParts } from "../../lib/contexts/context_source.ts";
import { createAzureSource } from "../../lib/contexts/azure.ts";
import { createGcsSource } from "../../lib/contexts/gcs.ts";
import { createS3Source } from "../../lib/contexts/s3.ts";
import { ACCOUNT, startAzurite } from "../support/azurite.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { startSite } from "../support/executor_site.ts";
import { startGcsServer } from "../support/gcs_server.ts";
import {
  type Compared,
  compareFetching,
  measureBuild,
  MIB,
  packLargeContext,
  shownMemory,
} from "../support/measured_build.ts";
import { type S3ServerName, startS3Server } from "../support/s3_server.ts";

/** A running store with an empty bucket. */
interface Store extends AsyncDisposable {
  put(name: string, content: Uint8Array): Promise<void>;
  /** What a user would set. */
  readonly env: Readonly<Record<string, string>>;
  /** What a user would write. */
  url(name: string): string;
  source(name: string, parts: SourceParts): ContextSource;
  /** The same for rclone. */
  rclone(name: string): string;
}

async function s3(name: S3ServerName): Promise<Store> {
  const server = await startS3Server(name);
  const { bucket, host, env } = server;
  return {
    put: (key, content) => server.put(key, content),
    env,
    url: (key) => `s3://${bucket}/${key}`,
    source: (key, parts) => createS3Source({ kind: "s3", bucket, key }, parts),
    rclone: (key) => `:s3,provider=Minio,env_auth=true,endpoint='http://${host}':${bucket}/${key}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function gcs(): Promise<Store> {
  const server = await startGcsServer();
  const { bucket, host } = server;
  return {
    put: (key, content) => server.put(key, content),
    env: { STORAGE_EMULATOR_HOST: host },
    url: (key) => `gs://${bucket}/${key}`,
    source: (key, parts) => createGcsSource({ kind: "gcs", bucket, key }, parts),
    rclone: (key) => `:gcs,anonymous=true,endpoint='http://${host}/storage/v1/':${bucket}/${key}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function azure(): Promise<Store> {
  const server = await startAzurite();
  const { container, endpoint } = server;
  const account = `https://${ACCOUNT.name}.blob.core.windows.net`;
  return {
    put: (path, content) => server.put(path, content),
    env: { AZURE_STORAGE_SERVICE_ENDPOINT: endpoint, AZURE_STORAGE_ACCESS_KEY: ACCOUNT.key },
    url: (path) => `${account}/${container}/${path}`,
    source: (path, parts) =>
      createAzureSource({
        kind: "azure",
        account: ACCOUNT.name,
        endpoint: account,
        container,
        path,
        query: "",
      }, parts),
    rclone: (path) => `:azureblob,use_emulator=true,endpoint='${endpoint}':${container}/${path}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const STORES: readonly (readonly [name: string, start: () => Promise<Store>])[] = [
  ["S3 (MinIO)", () => s3("minio")],
  ["S3 (versitygw)", () => s3("versitygw")],
  ["Cloud Storage (fake-gcs-server)", gcs],
  ["Azure (azurite)", azure],
];

function compare(store: Store, name: string, native: string): Promise<Compared> {
  return compareFetching(
    (parts) => store.source(name, parts),
    (folder) => {
      // This version of rclone knows no bundle of certificates.
      const env = { ...store.env, RCLONE_CONFIG: "/notfound", HOME: folder, AWS_CA_BUNDLE: "" };
      return run(["sh", "-ec", native, "sh", store.rclone(name), folder], { env });
    },
    store.env,
  );
}

Deno.test("a context of 1 GiB in an object store", async (t) => {
  await prepared({ tools: ["rclone"] });
  await using large = await packLargeContext();
  for (const [name, start] of STORES) {
    await t.step(`${name}, takes less than 200 MiB, and 1.3 times the time of rclone and tar`, async () => {
      await using store = await start();
      await store.put("context.tar", await Deno.readFile(large.tar));
      await using site = await startSite();
      const measured = await measureBuild(site, [`--context=${store.url("context.tar")}`], { env: store.env });
      const { ours, theirs } = await compare(
        store,
        "context.tar",
        'rclone copyto "$1" "$2/archive" && mkdir "$2/files" && tar -xf "$2/archive" -C "$2/files"',
      );
      console.log(`  ${name}: ${shownMemory(measured)}, ${ours.toFixed(1)} s, rclone and tar ${theirs.toFixed(1)} s`);
      assert.ok(measured.peakBytes < 200 * MIB, `it took ${shownMemory(measured)}`);
      assert.ok(ours <= 1.3 * theirs, `${ours} s, against ${theirs} s`);
    });
  }
});

for (const [name, start] of STORES) {
  Deno.test(`a folder of 3,000 objects in ${name}, takes no more than 1.3 times as long as with rclone`, async () => {
    await prepared({ tools: ["rclone"] });
    await using store = await start();
    const text = new TextEncoder();
    const puts = Array.from({ length: 3_000 }, (_, at) => [`app/${at % 30}/${at}.txt`, `${at}\n`.repeat(100)] as const);
    for (let at = 0; at < puts.length; at += 50) {
      await Promise.all(puts.slice(at, at + 50).map(([key, content]) => store.put(key, text.encode(content))));
    }
    const { ours, theirs } = await compare(store, "app/", 'rclone copy --transfers 12 "$1" "$2"');
    console.log(`  ${name}: ${ours.toFixed(1)} s, rclone ${theirs.toFixed(1)} s`);
    assert.ok(ours <= 1.3 * theirs, `${ours} s, against ${theirs} s`);
  });
}
