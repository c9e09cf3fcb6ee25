/**
 * What a build warns of, and builds all the same.
 *
 * @module
 */
import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";

async function warningsOf(dockerfile: string): Promise<readonly string[]> {
  await prepared({ tools: [], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({ Dockerfile: dockerfile.replaceAll("{BASE}", registry.base("busybox")) });
  const { code, stderr } = await site.run(["--no-push", "--insecure-pull"]);
  assert.equal(code, 0, stderr);
  return stderr.split("\n").flatMap((line) => /^WARN\[\d+\] (.*)$/.exec(line)?.[1] ?? [])
    .map((line) => line.replaceAll(registry.host, "HOST"));
}

Deno.test("base image of another platform, is used with a warning", async () => {
  assert.deepEqual(await warningsOf("FROM --platform=linux/arm64 {BASE}\nENV A=b\n"), [
    "InvalidBaseImagePlatform: Base image HOST/base/busybox:latest was pulled with platform " +
    '"linux/amd64", expected "linux/arm64" (line 1)',
  ]);
});

Deno.test("S74 frontend of a syntax directive, is not fetched; only a foreign one is told of", async () => {
  assert.deepEqual(await warningsOf("# syntax=docker/dockerfile:1.99-labs\nFROM scratch\n"), []);
  assert.deepEqual(await warningsOf("# syntax=evil.invalid/frontend:1\nFROM scratch\n"), [
    'The frontend "evil.invalid/frontend:1" of the syntax directive is not used: Kiln reads the Dockerfile itself',
  ]);
});
