import assert from "node:assert/strict";
import { KilnError } from "../../../../lib/errors.ts";
import { credentialOf, keysFor, normalizeKey, valueFor } from "../../../../lib/registry/credentials/auths.ts";

Deno.test("keysFor() names the repository, the paths above it, then the host", () => {
  assert.deepEqual(keysFor({ registry: "reg.example:5000", repository: "org/team/app" }), [
    "reg.example:5000/org/team/app",
    "reg.example:5000/org/team",
    "reg.example:5000/org",
    "reg.example:5000",
  ]);
});

const KEYS: readonly (readonly [string, string | undefined])[] = [
  ["reg.example", "reg.example"],
  ["REG.example:5000", "reg.example:5000"],
  ["reg.example/org", "reg.example/org"],
  ["reg.example/org/", "reg.example/org"],
  ["https://reg.example", "reg.example"],
  ["http://reg.example/", "reg.example"],
  ["https://reg.example/v2/", "reg.example"],
  ["https://index.docker.io/v1/", "docker.io"],
  ["index.docker.io", "docker.io"],
  ["docker.io", "docker.io"],
  ["docker.io/org", "docker.io/org"],
  ["registry-1.docker.io", "docker.io"],
  ["https://index.docker.io@evil.example/", undefined],
  ["https://user@reg.example/", undefined],
  ["docker.io.evil.example", "docker.io.evil.example"],
  ["", undefined],
  ["https://", undefined],
];

// S56. With keys that have a user part let through the cases with "@" fail.
for (const [key, normal] of KEYS) {
  Deno.test(`normalizeKey() makes ${normal ?? "nothing"} of "${key}"`, () => {
    assert.equal(normalizeKey(key), normal);
  });
}

// S56. With keys compared by prefix this fails, as do two tests of `docker_config_test.ts`.
Deno.test("valueFor() never takes a sibling, a longer name or a prefix inside a component", () => {
  const fields = { "reg.example/org": 1, "reg.example.evil": 2, "evil-reg.example": 3 };
  for (const key of ["reg.example", "reg.example/org2", "reg.example/or", "example"]) {
    assert.equal(valueFor(fields, key), undefined, key);
  }
  assert.equal(valueFor(fields, "reg.example/org"), 1);
});

Deno.test("valueFor() is not fooled by names every object has", () => {
  assert.equal(valueFor({}, "constructor"), undefined);
});

const ENTRIES: readonly (readonly [name: string, entry: Record<string, unknown>, credential: unknown])[] = [
  ["auth", { auth: btoa("me:se:cret") }, { kind: "basic", username: "me", password: "se:cret" }],
  ["auth with an empty password", { auth: btoa("me:") }, { kind: "basic", username: "me", password: "" }],
  ["auth padded with NULs", { auth: btoa("me:secret\0\0") }, { kind: "basic", username: "me", password: "secret" }],
  ["auth in UTF-8", { auth: "bWU6w6k=" }, { kind: "basic", username: "me", password: "é" }],
  ["username and password", { username: "me", password: "s" }, { kind: "basic", username: "me", password: "s" }],
  ["identitytoken before auth", { auth: btoa("me:x"), identitytoken: "t" }, { kind: "identity token", token: "t" }],
  ["registrytoken before all", { identitytoken: "t", registrytoken: "r" }, { kind: "registry token", token: "r" }],
  ["the user <token>", { auth: btoa("<token>:t") }, { kind: "identity token", token: "t" }],
  ["an empty entry", {}, undefined],
  ["empty fields", { auth: "", username: "me" }, undefined],
  ["fields that mean nothing here", { email: "me@example.com" }, undefined],
];

for (const [name, entry, credential] of ENTRIES) {
  Deno.test(`credentialOf() reads ${name}`, () => {
    assert.deepEqual(credentialOf(entry, "the entry"), credential);
  });
}

for (const auth of ["not base64!", btoa("nocolon"), btoa(":nouser"), "=", "hunter2:hunter2"]) {
  Deno.test(`credentialOf() refuses auth ${JSON.stringify(auth)} without showing it`, () => {
    assert.throws(() => credentialOf({ auth }, 'the entry "x" of "/c"'), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "usage");
      assert.equal(error.message, 'Cannot read the entry "x" of "/c": its "auth" is not base64 of "user:password"');
      return true;
    });
  });
}
