/**
 * Contexts in Azure Blob Storage: azurite, with a relay between for what goes wrong.
 *
 * @module
 */
import { BlobSASPermissions, generateBlobSASQueryParameters, StorageSharedKeyCredential } from "@azure/storage-blob";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { createAzureSource } from "../../lib/contexts/azure.ts";
import { type AzureCredentials, azureCredentials } from "../../lib/contexts/azure_credentials.ts";
import type { AzureLocation } from "../../lib/contexts/context_location.ts";
import { KilnError } from "../../lib/errors.ts";
import { RING_PART_BYTES as PART } from "../../lib/contexts/object_destination.ts";
import { ACCOUNT, startAzurite } from "../support/azurite.ts";
import { noise, packContext } from "../support/context_archive.ts";
import { fetchContext, type Fetched, type FetchOptions } from "../support/fetch_context.ts";
import { startHttpRelay } from "../support/http_relay.ts";

const LOCATION: AzureLocation = {
  kind: "azure",
  account: ACCOUNT.name,
  endpoint: `https://${ACCOUNT.name}.blob.core.windows.net`,
  container: "contexts",
  path: "context.tar.gz",
  query: "",
};

async function failure(promise: Promise<unknown>): Promise<KilnError> {
  const error = await promise.then(() => undefined, (error) => error);
  assert.ok(error instanceof KilnError, `not a KilnError: ${error?.stack ?? "it was fetched"}`);
  return error;
}

Deno.test("Azure context", async (t) => {
  await using server = await startAzurite();
  const files = { "Dockerfile": "FROM scratch\n", "src/": "", "src/a": "1" };
  await server.put("context.tar.gz", await packContext({ "Dockerfile": "FROM scratch\n", "src/a": "1" }));
  const large = noise(2 * PART + 777);
  const packed = await packContext({ large }, { compression: "none" });
  await server.put("large.tar", packed);
  const digest = createHash("sha256").update(large).digest("hex");
  const checkLarge = (directory: string): void => {
    assert.equal(createHash("sha256").update(Deno.readFileSync(join(directory, "large"))).digest("hex"), digest);
  };
  const key = { AZURE_STORAGE_SERVICE_ENDPOINT: server.endpoint, AZURE_STORAGE_ACCESS_KEY: ACCOUNT.key };
  const fetchFrom = (
    path: string,
    options: FetchOptions = {},
    location: Partial<AzureLocation> = {},
  ): Promise<Fetched> =>
    fetchContext((parts) => createAzureSource({ ...LOCATION, path, ...location }, parts), { env: key, ...options });
  const relayed = (host: string): FetchOptions => ({
    env: { ...key, AZURE_STORAGE_SERVICE_ENDPOINT: `http://${host}/${ACCOUNT.name}` },
  });
  const signature = (permissions: string): string =>
    generateBlobSASQueryParameters({
      containerName: server.container,
      permissions: BlobSASPermissions.parse(permissions),
      expiresOn: new Date(Date.now() + 3_600_000),
    }, new StorageSharedKeyCredential(ACCOUNT.name, ACCOUNT.key)).toString();

  await t.step("an archive is fetched with the account's key", async () => {
    const fetched = await fetchFrom("context.tar.gz");
    assert.deepEqual(fetched.files, files);
    assert.deepEqual(fetched.revealed, [ACCOUNT.key]);
  });

  await t.step("... with a connection string, which has the endpoint", async () => {
    const AZURE_STORAGE_CONNECTION_STRING =
      `DefaultEndpointsProtocol=http;AccountName=${ACCOUNT.name};AccountKey=${ACCOUNT.key};BlobEndpoint=${server.endpoint};`;
    const fetched = await fetchFrom("context.tar.gz", { env: { AZURE_STORAGE_CONNECTION_STRING } });
    assert.deepEqual(fetched.files, files);
  });

  await t.step("... with a shared access signature in the URL or the environment, which is never shown", async () => {
    const env = { AZURE_STORAGE_SERVICE_ENDPOINT: server.endpoint };
    const query = `?${signature("r")}`;
    const sig = new URLSearchParams(query).get("sig") ?? "";
    const inUrl = await fetchFrom("context.tar.gz", { env }, { query });
    assert.deepEqual(inUrl.files, files);
    assert.ok(inUrl.revealed.includes(sig));
    assert.ok(!inUrl.messages.join().includes("sig="));
    const inEnvironment = await fetchFrom("context.tar.gz", { env: { ...env, AZURE_STORAGE_SAS_TOKEN: query } });
    assert.deepEqual(inEnvironment.files, files);
    const error = await failure(fetchFrom("context.tar.gz", { env }, { query: query.replace("sp=r", "sp=rw") }));
    assert.equal(error.kind, "denied");
    assert.doesNotMatch(`${error.message} ${error.hint}`, /sig=/);
    assert.match(error.hint ?? "", /check the signature in the URL/);
  });

  await t.step("... without anything from a public container, and not from a private one", async () => {
    const env = { AZURE_STORAGE_SERVICE_ENDPOINT: server.endpoint };
    const error = await failure(fetchFrom("context.tar.gz", { env }));
    assert.equal(error.kind, "denied");
    assert.match(error.hint ?? "", /AZURE_STORAGE_ACCESS_KEY/);
    const open = server.service.getContainerClient("open");
    await open.create({ access: "blob" });
    await open.getBlockBlobClient("context.tar.gz").uploadData(await packContext({ a: "open" }));
    assert.deepEqual((await fetchFrom("context.tar.gz", { env }, { container: "open" })).files, { a: "open" });
  });

  await t.step("a folder is fetched, with markers for directories as directories", async () => {
    await server.put("tree/a b+%2F?#ä", "1");
    await server.put("tree/marked", "", { hdi_isfolder: "true" });
    await server.put("tree/marked/x", "2");
    await server.put("tree/empty", "");
    const expected = { "a b+%2F?#ä": "1", "empty": "", "marked/": "", "marked/x": "2" };
    assert.deepEqual((await fetchFrom("tree/")).files, expected);
    assert.deepEqual((await fetchFrom("tree")).files, expected);
    assert.deepEqual((await fetchFrom("tree/marked")).files, { x: "2" });
  });

  await t.step("a large archive comes in parts, and one that breaks is taken up where it broke", async () => {
    const cut = new Set<string>();
    await using relay = await startHttpRelay(server.host, ({ headers }) => {
      const range = String(headers["x-ms-range"] ?? "");
      if (!range.startsWith(`bytes=${PART}-`) || cut.has(range)) return undefined;
      cut.add(range);
      return { cutAfter: 500_000 };
    });
    const { messages } = await fetchFrom("large.tar", { ...relayed(relay.host), look: checkLarge });
    assert.match(messages.join("\n"), /the connection to .* broke/);
    const ranges = relay.seen.flatMap(({ headers }) => headers["x-ms-range"] ?? []);
    assert.equal(ranges.length, 5, ranges.join());
  });

  await t.step("a blob that is replaced during the download is noticed", async () => {
    await server.put("replaced.tar", packed);
    await using relay = await startHttpRelay(server.host, async ({ headers }) => {
      const range = String(headers["x-ms-range"] ?? "");
      if (range.startsWith(`bytes=${PART}-`)) await server.put("replaced.tar", noise(packed.length, 3));
      return undefined;
    });
    const error = await failure(fetchFrom("replaced.tar", relayed(relay.host)));
    assert.equal(error.kind, "integrity");
    assert.match(error.message, /it was replaced or removed while it was downloaded/);
  });

  await t.step("what is not there is named", async () => {
    const blob = await failure(fetchFrom("nothing"));
    assert.equal(blob.kind, "context");
    assert.match(blob.message, /there is no such object, and none below/);
    const container = await failure(fetchFrom("x", {}, { container: "nowhere" }));
    assert.equal(container.kind, "context");
    assert.match(container.message, /there is no such container/);
  });

  await t.step("a wrong key is a denial that does not show it", async () => {
    const env = { ...key, AZURE_STORAGE_ACCESS_KEY: btoa("not-the-key") };
    const error = await failure(fetchFrom("context.tar.gz", { env }));
    assert.equal(error.kind, "denied");
    assert.match(error.hint ?? "", /AZURE_STORAGE_ACCESS_KEY/);
    assert.ok(!`${error.message}${error.hint}`.includes(btoa("not-the-key")));
  });
});

/** What the environment makes of a URL. */
function credentialsOf(env: Readonly<Record<string, string>>, location: Partial<AzureLocation> = {}): AzureCredentials {
  return azureCredentials(
    { ...LOCATION, account: "acct", endpoint: "https://acct.blob.core.windows.net", ...location },
    (name) => env[name],
  );
}

Deno.test("Azure credentials, are those of the first source there is", () => {
  const all = {
    AZURE_STORAGE_CONNECTION_STRING: "AccountName=acct;AccountKey=Y29ubmVjdGlvbg==",
    AZURE_STORAGE_ACCESS_KEY: "YWNjZXNz",
    AZURE_STORAGE_KEY: "a2V5",
    AZURE_STORAGE_SAS_TOKEN: "?sv=1&sig=abc",
    AZURE_FEDERATED_TOKEN_FILE: "/token",
  };
  const sources: (string | undefined)[] = [credentialsOf(all, { query: "?sig=x" }).source];
  for (let left = Object.entries(all); left.length >= 0; left = left.slice(1)) {
    sources.push(credentialsOf(Object.fromEntries(left)).source);
    if (left.length === 0) break;
  }
  assert.deepEqual(sources, [
    "the signature in the URL",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "the identity of AZURE_FEDERATED_TOKEN_FILE",
    undefined,
  ]);
});

Deno.test("Azure credentials, each cloud has its own authority, and others have none", () => {
  const authority = (suffix: string) => credentialsOf({}, { endpoint: `https://acct.blob.${suffix}` }).authority?.host;
  assert.equal(authority("core.windows.net"), "https://login.microsoftonline.com");
  assert.equal(authority("core.chinacloudapi.cn"), "https://login.chinacloudapi.cn");
  assert.equal(authority("core.usgovcloudapi.net"), "https://login.microsoftonline.us");
  assert.equal(authority("local.azurestack.external"), undefined);
});

/** S56: a name like Azure's must not be given a token. Guard: `trusted` in azure_credentials.ts. */
Deno.test("Azure credentials, tokens are not sent to hosts that only look like Azure's", () => {
  const env = { AZURE_FEDERATED_TOKEN_FILE: "/token" };
  for (
    const endpoint of ["https://acct.blob.core.windows.net.attacker.example", "https://acct.blob.attacker.example"]
  ) {
    assert.throws(
      () => credentialsOf(env, { endpoint }),
      /Cannot send a token to .*: it is not an https:\/\/ URL of Azure/,
    );
    assert.equal(credentialsOf({}, { endpoint }).trusted, false);
  }
});

Deno.test("Azure credentials, a connection string of another account is refused, and not shown", () => {
  const wrong = { AZURE_STORAGE_CONNECTION_STRING: "AccountName=other;AccountKey=c2VjcmV0" };
  assert.throws(() => credentialsOf(wrong), (error) => {
    assert.ok(error instanceof KilnError);
    assert.equal(error.kind, "usage");
    assert.match(error.message, /it is for the account "other", the context is in "acct"/);
    return !error.message.includes("c2VjcmV0");
  });
  assert.throws(() => credentialsOf({ AZURE_STORAGE_ACCESS_KEY: "not base64!" }), /it is not in base64/);
});
