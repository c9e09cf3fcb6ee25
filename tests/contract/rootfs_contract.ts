/**
 * What every backend of `lib/rootfs` must do: one suite, run against each.
 *
 *     testRootFs("overlay");
 *
 * @module
 */
import type { BackendName } from "../support/backends.ts";
import { testGroup } from "../support/rootfs_lab.ts";
import { testAttacks } from "./rootfs_attacks.ts";
import { testChanges } from "./rootfs_changes.ts";
import { testLife } from "./rootfs_life.ts";
import { testMetadata } from "./rootfs_metadata.ts";
import { testStacks } from "./rootfs_stacks.ts";
import { testUnpacking } from "./rootfs_unpacking.ts";

/** Registers the suite for one backend. */
export function testRootFs(name: BackendName): void {
  testGroup(name, "unpacking layers", testUnpacking);
  testGroup(name, "metadata", testMetadata);
  testGroup(name, "changes of a step", testChanges);
  testGroup(name, "stacks of trees made apart", testStacks);
  testGroup(name, "attacks", testAttacks);
  testGroup(name, "snapshots and stages", (test) => testLife(test, name));
}
