/**
 * The contract of backends, kept for an ordinary user: the suites run again in a process of such a user, which enters a
 * user namespace.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { SEARCH_PATH } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { denoDirectory } from "../support/executor_site.ts";
import { asOrdinaryUser } from "../support/ordinary_user.ts";

for (const ids of ["ranges", "single"] as const) {
  Deno.test(`userns rootfs, of an ordinary user with ${ids === "single" ? "one id" : "ranges of ids"}, keeps the contract`, async () => {
    await prepared({ tools: ["newuidmap", "setpriv", "python3", "busybox"] });
    const home = await Deno.makeTempDir({ prefix: "kiln-home-" });
    try {
      const [program = "", ...args] = [
        ...asOrdinaryUser({ ids, owns: [home] }),
        ...[Deno.execPath(), "test", "-A", "--no-check", join(import.meta.dirname ?? "", "userns_suite.ts")],
      ];
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args,
        clearEnv: true,
        env: { PATH: SEARCH_PATH, HOME: home, DENO_DIR: denoDirectory(), NO_COLOR: "1" },
      }).output();
      const said = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert.equal(code, 0, said);
      // A suite that registers nothing would pass as well.
      assert.match(said, /^ok \| \d+ passed \(\d{3,} steps\)/m, said);
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  });
}
