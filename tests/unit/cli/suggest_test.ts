/**
 * @module
 */
import assert from "node:assert/strict";
import { suggest } from "../../../lib/cli/suggest.ts";

const WORDS = ["destination", "dockerfile", "digest-file", "no-push", "cache", "git", "tar-path"];
const CASES: readonly (readonly [typed: string, suggestion: string | undefined])[] = [
  ["destinaton", "destination"],
  ["destinations", "destination"],
  ["dokcerfile", "dockerfile"],
  ["Dockerfile", "dockerfile"],
  ["digestfile", "digest-file"],
  ["digest_file", "digest-file"],
  ["noPush", "no-push"],
  ["tarpaht", "tar-path"],
  ["cahce", "cache"],
  ["gti", "git"],
  ["x", undefined],
  ["", undefined],
  ["gut", "git"],
  ["abc", undefined],
  ["completely-different", undefined],
];
for (const [typed, suggestion] of CASES) {
  Deno.test(`suggest(), answers "${typed}" with ${suggestion}`, () => assert.equal(suggest(typed, WORDS), suggestion));
}

Deno.test("suggest(), prefers the nearest word", () => {
  assert.equal(suggest("insecure-pul", ["insecure", "insecure-push", "insecure-pull"]), "insecure-pull");
});
