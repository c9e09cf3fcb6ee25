/**
 * F35: a build context that changes while it is copied. An image of a state that never was is not made.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startSite } from "../support/executor_site.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";

/** Takes a while to be copied. */
const BYTES = 384 * 1024 ** 2;

/** What happens to the file, again and again. */
const CHANGES: readonly (readonly [shows: string, change: (path: string, round: number) => void])[] = [
  ["grows", (path) => Deno.writeTextFileSync(path, "more", { append: true })],
  ["shrinks", (path, round) => Deno.truncateSync(path, BYTES - round)],
  ["is written to in place", (path, round) => Deno.utimeSync(path, round, round)],
];

for (const isolation of ISOLATIONS) {
  for (const [shows, change] of CHANGES) {
    Deno.test(`F35 file of the context that ${shows} while it is copied, fails the build and names it (${isolation})`, async () => {
      await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY large /\n" });
      const path = `${site.context}/large`;
      // No holes: nobody waits for those.
      await Deno.writeFile(path, new Uint8Array(BYTES));
      const through = await placeOf(isolation, site);
      const running = site.start(["--no-push", `--isolation=${isolation}`], { through });
      let round = 0;
      const changing = setInterval(() => change(path, ++round), 1);
      try {
        const { code, stderr } = await running.outcome;
        assert.equal(code, 66, stderr);
        assert.match(stderr, /^error: Cannot copy "large": it changed while it was read$/m);
        assert.match(stderr, /^ +2 \| >>> COPY large \/$/m);
        assert.match(stderr, /^hint: something else writes to the build context; build from a copy of it$/m);
        await site.assertNothingLeft();
      } finally {
        clearInterval(changing);
      }
    });
  }
}
