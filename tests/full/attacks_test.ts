/**
 * Hostile images, files, names and users, as in `tests/attacks`, where no gate tries them: in a user namespace, and in
 * place in a container.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { ISOLATIONS_VARIABLE } from "../support/attack_build.ts";
import { prepared } from "../support/environment/environment.ts";

/** Those whose tests differ by isolation. */
const FILES = ["files", "layers", "names", "users"].map((name) =>
  join(import.meta.dirname ?? ".", `../attacks/${name}_test.ts`)
);

for (const isolation of ["userns", "in-place"]) {
  Deno.test(`attacks by images, files, names and users, fail with --isolation=${isolation} as well`, async () => {
    await prepared({ tools: ["umoci", "newuidmap"], bases: ["busybox"] });
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", `--filter=(${isolation})`, ...FILES],
      env: { [ISOLATIONS_VARIABLE]: isolation, NO_COLOR: "1" },
    }).output();
    const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.equal(code, 0, said);
    // A filter that fits nothing would pass as well.
    assert.ok(Number(/^ok \| (\d+) passed/m.exec(said)?.[1]) > 25, said);
  });
}
