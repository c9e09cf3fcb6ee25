/** @module */
import assert from "node:assert/strict";
import { HIDDEN_HOME, ownHome } from "../../../lib/sys/hidden_home.ts";

Deno.test("ownHome() returns what stands behind the hidden home", () => {
  assert.equal(ownHome(`HOME=${HIDDEN_HOME}\0A=1\0HOME=/root\0`), "/root");
  assert.equal(ownHome(`A=1\0HOME=${HIDDEN_HOME}\0HOME=\0`), "");
});

Deno.test("ownHome() returns nothing where the caller had none", () => {
  assert.equal(ownHome(`HOME=${HIDDEN_HOME}\0HOMEPAGE=x\0`), undefined);
});
