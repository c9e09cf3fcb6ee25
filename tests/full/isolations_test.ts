/**
 * Hostile images, commands and signals as in `tests/attacks` and `tests/faults`, with the isolations that the gate leaves
 * out: in a user namespace, and in place in a container.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { ISOLATIONS_VARIABLE } from "../support/isolations.ts";
import { prepared } from "../support/environment/environment.ts";

/** Those whose tests differ by isolation. */
const FILES = [
  ...["files", "host_programs", "layers", "names", "secrets", "users"].map((name) => `attacks/${name}_test.ts`),
  ...["context_changes", "kill", "outside", "process_tree", "signals", "step_limits"].map((name) =>
    `faults/${name}_test.ts`
  ),
  "executor/few_descriptors_test.ts",
].map((path) => join(import.meta.dirname ?? ".", "..", path));

for (const isolation of ["userns", "in-place"]) {
  Deno.test(`attacks and faults of the gate, end as they do there (${isolation})`, async () => {
    await prepared({ tools: ["umoci", "newuidmap"], bases: ["busybox"] });
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--filter=(${isolation})`, ...FILES],
      env: { [ISOLATIONS_VARIABLE]: isolation, NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.equal(code, 0, said);
    // A filter that fits nothing would pass as well.
    assert.ok(Number(/^ok \| (\d+) passed/m.exec(said)?.[1]) >= 50, said);
  });
}
