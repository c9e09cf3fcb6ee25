/**
 * F24, F25: a build that is told to end does so soon, in order, and leaves nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { errorIn } from "../support/failing_build.ts";
import { holdBuild, MOMENTS } from "../support/interrupted_build.ts";
import { startSite } from "../support/executor_site.ts";
import { ISOLATIONS } from "../support/isolations.ts";

/** Far less than the thirty seconds that Kubernetes gives a pod. */
const SOON_MS = 10_000;

for (const isolation of ISOLATIONS) {
  for (const moment of MOMENTS) {
    for (const signal of [...["SIGTERM", "SIGINT"] as const, ...moment === "RUN" ? ["SIGQUIT"] as const : []]) {
      Deno.test(`F24 ${signal} during a ${moment}, ends the build soon and leaves nothing (${isolation})`, async () => {
        await using build = await holdBuild(moment, isolation);
        const running = await build.startHeld();
        const told = performance.now();
        running.kill(signal);
        const { code, stderr } = await running.outcome;
        assert.ok(performance.now() - told < SOON_MS, `it took ${performance.now() - told} ms`);
        assert.equal(errorIn(stderr), `error: Cannot go on: the build was ended by ${signal}`, stderr);
        assert.equal(code, 75);
        await build.site.assertNothingLeft();
        assert.equal(build.registry.manifests.has("out/image:1"), false);
        assert.equal(build.registry.sessions.size, 0, "upload sessions are left");
      });
    }
  }
}

for (const [context, redirection] of [["stdin", "<> pipe"], ["pipe", ""]] as const) {
  Deno.test(`F24 SIGTERM while nobody writes the archive to tar://${context}, ends the build soon`, async () => {
    await using site = await startSite();
    const through = ["bash", "-c", `mkfifo pipe; exec "$@" ${redirection}`, "bash"];
    const running = site.start([`--context=tar://${context}`, "--no-push"], { through });
    await running.said("Build context: the archive");
    const told = performance.now();
    running.kill("SIGTERM");
    const { code, stderr } = await running.outcome;
    assert.ok(performance.now() - told < SOON_MS, `it took ${performance.now() - told} ms`);
    assert.equal(errorIn(stderr), "error: Cannot go on: the build was ended by SIGTERM", stderr);
    assert.equal(code, 75);
    await site.assertNothingLeft();
  });
}
