/**
 * F27: memory that runs out in a control group. The kernel kills the command and not the builder, which says so.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ISOLATIONS } from "../../lib/rootfs/isolation.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";
import { placeOf } from "../support/isolations.ts";

const LIMIT_MIB = 400;
const CGROUPS = "/sys/fs/cgroup";

/** A control group with a limit, of version 2 or 1. */
interface Group extends Disposable {
  /** Enters it and runs the rest. */
  readonly through: readonly string[];
}

function makeGroup(): Group {
  const name = `kiln-test-${crypto.randomUUID()}`;
  const isUnified = isThere(`${CGROUPS}/cgroup.controllers`);
  const path = isUnified ? `${CGROUPS}/${name}` : `${CGROUPS}/memory/${name}`;
  if (isUnified) Deno.writeTextFileSync(`${CGROUPS}/cgroup.subtree_control`, "+memory");
  Deno.mkdirSync(path);
  const limit = isUnified ? "memory.max" : "memory.limit_in_bytes";
  Deno.writeTextFileSync(`${path}/${limit}`, String(LIMIT_MIB * 2 ** 20));
  return {
    through: ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', path],
    [Symbol.dispose]: () => Deno.removeSync(path),
  };
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

for (const isolation of ISOLATIONS) {
  for (const [kind, command] of [["command", "tail /dev/zero"], ["child of the command", "tail /dev/zero; exit $?"]]) {
    Deno.test(`F27 ${kind} that takes all memory, is killed and explained; the builder goes on (${isolation})`, async () => {
      await prepared({ tools: [], bases: ["busybox"] });
      await using registry = await startRegistry({ bases: ["busybox"] });
      await using site = await startSite({
        Dockerfile: `FROM ${registry.base("busybox")}\nENV MARK={MARK}\nRUN ${command}\n`,
      });
      using group = makeGroup();
      const container = await placeOf(isolation, site, { binds: [{ from: CGROUPS, to: CGROUPS, readOnly: true }] });
      const { code, stderr } = await site.run(["--no-push", "--insecure-pull", `--isolation=${isolation}`], {
        through: [...group.through, ...container],
      });
      assert.equal(code, 137, stderr);
      const hint = `hint: the kernel killed it because the memory of the control group, ${LIMIT_MIB} MiB, was used up`;
      assert.ok(stderr.includes(hint), stderr);
      await site.assertNothingLeft();
    });
  }
}
