/**
 * @module
 */
import assert from "node:assert/strict";
import { checkVersions } from "../../../scripts/check_versions.ts";

Deno.test("checkVersions() names the line of another version", () => {
  const text = "ok: npx -y deno@2.9.6 task test\nbad: npx -y deno@2.9.5 task demo.\n";
  assert.deepEqual(checkVersions(text, "2.9.6", "README.md"), [
    "README.md:2: names deno@2.9.5, but .dvmrc pins 2.9.6",
  ]);
});

Deno.test("checkVersions() lets a placeholder pass", () => {
  assert.deepEqual(checkVersions("npx -y deno@VERSION task test", "2.9.6", "README.md"), []);
});

Deno.test("checkVersions() names another version of Deno's image", () => {
  const text = "ARG RUNTIME=docker.io/denoland/deno:bin-2.9.5\n";
  assert.deepEqual(checkVersions(text, "2.9.6", "Dockerfile"), [
    "Dockerfile:1: names deno:bin-2.9.5, but .dvmrc pins 2.9.6",
  ]);
});
