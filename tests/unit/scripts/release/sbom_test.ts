/** @module */
import assert from "node:assert/strict";
import { type Contents, cycloneDx, npmPurl } from "../../../../scripts/release/sbom.ts";
import { cycloneDxFaults } from "../../../support/cyclonedx.ts";

const INTEGRITY = `sha512-${"A".repeat(86)}==`;
const CONTENTS: Contents = {
  name: "kiln",
  version: "1.2.3",
  architecture: "amd64",
  sha256: "ab".repeat(32),
  runtime: { version: "2.9.6", purl: "pkg:npm/%40deno/linux-x64-glibc@2.9.6", sha256: "cd".repeat(32) },
  packages: [
    { name: "@scope/one", version: "1.0.0", integrity: INTEGRITY, license: "MIT", dependencies: ["two@2.0.0"] },
    { name: "two", version: "2.0.0", integrity: INTEGRITY, license: "SEE LICENSE IN x", dependencies: [] },
  ],
  epoch: 1_767_225_600,
};

Deno.test("a bill of materials is valid CycloneDX 1.6, for a compiled and for a self-extracting file", async () => {
  const compiled = { ...CONTENTS, runtime: { version: "2.9.6", purl: "pkg:github/denoland/deno@v2.9.6" } };
  for (const contents of [CONTENTS, compiled]) assert.deepEqual(await cycloneDxFaults(cycloneDx(contents)), []);
});

Deno.test("the validator refuses what is no CycloneDX 1.6", async () => {
  const document = JSON.parse(cycloneDx(CONTENTS));
  for (
    const change of [{ serialNumber: "kiln" }, { strange: true }, { components: [{ name: "a" }] }, {
      metadata: { timestamp: "yesterday" },
    }]
  ) {
    assert.notDeepEqual(await cycloneDxFaults(JSON.stringify({ ...document, ...change })), [], JSON.stringify(change));
  }
});

Deno.test("a bill of materials names the file, the runtime, each package and what each needs", () => {
  const document = JSON.parse(cycloneDx(CONTENTS));
  assert.equal(document.metadata.timestamp, "2026-01-01T00:00:00Z");
  assert.deepEqual(document.metadata.component.hashes, [{ alg: "SHA-256", content: "ab".repeat(32) }]);
  const [runtime, one, two] = document.components;
  assert.equal(runtime.purl, "pkg:npm/%40deno/linux-x64-glibc@2.9.6");
  assert.deepEqual([one.group, one.name, one.purl], ["@scope", "one", "pkg:npm/%40scope/one@1.0.0"]);
  assert.deepEqual(one.hashes, [{ alg: "SHA-512", content: "00".repeat(64) }]);
  assert.deepEqual(two.licenses, [{ license: { name: "SEE LICENSE IN x" } }]);
  const needs = Object.fromEntries(document.dependencies.map(({ ref, dependsOn }: never) => [ref, dependsOn]));
  assert.deepEqual(needs["pkg:generic/kiln@1.2.3?arch=amd64"], ["deno@2.9.6", "@scope/one@1.0.0", "two@2.0.0"]);
  assert.deepEqual(needs["@scope/one@1.0.0"], ["two@2.0.0"]);
});

Deno.test("a bill of materials is the same for the same contents, and another for another file", () => {
  assert.equal(cycloneDx(CONTENTS), cycloneDx({ ...CONTENTS }));
  const other = JSON.parse(cycloneDx({ ...CONTENTS, sha256: "ef".repeat(32) }));
  assert.notEqual(other.serialNumber, JSON.parse(cycloneDx(CONTENTS)).serialNumber);
});

Deno.test("npmPurl() escapes the @ of a scope only", () => {
  assert.equal(npmPurl({ name: "plain", version: "1.0.0-rc.1" }), "pkg:npm/plain@1.0.0-rc.1");
});
