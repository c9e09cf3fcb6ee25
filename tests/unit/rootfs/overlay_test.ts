/**
 * @module
 */
import assert from "node:assert/strict";
import { startWorkshop } from "../../support/backends.ts";

Deno.test("checkpoint() of an overlay begins no layer when the next step's tree cannot be made", async () => {
  await using workshop = await startWorkshop();
  const backend = workshop.backend("overlay");
  const rootfs = await backend.open(backend.empty(), { lastUse: true });
  try {
    await Deno.writeTextFile(`${rootfs.path}/f`, "x");
    const directory = rootfs.path.replace(/\/[^/]+$/, "");
    for (let number = 0; number < 50; number++) {
      await Deno.mkdir(`${directory}/upper${number}`).catch((error) => {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      });
    }
    await assert.rejects(() => rootfs.checkpoint(), /EEXIST/);
    // A layer on its way would be rejected now, with nobody to hear of it.
    workshop.pool[Symbol.dispose]();
  } finally {
    await rootfs[Symbol.asyncDispose]();
  }
});
