import assert from "node:assert/strict";
import type { Change } from "../../../lib/tree/change.ts";
import { withoutIgnored } from "../../../lib/tree/without_ignored.ts";

/** What it shows, the ignored paths, the changes, and those left. */
const ROWS: readonly (readonly [string, readonly string[], readonly string[], readonly string[]])[] = [
  ["nothing is ignored", [], ["a", "b/c"], ["a", "b/c"]],
  ["a path and everything below it", ["/a"], ["a", "a/b", "a/b/c", "ab", "b/a"], ["ab", "b/a"]],
  ["a path in a directory", ["/var/cache"], ["var", "var/cache", "var/cache/x", "var/cached"], ["var", "var/cached"]],
  ["slashes more or less", ["//var//cache/"], ["var/cache/x", "var"], ["var"]],
  ["without the slash at the start", ["tmp"], ["tmp/x", "var/tmp"], ["var/tmp"]],
  ["a wildcard is for one component", ["/home/*/tmp"], ["home/a/tmp/f", "home/tmp", "home/a/b/tmp"], [
    "home/tmp",
    "home/a/b/tmp",
  ]],
  ["wildcards for one character and sets", ["/f?", "/g[ab]"], ["f", "f1", "f12", "ga", "gc"], ["f", "f12", "gc"]],
  ["names are bytes", ["/caf\xe9"], ["caf\xe9", "caf\xc3\xa9"], ["caf\xc3\xa9"]],
  ["dots are dots", ["/a.b"], ["a.b", "axb"], ["axb"]],
  ["several paths", ["/a", "/b/c"], ["a", "b", "b/c", "c"], ["b", "c"]],
];

for (const [shows, paths, changes, left] of ROWS) {
  Deno.test(`withoutIgnored(), ${shows}`, () => {
    const all = changes.map((path): Change => ({ kind: "whiteout", path }));
    assert.deepEqual([...withoutIgnored(all, paths)].map(({ path }) => path), left);
  });
}

Deno.test("withoutIgnored(), a change is passed on before the next one is asked for", () => {
  // Descriptors in a change are valid only until then.
  const log: string[] = [];
  const changes = function* (): Generator<Change> {
    for (const path of ["a", "skip", "b"]) {
      log.push(`made ${path}`);
      yield { kind: "whiteout", path };
    }
  };
  for (const { path } of withoutIgnored(changes(), ["/skip"])) log.push(`took ${path}`);
  assert.deepEqual(log, ["made a", "took a", "made skip", "made b", "took b"]);
});
