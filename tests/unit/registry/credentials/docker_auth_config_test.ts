import assert from "node:assert/strict";
import { KilnError } from "../../../../lib/errors.ts";
import { dockerAuthConfig } from "../../../../lib/registry/credentials/docker_auth_config.ts";
import type { FoundCredential } from "../../../../lib/registry/credentials/credential.ts";

function find(
  text: string | undefined,
  registry: string,
  repository = "org/app",
): Promise<FoundCredential | undefined> {
  const source = dockerAuthConfig((name) => name === "DOCKER_AUTH_CONFIG" ? text : undefined);
  return source.find({ registry, repository }, new AbortController().signal);
}

function auths(entries: Record<string, string>): string {
  const pairs = Object.entries(entries).map(([key, pair]) => [key, { auth: btoa(pair) }]);
  return JSON.stringify({ auths: Object.fromEntries(pairs) });
}

Deno.test("dockerAuthConfig() finds nothing in an empty variable or none", async () => {
  for (const text of [undefined, "", "  ", "{}", '{"auths":null}', auths({ "other.example": "a:b" })]) {
    assert.equal(await find(text, "reg.example"), undefined);
  }
});

Deno.test("dockerAuthConfig() takes the longest path that fits", async () => {
  const text = auths({ "reg.example": "host:x", "reg.example/org": "org:x", "reg.example/org/other": "other:x" });
  assert.deepEqual(await find(text, "reg.example"), {
    credential: { kind: "basic", username: "org", password: "x" },
    origin: "DOCKER_AUTH_CONFIG",
  });
});

Deno.test("dockerAuthConfig() knows Docker Hub by its old key", async () => {
  const found = await find(auths({ "https://index.docker.io/v1/": "hub:x" }), "docker.io", "library/debian");
  assert.equal(found?.credential.kind === "basic" && found.credential.username, "hub");
});

const MALFORMED: readonly (readonly [string, string])[] = [
  ['{"auths":{"reg.example":{"auth":"hunter2', "Cannot read DOCKER_AUTH_CONFIG: it is not valid JSON"],
  ["[]", "Cannot read DOCKER_AUTH_CONFIG: it is not a JSON object"],
  ['{"auths":[]}', 'Cannot read "auths" of DOCKER_AUTH_CONFIG: it is not a JSON object'],
  ['{"credsStore":"x"}', 'Cannot read DOCKER_AUTH_CONFIG: it may hold only "auths", and has "credsStore"'],
  [
    '{"auths":{"reg.example":"hunter2"}}',
    'Cannot read the entry "reg.example" of DOCKER_AUTH_CONFIG: it is not a JSON object',
  ],
  [
    '{"auths":{"reg.example":{"auth":7}}}',
    'Cannot read the entry "reg.example" of DOCKER_AUTH_CONFIG: "auth" is not a string',
  ],
];

for (const [text, message] of MALFORMED) {
  Deno.test(`dockerAuthConfig() refuses ${text.replace("hunter2", "...")}`, async () => {
    await assert.rejects(find(text, "reg.example"), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "usage");
      assert.equal(error.message, message);
      assert.ok(!Deno.inspect(error).includes("hunter2"));
      return true;
    });
  });
}
