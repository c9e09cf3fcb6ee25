import assert from "node:assert/strict";
import { hardLimitOfOpenFiles, parseHardLimit } from "../../../lib/sys/limits.ts";

const HEAD = "Limit                     Soft Limit           Hard Limit           Units     \n" +
  "Max cpu time              unlimited            unlimited            seconds   \n";

Deno.test("parseHardLimit(), the hard limit of open files, whatever the soft one is", () => {
  const row = "Max open files            1024                 524288               files     \n";
  assert.equal(parseHardLimit(HEAD + row), 524_288);
});

Deno.test("parseHardLimit(), no limit and no answer", () => {
  assert.equal(
    parseHardLimit(`${HEAD}Max open files            1024                 unlimited            files     \n`),
    Infinity,
  );
  assert.equal(parseHardLimit(HEAD), Infinity);
  assert.equal(parseHardLimit(""), Infinity);
});

Deno.test("hardLimitOfOpenFiles(), what a shell says", () => {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -H -n"] }).outputSync();
  const said = new TextDecoder().decode(stdout).trim();
  assert.equal(hardLimitOfOpenFiles(), said === "unlimited" ? Infinity : Number(said));
});
