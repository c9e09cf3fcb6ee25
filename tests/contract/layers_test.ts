/**
 * Both backends see the same changes: the same bytes for the same step, which every reader of layers turns into the
 * same tree.
 *
 * Random commands are run in an overlay and in a chroot rootfs. After each one the two trees and the two layers must
 * be the same, and the layers so far, put on top of each other by Python, by the chroot backend and by the overlay
 * backend, must give exactly that tree.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "../support/fast_check.ts";
import type { RootFs } from "../../lib/rootfs/rootfs.ts";
import { startWorkshop, type Workshop } from "../support/backends.ts";
import { someSteps } from "../support/changes.ts";
import { assertListing, type Operation } from "../support/disk.ts";
import type { Listing } from "../support/environment/listing.ts";
import { tarEntries } from "../support/environment/tar_entries.ts";
import { enterPrivateMounts } from "../support/private_mounts.ts";
import { dir, socket } from "../support/tree.ts";

enterPrivateMounts();

/** Steps that once went wrong, tried first. */
const FOUND: readonly (readonly (readonly Operation[])[])[] = [
  // A socket below lost a name when another one was copied up: this rename is of a file onto itself.
  [
    [
      { do: "make", path: "a", node: dir() },
      { do: "make", path: "a/a", node: socket() },
      { do: "link", path: "a/a", to: "a/a-" },
    ],
    [{ do: "link", path: "a/a", to: "a.b" }],
    [{ do: "rename", path: "a/a", to: "a/a-" }],
  ],
];

/** What the operations set is before it, what the clock sets is after it. */
const LIMIT = "1700000000.000000000";

Deno.test("backends, random commands give the same layers, and the layers give the tree back", async () => {
  await using workshop = await startWorkshop();
  await fc.assert(
    fc.asyncProperty(someSteps, (steps) => checkSteps(workshop, steps)),
    {
      examples: FOUND.map((steps) => [steps]),
      numRuns: Number(Deno.env.get("RUNS") ?? 60),
      ...(Deno.env.get("SEED") ? { seed: Number(Deno.env.get("SEED")) } : {}),
    },
  );
});

async function checkSteps(workshop: Workshop, steps: readonly (readonly Operation[])[]): Promise<void> {
  const { disk } = workshop;
  await using overlays = workshop.backend("overlay");
  await using chroots = workshop.backend("chroot");
  await using overlay = await overlays.open(overlays.empty(), { lastUse: true });
  await using chroot = await chroots.open(chroots.empty(), { lastUse: true });
  const reference = await disk.write();
  const tars: Uint8Array<ArrayBuffer>[] = [];
  for (const [at, operations] of steps.entries()) {
    const outcomes = await disk.change(overlay.path, operations);
    await disk.change(chroot.path, operations, outcomes);
    const stamp = `${1_600_000_000 + at}.500000000`;
    for (const rootfs of [overlay, chroot]) await disk.settle(rootfs.path, LIMIT, stamp);
    const tree = withoutSockets(await disk.read(overlay.path));
    assertListing(withoutSockets(await disk.read(chroot.path)), tree);

    const tar = await layerOf(workshop, overlay);
    await assertSameLayer(await layerOf(workshop, chroot), tar);
    tars.push(tar);
    const path = `${disk.path}/step.tar`;
    Deno.writeFileSync(path, tar);
    await disk.applyLayer(reference, path);
    assertListing(await disk.read(reference), tree);
    for (const backend of [overlays, chroots]) {
      const unpacked = await backend.unpack(tars.map(workshop.layerFile));
      assertListing(await disk.read(await unpacked.view()), tree);
    }
  }
}

async function layerOf(workshop: Workshop, rootfs: RootFs): Promise<Uint8Array<ArrayBuffer>> {
  const { layer } = await rootfs.checkpoint();
  return workshop.tarOf(await layer);
}

/** A socket means nothing without its process; layers have no type for it. */
function withoutSockets(listing: Listing): Listing {
  return new Map([...listing].filter(([path, { type }]) => path !== "/" && type !== "socket"));
}

async function assertSameLayer(found: Uint8Array, expected: Uint8Array): Promise<void> {
  assert.deepEqual(await entriesOf(found), await entriesOf(expected));
  assert.deepEqual(found, expected);
}

async function entriesOf(tar: Uint8Array): Promise<readonly unknown[]> {
  const entries: unknown[] = [];
  for await (const { content, ...entry } of tarEntries(ReadableStream.from([tar]))) {
    let bytes = "";
    for await (const chunk of content) bytes += String.fromCharCode(...chunk);
    entries.push({ ...entry, bytes });
  }
  return entries;
}
