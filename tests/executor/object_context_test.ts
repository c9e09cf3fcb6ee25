/**
 * A build whose context is in an object store, from the outside.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { noise, packContext } from "../support/context_archive.ts";
import { flatten } from "../support/environment/flatten.ts";
import { startSite } from "../support/executor_site.ts";
import { startServer } from "../support/registry_server.ts";
import { startS3Server } from "../support/s3_server.ts";

Deno.test("build from S3, an archive and a folder give the same files, and nothing of them is left", async () => {
  await using server = await startS3Server("versitygw");
  const files = { "Dockerfile": "FROM scratch\nCOPY . /app/\n", "src/main.c": "int main;", "data": noise(100_000) };
  await server.put("app.tar.gz", await packContext(files));
  for (const [name, content] of Object.entries(files)) await server.put(`app/${name}`, content);
  for (const key of ["app.tar.gz", "app/"]) {
    await using site = await startSite();
    const layout = join(site.path, "layout");
    const args = [`--context=s3://${server.bucket}/${key}`, "--no-push", `--oci-layout-path=${layout}`];
    const { code, stderr } = await site.run(args, { env: server.env });
    assert.equal(code, 0, stderr);
    const { files: listed } = await flatten(layout);
    const found = [...listed.keys()].map((path) => path.replace(/^\//, "")).filter((path) => path.startsWith("app"));
    assert.deepEqual(found.toSorted(), ["app", "app/Dockerfile", "app/data", "app/src", "app/src/main.c"]);
    await site.assertNothingLeft();
  }
});

Deno.test("build from S3, wrong keys end it with 77 and are not shown", async () => {
  await using server = await startS3Server("versitygw");
  await server.put("app.tar.gz", await packContext({ a: "1" }));
  await using site = await startSite();
  const { code, stdout, stderr } = await site.run(
    [`--context=s3://${server.bucket}/app.tar.gz`, "--no-push", "--verbosity=trace"],
    { env: { ...server.env, AWS_SECRET_ACCESS_KEY: "a-wrong-secret-key" } },
  );
  assert.equal(code, 77, stderr);
  assert.match(stderr, /Cannot fetch "s3:\/\/contexts\/app\.tar\.gz": .*SignatureDoesNotMatch/);
  assert.doesNotMatch(stdout + stderr, /a-wrong-secret-key/);
  await site.assertNothingLeft();
});

Deno.test("build from Cloud Storage, what the SDK has to say is in the log, in its form", async () => {
  // A machine that answers in the place of the metadata server, as proxies do, makes the SDK warn.
  await using server = await startServer((_request, response) => void response.writeHead(403).end());
  await using site = await startSite();
  const env = {
    GCE_METADATA_HOST: server.host,
    CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `http://${server.host}/storage/v1/`,
  };
  const args = ["--context=gs://contexts/app.tar.gz", "--no-push", "--log-format=json", "--verbosity=debug"];
  const { code, stderr } = await site.run(args, { env });
  assert.equal(code, 77, stderr);
  const messages = stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.ok(messages.some(({ level, msg }) => level === "debug" && msg.startsWith("MetadataLookupWarning: ")), stderr);
  await site.assertNothingLeft();
});
