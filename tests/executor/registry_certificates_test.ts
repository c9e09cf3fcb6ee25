/**
 * Registries whose certificate only the user knows.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { errorIn } from "../support/failing_build.ts";
import { startSite } from "../support/executor_site.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { createIdentity } from "../support/registry_server.ts";

Deno.test("push to a registry, is trusted by the certificates that SSL_CERT_FILE and SSL_CERT_DIR name", async () => {
  const identity = await createIdentity();
  await using registry = await startFaultRegistry(identity);
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY a /\n", a: "a" });
  const folder = join(site.path, "certificates");
  await Deno.mkdir(folder);
  await Deno.writeTextFile(join(folder, "ca.crt"), identity.cert);
  // Left by packages that were removed.
  await Deno.symlink("nothing", join(folder, "0.pem"));
  const push = (name: string, env: Record<string, string>) =>
    site.run([`--destination=${registry.host}/app:${name}`], { env });
  const refused = await push("refused", {});
  assert.equal(refused.code, 69);
  assert.match(errorIn(refused.stderr), /is not accepted: [^]*hint: .*SSL_CERT_FILE/);
  for (
    const [name, env] of Object.entries({
      file: { SSL_CERT_FILE: join(folder, "ca.crt") },
      directory: { SSL_CERT_DIR: `/nowhere:${folder}` },
    })
  ) {
    const { code, stderr } = await push(name, env);
    assert.equal(code, 0, stderr);
    assert.ok(registry.manifests.has(`app:${name}`), [...registry.manifests.keys()].join());
  }
  const missing = await push("missing", { SSL_CERT_FILE: join(folder, "none") });
  assert.equal(missing.code, 64, missing.stderr);
  assert.match(errorIn(missing.stderr), /^error: Cannot use SSL_CERT_FILE ".*none": it does not exist$/m);
});

Deno.test("push to a plain http registry, needs no file of SSL_CERT_FILE", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY a /\n", a: "a" });
  const env = { SSL_CERT_FILE: join(site.path, "none") };
  const { code, stderr } = await site.run([`--destination=${registry.host}/app:1`], { env });
  assert.equal(code, 0, stderr);
});
