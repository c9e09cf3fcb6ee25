import assert from "node:assert/strict";
import { checkHost, isWithin, lookupWithin, type Reach } from "../../../lib/http/reach.ts";
import { TransportFault } from "../../../lib/http/transport_fault.ts";

/** Resolves a name as a connection would. */
function resolve(hostname: string, reach: Reach, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    lookupWithin(reach)(hostname, { all }, (error, address) => error === null ? resolve(address) : reject(error));
  });
}

Deno.test("isWithin() lets no reach but any get to link-local and reserved addresses", () => {
  const allowed = (["any", "public", "private", "loopback"] as const).map((reach) =>
    (["public", "private", "loopback", "special"] as const).filter((locality) => isWithin(reach, locality)).join(" ")
  );
  assert.deepEqual(allowed, ["public private loopback special", "public", "public private", "public private loopback"]);
});

Deno.test("checkHost() refuses addresses beyond the reach and leaves names to the resolver", () => {
  const refuses = (url: string, reach: Reach): void => {
    assert.throws(() => checkHost(new URL(url), reach), (error) => error instanceof TransportFault && !error.temporary);
  };
  refuses("http://127.0.0.1/", "public");
  refuses("http://10.0.0.1/", "public");
  refuses("http://127.0.0.1/", "private");
  refuses("http://169.254.169.254/", "loopback");
  checkHost(new URL("http://169.254.169.254/"), "any");
  checkHost(new URL("http://10.0.0.1/"), "private");
  checkHost(new URL("http://example.com/"), "public");
});

// DNS rebinding. With the filter of `lookupWithin` letting every address pass this fails.
for (const all of [true, false]) {
  Deno.test(`lookupWithin() does not resolve a name to an address beyond the reach${all ? ", asked for all" : ""}`, async () => {
    for (const reach of ["public", "private"] as const) {
      await assert.rejects(resolve("localhost", reach, all), (error) => {
        assert.ok(error instanceof TransportFault && error.code === "KILN_ADDRESS");
        assert.equal(error.message, "it has a loopback address");
        return true;
      });
    }
  });
}

Deno.test("lookupWithin() resolves a name to the addresses within the reach", async () => {
  const one = await resolve("localhost", "loopback", false);
  assert.ok(one === "127.0.0.1" || one === "::1");
  assert.ok(Array.isArray(await resolve("localhost", "loopback", true)));
});
