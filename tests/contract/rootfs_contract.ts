/**
 * What every backend of `lib/rootfs` must do: one suite, run against each.
 *
 *     testRootFs("overlay");
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Backend, RootFs, Snapshot } from "../../lib/rootfs/rootfs.ts";
import { type BackendName, startWorkshop, type Workshop } from "../support/backends.ts";
import type { Operation } from "../support/disk.ts";
import { type OracleEntry, tarEntries } from "../support/environment/tar_entries.ts";
import { type LayerItem, layerOf } from "../support/tree_tar.ts";
import { character, dir, fifo, socket, symlink, type Tree, withParents } from "../support/tree.ts";

/** Registers the suite for one backend. */
export function testRootFs(name: BackendName): void {
  const test = (behaviour: string, body: (lab: Lab) => Promise<void>): void =>
    Deno.test(`${name} rootfs, ${behaviour}`, async () => {
      await using workshop = await startWorkshop({ workers: 1 });
      await body(new Lab(workshop, workshop.backend(name)));
    });

  test("replaces a file by a socket: the layer deletes the file", async (lab) => {
    await using rootfs = await lab.open({ f: "old", d: dir() });
    await lab.change(rootfs, [{ do: "replace", path: "f", node: socket() }, {
      do: "replace",
      path: "d",
      node: socket(),
    }]);
    assert.deepEqual(await lab.layerNames(rootfs), [".wh.d", ".wh.f"]);
  });

  test("links symlinks, devices and pipes: the layer keeps them linked", async (lab) => {
    await using rootfs = await lab.open({ l: symlink("x"), p: fifo(), c: character(1, 3) });
    await lab.change(rootfs, ["l", "p", "c"].map((path) => ({ do: "link", path, to: `${path}2` })));
    assert.deepEqual(await lab.layerLinks(rootfs), [["c2", "c"], ["l2", "l"], ["p2", "p"]]);
  });

  test("removes a socket: the layer says nothing", async (lab) => {
    await using rootfs = await lab.open({});
    await lab.change(rootfs, [{ do: "make", path: "s", node: socket() }]);
    assert.deepEqual(await lab.layerNames(rootfs), []);
    await lab.change(rootfs, [{ do: "remove", path: "s" }]);
    assert.deepEqual(await lab.layerNames(rootfs), []);
  });
}

/** One backend and what tests do with it. */
class Lab {
  readonly workshop: Workshop;
  readonly backend: Backend;

  constructor(workshop: Workshop, backend: Backend) {
    this.workshop = workshop;
    this.backend = backend;
  }

  /** Unpacks layers, lowest first. */
  async unpack(...layers: readonly (readonly LayerItem[])[]): Promise<Snapshot> {
    return await this.backend.unpack(layers.map((items) => this.workshop.layerFile(layerOf(items))));
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

  /** Ends a step and returns the tar of its layer. */
  async layer(rootfs: RootFs): Promise<Uint8Array<ArrayBuffer>> {
    const { layer } = await rootfs.checkpoint();
    return this.workshop.tarOf(await layer);
  }

  /** Ends a step and returns the names in its layer. */
  async layerNames(rootfs: RootFs): Promise<readonly string[]> {
    return (await entriesIn(await this.layer(rootfs))).map((entry) => entry.name);
  }

  /** Ends a step and returns the hard links in its layer: names and targets. */
  async layerLinks(rootfs: RootFs): Promise<readonly (readonly [string, string])[]> {
    const links = await entriesIn(await this.layer(rootfs));
    return links.filter(({ type }) => type === "1").map(({ name, linkName }) => [name, linkName]);
  }
}

/** Returns the entries of a tar, in its order, their content read past. */
async function entriesIn(tar: Uint8Array): Promise<readonly OracleEntry[]> {
  const entries: OracleEntry[] = [];
  for await (const entry of tarEntries(ReadableStream.from([tar]))) {
    entries.push(entry);
    for await (const _ of entry.content);
  }
  return entries;
}
