import assert from "node:assert/strict";
import type { CredentialSource, FoundCredential } from "../../../../lib/registry/credentials/credential.ts";
import { firstOf } from "../../../../lib/registry/credentials/first_of.ts";

const TARGET = { registry: "reg.example", repository: "app" };
const SIGNAL = new AbortController().signal;

function source(name: string, has: boolean): CredentialSource & { asked: number } {
  return {
    name,
    asked: 0,
    find(): Promise<FoundCredential | undefined> {
      this.asked++;
      return Promise.resolve(
        has ? { credential: { kind: "registry token" as const, token: name }, origin: name } : undefined,
      );
    },
  };
}

Deno.test("firstOf() asks in order and stops at the first that has something", async () => {
  const sources = [source("a", false), source("b", true), source("c", true)];
  assert.equal((await firstOf(sources).find(TARGET, SIGNAL))?.origin, "b");
  assert.deepEqual(sources.map(({ asked }) => asked), [1, 1, 0]);
});

Deno.test("firstOf() finds nothing where no source does", async () => {
  assert.equal(await firstOf([source("a", false)]).find(TARGET, SIGNAL), undefined);
  assert.equal(await firstOf([]).find(TARGET, SIGNAL), undefined);
});
