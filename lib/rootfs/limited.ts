/**
 * A rootfs whose commands wait for their turn.
 *
 * @module
 */
import type { Semaphore } from "../async/semaphore.ts";
import type { ExecResult } from "../exec/spec.ts";
import type { RootFs } from "./rootfs.ts";

/** Wraps a rootfs so that each command holds a permit while it runs. */
export function limited(rootfs: RootFs, permits: Semaphore): RootFs {
  return {
    get path(): string {
      return rootfs.path;
    },
    async exec(spec, io): Promise<ExecResult> {
      using _permit = await permits.acquire(io.signal);
      return await rootfs.exec(spec, io);
    },
    canMount: rootfs.canMount,
    containerPlaces: rootfs.containerPlaces,
    noteRestored: (paths) => rootfs.noteRestored(paths),
    checkpoint: () => rootfs.checkpoint(),
    stack: (tree, layer) => rootfs.stack(tree, layer),
    finish: () => rootfs.finish(),
    [Symbol.asyncDispose]: () => rootfs[Symbol.asyncDispose](),
  };
}
