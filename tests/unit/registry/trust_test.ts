import assert from "node:assert/strict";
import { type Hop, isRealmOf, judge, type Verdict } from "../../../lib/registry/trust.ts";

function verdict(purpose: Hop["purpose"], registry: string, target: string, more: Partial<Hop> = {}): Verdict {
  return judge({
    purpose,
    registry: new URL(registry),
    registryAddress: undefined,
    target: new URL(target),
    trustedRealms: [],
    ...more,
  });
}

/** What a verdict comes to: "credentials" or "anonymous" with the reach, or the reason of the refusal. */
function short(verdict: Verdict): string {
  if (verdict.kind === "refused") return verdict.why;
  return `${verdict.credentials ? "credentials" : "anonymous"} ${verdict.reach}`;
}

const INSIDE = "it is an address inside a network";
const DOWNGRADE = "it leads from https to http";
const USER = "it has a user or password in it";

// S51: hostile realms. Each refusal fails when its line in `judge` is left out: of a user in the URL, of a step from https
// to http, of addresses nearer than the registry.
const TOKEN: readonly (readonly [registry: string, realm: string, expected: string])[] = [
  ["https://reg.example.com", "https://reg.example.com/token", "credentials any"],
  ["https://reg.example.com", "https://reg.example.com:8443/token", "credentials any"],
  ["https://reg.example.com:5000", "https://reg.example.com/token", "credentials any"],
  ["https://REG.example.com.", "https://reg.example.com/token", "credentials any"],
  ["https://registry-1.docker.io", "https://auth.docker.io/token", "credentials public"],
  ["https://registry.gitlab.com", "https://gitlab.com/jwt/auth", "credentials public"],
  ["https://reg.example.com", "https://attacker.org/token", "anonymous public"],
  ["https://reg.example.com", "http://attacker.org/token", DOWNGRADE],
  ["https://reg.example.com", "http://reg.example.com/token", DOWNGRADE],
  ["https://reg.example.com", "https://169.254.169.254/latest", INSIDE],
  ["https://reg.example.com", "https://127.0.0.1:6379/", INSIDE],
  ["https://reg.example.com", "https://localhost:6379/", INSIDE],
  ["https://reg.example.com", "https://10.1.2.3/", INSIDE],
  ["https://reg.example.com", "https://[::ffff:10.0.0.1]/", INSIDE],
  ["https://reg.example.com", "https://0.0.0.0/", INSIDE],
  ["https://reg.example.com", "https://2130706433/", INSIDE],
  ["https://reg.example.com", "https://reg.example.com@attacker.org/", USER],
  ["https://reg.example.com", "https://user:pass@reg.example.com/", USER],
  ["https://reg.example.com", "ftp://reg.example.com/", "it is neither https nor http"],
  ["https://reg.example.com", "file:///etc/passwd", "it is neither https nor http"],
  ["http://127.0.0.1:5000", "http://127.0.0.1:5001/token", "credentials any"],
  ["http://127.0.0.1:5000", "http://127.0.0.2:5001/token", INSIDE],
  ["http://10.0.0.5:5000", "http://10.0.0.6/token", INSIDE],
  ["http://10.0.0.5:5000", "http://10.0.0.5/token", "credentials any"],
  ["http://reg.corp.example:5000", "http://auth.corp.example/token", "credentials public"],
  ["http://reg.corp.example:5000", "https://attacker.org/", "anonymous public"],
];

for (const [registry, realm, expected] of TOKEN) {
  Deno.test(`judge() says "${expected}" of the realm ${realm} of ${registry}`, () => {
    assert.equal(short(verdict("token", registry, realm)), expected);
  });
}

Deno.test("judge() lets a realm by name be private only for a registry that is", () => {
  const realm = (registryAddress: string) =>
    short(verdict("token", "https://reg.corp.example", "https://auth.corp.example/", { registryAddress }));
  assert.equal(realm("10.0.0.5"), "credentials private");
  assert.equal(realm("93.184.216.34"), "credentials public");
  assert.equal(realm("127.0.0.1"), "credentials loopback");
  assert.equal(realm("169.254.1.1"), "credentials public");
});

Deno.test("judge() gives credentials to a realm the user approved, with its port", () => {
  const realm = (target: string) =>
    short(verdict("token", "https://reg.example.com", target, { trustedRealms: ["sso.other.org:8443"] }));
  assert.equal(realm("https://sso.other.org:8443/token"), "credentials public");
  assert.equal(realm("https://sso.other.org/token"), "anonymous public");
});

// S52 and S53: redirects and upload locations.
const STORAGE: readonly (readonly [registry: string, target: string, expected: string])[] = [
  ["https://reg.example.com", "https://reg.example.com/v2/x", "credentials any"],
  ["https://reg.example.com", "https://reg.example.com:443/v2/x", "credentials any"],
  ["https://reg.example.com", "https://reg.example.com:8443/v2/x", "anonymous public"],
  ["https://reg.example.com", "https://cdn.example.net/x?sig=y", "anonymous public"],
  ["https://reg.example.com", "https://gitlab.com/x", "anonymous public"],
  ["https://registry.gitlab.com", "https://gitlab.com/x", "anonymous public"],
  ["https://reg.example.com", "http://reg.example.com/v2/x", DOWNGRADE],
  ["https://reg.example.com", "http://169.254.169.254/", DOWNGRADE],
  ["https://reg.example.com", "https://169.254.169.254/", INSIDE],
  ["https://reg.example.com", "https://192.168.1.1/", INSIDE],
  ["https://reg.example.com", "https://user@reg.example.com/v2/x", USER],
  ["http://127.0.0.1:5000", "http://127.0.0.1:9000/bucket", "anonymous loopback"],
  ["http://127.0.0.1:5000", "http://169.254.169.254/", INSIDE],
  ["http://localhost:5000", "http://10.0.0.1/", "anonymous loopback"],
  ["http://10.0.0.5:5000", "http://10.0.0.6:9000/bucket", "anonymous private"],
  ["http://10.0.0.5:5000", "http://127.0.0.1:9000/bucket", INSIDE],
  ["http://10.0.0.5:5000", "http://minio:9000/bucket", "anonymous private"],
];

for (const [registry, target, expected] of STORAGE) {
  for (const purpose of ["download", "upload"] as const) {
    Deno.test(`judge() says "${expected}" of the ${purpose} location ${target} of ${registry}`, () => {
      assert.equal(short(verdict(purpose, registry, target)), expected);
    });
  }
}

const REALMS: readonly (readonly [registry: string, realm: string, own: boolean])[] = [
  ["registry.gitlab.com", "gitlab.com", true],
  ["registry.example.co.uk", "auth.example.co.uk", true],
  ["registry-1.docker.io", "auth.docker.io", true],
  ["icr.example", "auth.icr.example", true],
  ["rg.fr-par.scw.cloud", "api.scaleway.com", true],
  ["registry.cn-hangzhou.aliyuncs.com", "dockerauth.cn-hangzhou.aliyuncs.com", true],
  ["x.cn-hangzhou.cr.aliyuncs.com", "dockerauth-ee.cn-hangzhou.aliyuncs.com", true],
  ["registry.cn-hangzhou.aliyuncs.com", "dockerauth.oss.evil.com", false],
  ["docker.io", "docker.io.evil.org", false],
  ["registry.example.com", "example.org", false],
  ["registry.example.com", "evil-example.com", false],
  ["registry.example.com", "com", false],
  ["example.com", "evil.com", false],
  ["example.co.uk", "evil.co.uk", false],
  ["example.com.au", "evil.com.au", false],
  ["mine.azurecr.io", "evil.azurecr.io", false],
  ["mine.azurecr.io", "azurecr.io", false],
  ["mine.jfrog.io", "evil.jfrog.io", false],
  ["a.b.run.app", "evil.b.run.app", false],
  ["registry", "auth", false],
  ["registry.local", "auth.local", false],
  ["10.0.0.1", "11.0.0.1", false],
];

// With `isRealmOf` always true the cases that say false fail, and three of `authenticator_test.ts`.
for (const [registry, realm, own] of REALMS) {
  Deno.test(`isRealmOf() says ${own} of ${realm} for ${registry}`, () => {
    assert.equal(isRealmOf(registry, realm), own);
  });
}
