/**
 * @module
 */
import assert from "node:assert/strict";
import { judgeHop } from "../../../lib/http/redirect.ts";

interface Case {
  readonly named: string;
  readonly address?: string;
  readonly from?: string;
  readonly to: string;
  /** `credentials reach`, or why not. */
  readonly verdict: string;
}

const CASES: readonly Case[] = [
  { named: "https://a.example/x", to: "https://a.example/y", verdict: "credentials any" },
  { named: "https://a.example/x", to: "https://a.example:444/y", verdict: "none public" },
  { named: "https://a.example/x", to: "https://a.example.evil/y", verdict: "none public" },
  { named: "http://a.example/x", to: "https://a.example/x", verdict: "credentials any" },
  { named: "http://a.example:8080/x", to: "https://a.example/x", verdict: "none public" },
  { named: "https://a.example/x", address: "10.0.0.1", to: "https://b.example/", verdict: "none private" },
  { named: "https://10.0.0.1/x", to: "https://b.example/", verdict: "none private" },
  { named: "http://127.0.0.1:1/x", to: "http://127.0.0.1:2/", verdict: "none loopback" },
  { named: "https://a.example/x", address: "169.254.169.254", to: "https://b.example/", verdict: "none public" },
  { named: "https://a.example/x", to: "http://a.example/x", verdict: "it leads from https to http" },
  {
    named: "http://a.example/",
    from: "https://b.example/",
    to: "http://a.example/",
    verdict: "it leads from https to http",
  },
  { named: "https://a.example/x", to: "ftp://a.example/", verdict: "it is neither https nor http" },
  { named: "https://a.example/x", to: "https://me@a.example/", verdict: "it has a user or password in it" },
];
for (const { named, address, from = named, to, verdict } of CASES) {
  Deno.test(`judgeHop(), from ${from}${address === undefined ? "" : ` at ${address}`} to ${to}: ${verdict}`, () => {
    const found = judgeHop({ named: new URL(named), namedAddress: address, from: new URL(from), to: new URL(to) });
    const told = found.kind === "refused" ? found.why : `${found.credentials ? "credentials" : "none"} ${found.reach}`;
    assert.equal(told, verdict);
  });
}
