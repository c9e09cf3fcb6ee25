/**
 * What every backend of `lib/rootfs` must do: one suite, run against each.
 *
 *     testRootFs("overlay");
 *
 * @module
 */
import type { BackendName } from "../support/backends.ts";
import { testsOf } from "../support/rootfs_lab.ts";
import { testAttacks } from "./rootfs_attacks.ts";
import { testChanges } from "./rootfs_changes.ts";
import { testLife } from "./rootfs_life.ts";
import { testMetadata } from "./rootfs_metadata.ts";
import { testUnpacking } from "./rootfs_unpacking.ts";

/** Registers the suite for one backend. */
export function testRootFs(name: BackendName): void {
  testUnpacking(testsOf(name));
  testMetadata(testsOf(name));
  testChanges(testsOf(name));
  testAttacks(testsOf(name));
  testLife(testsOf(name), name);
}
