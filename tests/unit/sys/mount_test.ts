/**
 * Unmounting while others are about to let go.
 *
 * @module
 */
import { mount, unmount } from "../../../lib/sys/mount.ts";
import { enterPrivateMounts } from "../../support/private_mounts.ts";

enterPrivateMounts();

// EBUSY at once without the wait in `unmount`.
Deno.test("unmount, waits for a process that is about to close what it has open there", async () => {
  const target = await Deno.makeTempDir({ prefix: "kiln-mount-" });
  mount({ source: "none", target, type: "tmpfs", flags: 0 });
  Deno.writeTextFileSync(`${target}/file`, "");
  const holder = new Deno.Command("sh", {
    args: ["-c", 'exec 9< "$1/file" && echo held && exec sleep 0.05', "sh", target],
    stdout: "piped",
  }).spawn();
  const output = holder.stdout.getReader();
  await output.read();
  try {
    unmount(target);
  } finally {
    await output.cancel();
    await holder.status;
    await Deno.remove(target);
  }
});
