/**
 * One backend of `lib/rootfs` and what tests do with it: unpack, change, pack, and let others say what came out.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../lib/errors.ts";
import type { Backend, RootFs, Snapshot } from "../../lib/rootfs/rootfs.ts";
import type { CopyRequest } from "../../lib/tree/copy_into.ts";
import { type BackendName, startWorkshop, type Workshop } from "./backends.ts";
import { assertListing, type Operation } from "./disk.ts";
import type { Listing } from "./environment/listing.ts";
import { type OracleEntry, tarEntries } from "./environment/tar_entries.ts";
import { type Tree, withParents } from "./tree.ts";
import { type LayerItem, layerOf } from "./tree_tar.ts";

/** What a behaviour of every backend is tested by; one that needs other options has a workshop of its own. */
export type DefineTest = (
  behaviour: string,
  body: (lab: Lab) => Promise<void>,
  options?: Parameters<typeof startWorkshop>[0],
) => void;

/**
 * Registers a group of tests of one backend. They are steps of one test: each has a backend of its own, but starting
 * Workers and Python for each would take ten times as long as the tests do.
 */
export function testGroup(
  name: BackendName,
  subject: string,
  define: (test: DefineTest) => void,
  LabOf: typeof Lab = Lab,
): void {
  const steps: { readonly behaviour: string; readonly body: (lab: Lab) => Promise<void> }[] = [];
  define((behaviour, body, options) => {
    if (options === undefined) return void steps.push({ behaviour, body });
    Deno.test(`${name} rootfs, ${subject}: ${behaviour}`, async () => {
      await using workshop = await startWorkshop({ workers: 1, ...options });
      await body(new LabOf(workshop, workshop.backend(name)));
    });
  });
  Deno.test(`${name} rootfs, ${subject}`, async (t) => {
    await using workshop = await startWorkshop({ workers: 1 });
    for (const { behaviour, body } of steps) {
      await t.step(behaviour, () => body(new LabOf(workshop, workshop.backend(name))));
    }
  });
}

/** One backend. */
export class Lab {
  readonly workshop: Workshop;
  readonly backend: Backend;

  constructor(workshop: Workshop, backend: Backend) {
    this.workshop = workshop;
    this.backend = backend;
  }

  /** Unpacks layers, lowest first. */
  async unpack(...layers: readonly (readonly LayerItem[])[]): Promise<Snapshot> {
    return await this.unpackTars(...layers.map(layerOf));
  }

  /** Unpacks the tars of layers, lowest first. */
  async unpackTars(...tars: readonly Uint8Array<ArrayBuffer>[]): Promise<Snapshot> {
    return await this.backend.unpack(tars.map(this.workshop.layerFile));
  }

  /** Opens a rootfs with a tree in it. */
  async open(tree: Tree): Promise<RootFs> {
    return await this.backend.open(await this.unpack([...withParents(tree)]), { lastUse: true });
  }

  /** Makes changes, all of which must be possible. */
  async change(rootfs: RootFs, operations: readonly Operation[]): Promise<void> {
    const outcomes = await this.workshop.disk.change(rootfs.path, operations);
    assert.ok(!outcomes.includes(null), `not possible: ${JSON.stringify(operations[outcomes.indexOf(null)])}`);
  }

  /** Copies into a rootfs as COPY and ADD do. */
  async copy(rootfs: RootFs, request: Omit<CopyRequest, "mode" | "root"> & { readonly chmod?: string }): Promise<void> {
    await this.workshop.pool.run("copyInto", { ...request, root: rootfs.path });
  }

  /** Reads a tree with Python; sockets count as not there, as no layer can hold them. */
  async read(path: string): Promise<Listing> {
    const listing = await this.workshop.disk.read(path);
    return new Map([...listing].filter(([, { type }]) => type !== "socket"));
  }

  /** Reads the tree of a snapshot. */
  async view(snapshot: Snapshot): Promise<Listing> {
    return await this.read(await snapshot.view());
  }

  /** Ends a step and returns the tar of its layer. */
  async layer(rootfs: RootFs): Promise<Uint8Array<ArrayBuffer>> {
    const { layer } = await rootfs.checkpoint();
    return this.workshop.tarOf(await layer);
  }

  /** Ends a step and returns the names in its layer. */
  async layerNames(rootfs: RootFs): Promise<readonly string[]> {
    return (await entriesIn(await this.layer(rootfs))).map((entry) => entry.name);
  }

  /** Puts layers on top of each other with Python's tarfile, as the image specification says, and lists the result. */
  async applied(...tars: readonly Uint8Array[]): Promise<Listing> {
    const { disk } = this.workshop;
    const root = await disk.write();
    for (const tar of tars) {
      const path = disk.newPath("layer");
      Deno.writeFileSync(path, tar);
      await disk.applyLayer(root, path);
    }
    return withoutRoot(await disk.read(root));
  }

  /** Fails unless the layers give a tree back. */
  async assertGivesBack(tars: readonly Uint8Array[], tree: Listing): Promise<void> {
    assertListing(await this.applied(...tars), withoutRoot(tree));
  }
}

/** Returns a listing without its root, which layers of changes do not have. */
export function withoutRoot(listing: Listing): Listing {
  return new Map([...listing].filter(([path]) => path !== "/"));
}

/** Returns the entries of a tar, in its order, their content read past. */
export async function entriesIn(tar: Uint8Array): Promise<readonly OracleEntry[]> {
  const entries: OracleEntry[] = [];
  for await (const entry of tarEntries(ReadableStream.from([tar]))) {
    entries.push(entry);
    for await (const _ of entry.content);
  }
  return entries;
}

/** Waits for a failure and returns it; anything but a `KilnError` fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<KilnError> {
  const outcome = await promise.then(() => undefined, (error: unknown) => error);
  if (outcome instanceof KilnError) return outcome;
  if (outcome === undefined) assert.fail("nothing failed");
  throw outcome;
}
