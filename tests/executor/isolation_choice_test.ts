/**
 * What `--isolation` and `--require-isolation` come to in a container that allows no mounts (decisions 10).
 *
 * @module
 */
import assert from "node:assert/strict";
import { inContainer } from "../support/container.ts";
import { prepared } from "../support/environment/environment.ts";
import { type Outcome, startSite } from "../support/executor_site.ts";
import { addBase } from "../support/registry_base.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { WITHOUT_USER_NAMESPACES } from "../support/without_user_namespaces.ts";

/** Docker's default capabilities without CAP_SYS_CHROOT. */
const WITHOUT_CHROOT = 0xa80425fb & ~(1 << 18) >>> 0;

async function build(flags: readonly string[], capabilities?: number): Promise<Outcome> {
  await prepared({ bases: ["busybox"] });
  await using registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  await using site = await startSite({ Dockerfile: `FROM ${registry.host}/base/busybox\nRUN true\n` });
  const container = await inContainer({ site, ...capabilities === undefined ? {} : { capabilities } });
  const outcome = await site.run(["--no-push", "--insecure-pull", ...flags], {
    through: [...WITHOUT_USER_NAMESPACES, ...container],
  });
  await site.assertNothingLeft();
  return outcome;
}

Deno.test("--require-isolation=chroot, has commands in a chroot where auto would build in place", async () => {
  const { code, stderr } = await build(["--require-isolation=chroot"]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Isolation: plain directories, chroot/);
});

Deno.test("--require-isolation=chroot, is refused where commands could only run in place, and says why", async () => {
  const { code, stderr } = await build(["--require-isolation=chroot"], WITHOUT_CHROOT);
  assert.equal(code, 77, stderr);
  assert.match(
    stderr,
    /^error: Cannot build with --require-isolation=chroot: overlay is not possible: .*; userns is not possible: .*; chroot is not possible: CAP_SYS_CHROOT is missing$/m,
  );
});
