/**
 * What every backend of `lib/rootfs` must do: one suite, run against each.
 *
 *     testRootFs("overlay");
 *
 * @module
 */
import type { BackendName } from "../support/backends.ts";
import { USER_COUNT } from "../support/possible.ts";
import { type Lab, testGroup } from "../support/rootfs_lab.ts";
import { testAttacks } from "./rootfs_attacks.ts";
import { testChanges } from "./rootfs_changes.ts";
import { testDepth } from "./rootfs_depth.ts";
import { testLife } from "./rootfs_life.ts";
import { testMetadata } from "./rootfs_metadata.ts";
import { testStacks } from "./rootfs_stacks.ts";
import { testUnpacking } from "./rootfs_unpacking.ts";

/** Registers the suite for one backend. `LabOf` says how trees are looked at. */
export function testRootFs(name: BackendName, LabOf?: typeof Lab): void {
  testGroup(name, "unpacking layers", testUnpacking, LabOf);
  testGroup(name, "metadata", testMetadata, LabOf);
  // Where there is one user only, a command can give files to nobody.
  if (USER_COUNT > 1) {
    testGroup(name, "changes of a step", testChanges, LabOf);
    const stacks = name === "overlay" || name === "userns";
    if (stacks) testGroup(name, "more layers than can be stacked", testDepth, LabOf);
  }
  testGroup(name, "stacks of trees made apart", testStacks, LabOf);
  testGroup(name, "attacks", testAttacks, LabOf);
  testGroup(name, "snapshots and stages", (test) => testLife(test, name), LabOf);
}
