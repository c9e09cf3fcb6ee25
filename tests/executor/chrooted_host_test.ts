/**
 * The executor started inside a chroot, as in schroot or a rescue system: its own path is another one in there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startSite } from "../support/executor_site.ts";

/** Enters a mount namespace and a chroot that shows the whole machine, and runs the rest there. */
const CHROOTED = ["unshare", "--mount", "sh", "-c", 'mount --rbind / "$0" && exec chroot "$0" "$@"'];

Deno.test("executor in a chroot, finds itself and builds with namespaces of its own", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
  const root = `${site.path}/root`;
  await Deno.mkdir(root);
  const { code, stderr } = await site.run(["--no-push"], { through: [...CHROOTED, root], cwd: "/" });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Isolation: overlay/);
  await site.assertNothingLeft();
});
