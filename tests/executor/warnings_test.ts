/**
 * What a build warns of, and builds all the same.
 *
 * @module
 */
import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";

async function warningsOf(dockerfile: string, ...args: readonly string[]): Promise<readonly string[]> {
  await prepared({ tools: [], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({ Dockerfile: dockerfile.replaceAll("{BASE}", registry.base("busybox")) });
  const { code, stderr } = await site.run(["--no-push", "--insecure-pull", ...args]);
  assert.equal(code, 0, stderr);
  return stderr.split("\n").flatMap((line) => /^WARN\[\d+\] (.*)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replaceAll(registry.host, "HOST"));
}

Deno.test("base image of another platform [3.1/6], is used with a warning", async () => {
  assert.deepEqual(await warningsOf("FROM --platform=linux/arm64 {BASE} AS arm64\nENV A=b\n"), [
    "InvalidBaseImagePlatform: Base image HOST/base/busybox:latest was pulled with platform " +
    '"linux/amd64", expected "linux/arm64" for current build (line 1)',
  ]);
});

Deno.test("checks of all kinds, are told once each and do not fail a build", async () => {
  const dockerfile = "FROM {BASE} as A\nENV a $b\nWORKDIR $b/w\nARG token\nEXPOSE 1:2/TCP\nCMD x\nCMD y\n";
  const told = await warningsOf(dockerfile);
  assert.deepEqual(told.map((line) => line.replace(/:.* (\(line \d+\))$/, " $1")), [
    "StageNameCasing (line 1)",
    "FromAsCasing (line 1)",
    "UndefinedVar (line 2)",
    "LegacyKeyValueFormat (line 2)",
    "UndefinedVar (line 3)",
    "SecretsUsedInArgOrEnv (line 4)",
    "ExposeProtoCasing (line 5)",
    "ExposeInvalidFormat (line 5)",
    "JSONArgsRecommended (line 6)",
    "MultipleInstructionsDisallowed (line 6)",
    "JSONArgsRecommended (line 7)",
  ]);
});

Deno.test("check of the ignore file, is told by a build", async () => {
  await using site = await startSite({
    Dockerfile: "FROM scratch\nCOPY a* /\nCOPY Dockerfile /\n",
    ".dockerignore": "a*\n",
  });
  const { code, stderr } = await site.run(["--no-push"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /WARN\S+ CopyIgnoredFile: Attempting to Copy file "a\*" that is excluded.* \(line 2\)/);
});

Deno.test("S74 frontend of a syntax directive [1.3/8], is not fetched; only a foreign one is told of", async () => {
  assert.deepEqual(await warningsOf("# syntax=docker/dockerfile:1.99-labs\nFROM scratch\n"), []);
  assert.deepEqual(await warningsOf("# syntax=evil.invalid/frontend:1\nFROM scratch\n"), [
    'The frontend "evil.invalid/frontend:1" of the syntax directive is not used: Kiln reads the Dockerfile itself',
  ]);
  const named = "# syntax=evil.invalid/frontend:1\nFROM scratch\n";
  for (const builtIn of ["dockerfile.v0", "docker.io/docker/dockerfile-upstream:master"]) {
    assert.deepEqual(await warningsOf(named, `--build-arg=BUILDKIT_SYNTAX=${builtIn}`), []);
  }
  assert.deepEqual(await warningsOf(named, "--build-arg=BUILDKIT_SYNTAX=evil.invalid/other:2 word"), [
    'The frontend "evil.invalid/other:2" of BUILDKIT_SYNTAX is not used: Kiln reads the Dockerfile itself',
  ]);
});
