/**
 * F29: a RUN that hangs or floods the log is ended or cut short, not waited for.
 *
 * @module
 */
import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";

for (const isolation of ISOLATIONS) {
  Deno.test(`F29 command that hangs and ignores SIGTERM, is ended with all it started (${isolation})`, async () => {
    await prepared({ tools: [], bases: ["busybox"] });
    await using registry = await startRegistry({ bases: ["busybox"] });
    await using site = await startSite({
      Dockerfile: `FROM ${registry.base("busybox")}\nENV MARK={MARK}\n` +
        "RUN trap '' TERM; (trap '' TERM; setsid sleep 300) & trap '' TERM; sleep 300; sleep 300\n",
    });
    const flags = ["--no-push", "--insecure-pull", `--isolation=${isolation}`, "--step-timeout=500ms"];
    const { code, stderr } = await site.run(flags, { through: await placeOf(isolation, site) });
    assert.equal(code, 75, stderr);
    assert.match(stderr, /error: Cannot complete "[^"]*": it took longer than 0\.5 s\n[^]*hint: --step-timeout/);
    await site.assertNothingLeft();
  });
}

Deno.test("F29 command that floods the log, is cut short and its last line is shown", async () => {
  await prepared({ tools: [], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({
    Dockerfile: `FROM ${registry.base("busybox")}\nRUN yes flood | head -c 50000000; echo; echo the reason\n`,
  });
  const { code, stdout, stderr } = await site.run(["--no-push", "--insecure-pull", "--step-log-limit=10k"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Leaving out output beyond 10240 bytes/);
  assert.match(stdout + stderr, /^\[2\/2\] the reason$/m);
  assert.ok(stdout.length + stderr.length < 400_000, `${stdout.length + stderr.length} bytes were logged`);
});
