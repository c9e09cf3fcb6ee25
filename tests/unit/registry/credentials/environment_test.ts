import assert from "node:assert/strict";
import { environmentCredentials } from "../../../../lib/registry/credentials/environment.ts";

const SIGNAL = new AbortController().signal;

const CASES: readonly (readonly [registry: string, variables: Record<string, string>, user: string | undefined])[] = [
  ["reg.example.com", { KANIKO_REG_EXAMPLE_COM_USER: "u", KANIKO_REG_EXAMPLE_COM_PASSWORD: "p" }, "u"],
  ["my-reg.example.com", { KANIKO_MY_REG_EXAMPLE_COM_USER: "u", KANIKO_MY_REG_EXAMPLE_COM_PASSWORD: "p" }, "u"],
  ["reg.example.com:5000", { KANIKO_REG_EXAMPLE_COM_USER: "u", KANIKO_REG_EXAMPLE_COM_PASSWORD: "p" }, "u"],
  ["reg.example.com", { KANIKO_EXAMPLE_COM_USER: "u", KANIKO_EXAMPLE_COM_PASSWORD: "p" }, "u"],
  ["reg.example.com", { KANIKO_COM_USER: "u", KANIKO_COM_PASSWORD: "p" }, "u"],
  ["reg.example.com", {
    KANIKO_COM_USER: "far",
    KANIKO_COM_PASSWORD: "p",
    KANIKO_EXAMPLE_COM_USER: "near",
    KANIKO_EXAMPLE_COM_PASSWORD: "p",
  }, "near"],
  ["reg.example.com", { KANIKO_REG_EXAMPLE_COM_USER: "u" }, undefined],
  ["reg.example.com", { KANIKO_REG_EXAMPLE_COM_USER: "u", KANIKO_REG_EXAMPLE_COM_PASSWORD: "" }, undefined],
  ["reg.example.com", { KANIKO_OTHER_COM_USER: "u", KANIKO_OTHER_COM_PASSWORD: "p" }, undefined],
  ["docker.io", { KANIKO_INDEX_DOCKER_IO_USER: "u", KANIKO_INDEX_DOCKER_IO_PASSWORD: "p" }, "u"],
  ["docker.io", { KANIKO_DOCKER_IO_USER: "u", KANIKO_DOCKER_IO_PASSWORD: "p" }, "u"],
  ["10.0.0.1:5000", { KANIKO_10_0_0_1_USER: "u", KANIKO_10_0_0_1_PASSWORD: "p" }, "u"],
  ["10.0.0.1", { KANIKO_0_0_1_USER: "u", KANIKO_0_0_1_PASSWORD: "p" }, undefined],
  ["[fd00::1]:5000", { KANIKO_FD00__1_USER: "u", KANIKO_FD00__1_PASSWORD: "p" }, "u"],
  ["localhost:5000", { KANIKO_LOCALHOST_USER: "u", KANIKO_LOCALHOST_PASSWORD: "p" }, "u"],
];

for (const [registry, variables, user] of CASES) {
  Deno.test(`environmentCredentials() finds ${user ?? "nothing"} for ${registry} in ${Object.keys(variables)}`, async () => {
    const found = await environmentCredentials((name) => variables[name]).find({ registry, repository: "a" }, SIGNAL);
    const expected = user === undefined ? undefined : { kind: "basic", username: user, password: "p" };
    assert.deepEqual(found?.credential, expected);
  });
}

Deno.test("environmentCredentials() names the variables, not what is in them", async () => {
  const variables: Record<string, string> = { KANIKO_EXAMPLE_COM_USER: "u", KANIKO_EXAMPLE_COM_PASSWORD: "hunter2" };
  const source = environmentCredentials((name) => variables[name]);
  const found = await source.find({ registry: "reg.example.com", repository: "a" }, SIGNAL);
  assert.equal(found?.origin, "KANIKO_EXAMPLE_COM_USER and KANIKO_EXAMPLE_COM_PASSWORD");
});
