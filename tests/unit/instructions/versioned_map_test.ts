import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";

import { VersionedMap } from "../../../lib/instructions/versioned_map.ts";

Deno.test("VersionedMap, keeps every version as it was, whichever it is set on", () => {
  const change = fc.record({ on: fc.nat(30), name: fc.constantFrom("a", "b", "c", "__proto__"), value: fc.nat(9) });
  fc.assert(fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
    const versions = [{ map: VersionedMap.of<number>([["b", 0]]), model: new Map([["b", 0]]) }];
    for (const { on, name, value } of changes) {
      const before = versions[on % versions.length];
      assert.ok(before !== undefined);
      versions.push({ map: before.map.set(name, value), model: new Map(before.model).set(name, value) });
    }
    for (const { map, model } of versions) {
      assert.deepEqual([...map], [...model]);
      assert.deepEqual([...map.keys()], [...model.keys()]);
      for (const name of ["a", "b", "c", "__proto__", "d"]) {
        assert.equal(map.get(name), model.get(name));
        assert.equal(map.has(name), model.has(name));
      }
    }
  }));
});

Deno.test("VersionedMap, tells a name whose value is undefined from one that is not there", () => {
  const map = VersionedMap.of<undefined>().set("a", undefined);
  assert.deepEqual([map.has("a"), map.has("b")], [true, false]);
});
