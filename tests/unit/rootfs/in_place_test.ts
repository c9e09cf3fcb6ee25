/**
 * Commands in place whose exchange of files fails, and whose container cannot be put back either (S29).
 *
 * Seen red without the call of `gate.close`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Gate } from "../../../lib/async/gate.ts";
import { ownAbilities } from "../../../lib/exec/abilities.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { InPlaceCommands } from "../../../lib/rootfs/in_place.ts";
import { RootLock } from "../../../lib/rootfs/root_lock.ts";
import { recordingReport } from "../../support/registry_client.ts";

const { signal } = new AbortController();
const IO = { stdout: ignore, stderr: ignore, signal, graceMs: 0 };
const SPEC = {
  argv: ["true"],
  environment: [],
  workingDirectory: "/",
  user: { uid: 0, gid: 0, groups: [], home: "/" },
  hostname: "container",
  network: "host",
  confined: true,
  mounts: [],
} as const;

Deno.test("commands in place, S29: nobody looks at a root that could not be put back", async () => {
  const path = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${path}/root/kaniko/exchange`, { recursive: true });
    const [root, directory] = [`${path}/root`, `${path}/root/kaniko/exchange`].map(bytePathOf) as [string, string];
    using lock = RootLock.share(root);
    const gate = new Gate();
    using commands = new InPlaceCommands({
      ...{ root, directory, kept: ["kaniko"], lock, gate },
      abilities: ownAbilities({ namespaces: false }),
      report: recordingReport([]),
    });
    // What recovery needs is away; the tree of the stage was never there.
    await Deno.rename(`${directory}/aside`, `${directory}/elsewhere`);
    const running = commands.run(`${path}/missing`, SPEC, IO);
    await assert.rejects(running, /^KilnError: Cannot put the files of the stage into the root of this container/);
    await assert.rejects(gate.together(signal), /^KilnError: Cannot put the files of the stage/);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
});

function ignore(): void {}
