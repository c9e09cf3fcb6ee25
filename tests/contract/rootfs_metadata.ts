/**
 * The matrix of entry kinds and ways into an image, part of the contract of every backend: whatever a file system can
 * say about an entry must be in the layer and in the unpacked tree, to the bit. Python reads the trees and the layers.
 *
 * @module
 */
import type { RootFs } from "../../lib/rootfs/rootfs.ts";
import { assertListing } from "../support/disk.ts";
import type { Listing } from "../support/environment/listing.ts";
import { EVERY_KIND } from "../support/every_kind.ts";
import { gnuExtract } from "../support/gnu_tar.ts";
import { possibleTree } from "../support/possible.ts";
import { type DefineTest, type Lab, withoutRoot } from "../support/rootfs_lab.ts";
import { file, listingOf, type Tree, withParents } from "../support/tree.ts";
import { layerOf } from "../support/tree_tar.ts";

/** A way into an image. */
interface Way {
  readonly name: string;
  /** Whose everything is afterwards; absent: whose it was. */
  readonly owner?: number;
  /** Whether Python has to write the tree to disk. */
  readonly writes?: true;
  /** Puts the tree into the rootfs. */
  run(lab: Lab, rootfs: RootFs, tree: Tree): Promise<void>;
}

const WAYS: readonly Way[] = [
  {
    name: "a command",
    writes: true,
    run: async ({ workshop }, rootfs, tree) => void await workshop.disk.write(tree, rootfs.path),
  },
  {
    name: "COPY",
    owner: 0,
    writes: true,
    run: async (lab, rootfs, tree) =>
      await copy(lab, rootfs, { root: await lab.workshop.disk.write(tree), owner: { uid: 0, gid: 0 } }),
  },
  {
    name: "COPY --chown",
    owner: 4_294_967_294,
    writes: true,
    run: async (lab, rootfs, tree) => {
      const from = { root: await lab.workshop.disk.write(tree), kind: "context", description: "it" } as const;
      const owner = { uid: 4_294_967_294, gid: 4_294_967_294 };
      await lab.copy(rootfs, { from, sources: ["."], destination: "/", owner });
    },
  },
  {
    name: "COPY --from",
    run: async (lab, rootfs, tree) => {
      const snapshot = await lab.unpackTars(layerOf([]), layerOf(withParents(tree)));
      await copy(lab, rootfs, { root: await snapshot.view() });
    },
  },
  {
    name: "ADD of an archive",
    run: async (lab, rootfs, tree) => {
      const from = {
        root: await lab.workshop.disk.write({ "tree.tar": file(byteString(layerOf(withParents(tree)))) }),
        kind: "context",
        description: "it",
        owner: { uid: 0, gid: 0 },
      } as const;
      await lab.copy(rootfs, { from, sources: ["tree.tar"], destination: "/", unpack: true });
    },
  },
];

/** Registers the tests. */
export function testMetadata(test: DefineTest): void {
  for (const [what, tree] of EVERY_KIND) {
    test(`${what}: unpacked from a layer`, async (lab) => {
      const snapshot = await lab.unpack([...withParents(tree)]);
      assertListing(withoutRoot(await lab.view(snapshot)), listingOf(tree));
    });

    test(`${what}: unpacked over a layer that has it all otherwise`, async (lab) => {
      const others = [...withParents(tree).keys()].filter((path) => !path.includes("/"));
      const snapshot = await lab.unpack(
        others.map((path) => [path, file("in the way", { mode: 0o7777, uid: 9, xattrs: { "trusted.old": "x" } })]),
        [...withParents(tree)],
      );
      assertListing(withoutRoot(await lab.view(snapshot)), listingOf(tree));
    });

    for (const way of WAYS) {
      test(`${what}: through ${way.name} into the layer`, async (lab) => {
        await using rootfs = await lab.backend.open(lab.backend.empty(), { lastUse: true });
        const written = way.writes ? possibleTree(tree) : tree;
        await way.run(lab, rootfs, written);
        const expected = ownedBy(listingOf(written), way.owner);
        assertListing(withoutRoot(await lab.read(rootfs.path)), expected);
        const tar = await lab.layer(rootfs);
        await lab.assertGivesBack([tar], expected);
        // GNU tar takes only seconds of times before 1970 as written, and truncates paths at 4 KiB of its own.
        if (way.name !== "a command" || what.startsWith("paths")) return;
        await using extracted = await gnuExtract(tar);
        assertListing(withoutRoot(await lab.workshop.disk.read(extracted.folder)), expected);
      });
    }
  }
}

async function copy(
  lab: Lab,
  rootfs: RootFs,
  tree: { readonly root: string; readonly owner?: { readonly uid: number; readonly gid: number } },
): Promise<void> {
  const from = { ...tree, kind: tree.owner === undefined ? "stage" : "context", description: "it" } as const;
  await lab.copy(rootfs, { from, sources: ["."], destination: "/" });
}

function ownedBy(listing: Listing, owner: number | undefined): Listing {
  if (owner === undefined) return listing;
  return new Map([...listing].map(([path, entry]) => [path, { ...entry, uid: owner, gid: owner }]));
}

function byteString(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 8192) pieces.push(String.fromCharCode(...bytes.subarray(at, at + 8192)));
  return pieces.join("");
}
