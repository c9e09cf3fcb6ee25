/**
 * Both backends of `lib/rootfs`, ready to use, on a disk of their own.
 *
 * @module
 */
import { gunzipSync } from "node:zlib";
import { Gate } from "../../lib/async/gate.ts";
import { WorkerPool } from "../../lib/async/worker_pool.ts";
import { type Abilities, ownAbilities } from "../../lib/exec/abilities.ts";
import { makeSideRecord } from "../../lib/tree/side_record.ts";
import { LayerPacker, type PackedLayer, type PackOptions } from "../../lib/image/packer.ts";
import { type BytePath, bytePathOf } from "../../lib/io/byte_path.ts";
import { compressBlock, type CompressRequest } from "../../lib/io/block_format.ts";
import { digestOfHex } from "../../lib/oci/digest.ts";
import { ChrootCommands } from "../../lib/rootfs/chroot.ts";
import { DirectoryBackend } from "../../lib/rootfs/directories.ts";
import { InPlaceCommands } from "../../lib/rootfs/in_place.ts";
import { RootLock } from "../../lib/rootfs/root_lock.ts";
import { OverlayBackend } from "../../lib/rootfs/overlay.ts";
import type { Backend } from "../../lib/rootfs/rootfs.ts";
import { BlobDirectory } from "../../lib/store/blob_directory.ts";
import type { LayerFile } from "../../lib/store/blob_file.ts";
import type { Jobs } from "../../lib/worker.ts";
import { makeContainerPlace } from "./container_place.ts";
import { type Disk, startDisk } from "./disk.ts";
import { recordingReport } from "./registry_client.ts";
import { tarDigest } from "./tree_tar.ts";

/** The backends there are. */
export const BACKEND_NAMES = ["overlay", "userns", "chroot", "in-place"] as const;

/** Name of a backend. */
export type BackendName = typeof BACKEND_NAMES[number];

/** A pool, a store and a packer, and the backends over them. */
export interface Workshop extends AsyncDisposable {
  readonly disk: Disk;
  readonly pool: WorkerPool<Jobs>;
  readonly store: BlobDirectory;
  readonly packer: LayerPacker;
  /** The side record. */
  readonly record: BytePath;
  /** Makes a backend in a directory of its own. It is disposed of with the workshop at the latest. */
  backend(name: BackendName, abilities?: { readonly namespaces: boolean }): Backend;
  /** Puts an uncompressed layer on disk. */
  layerFile(tar: Uint8Array<ArrayBuffer>): LayerFile;
  /** Reads the tar of a packed layer back. */
  tarOf(layer: PackedLayer): Uint8Array<ArrayBuffer>;
}

interface BackendParts {
  readonly pool: WorkerPool<Jobs>;
  readonly packer: LayerPacker;
  readonly store: BlobDirectory;
  readonly record: BytePath;
  readonly abilities: Abilities;
}

/** Makes each backend at a path where nothing is. */
const MAKE: Readonly<Record<BackendName, (directory: string, parts: BackendParts) => Backend>> = {
  overlay: (directory, parts) => {
    Deno.mkdirSync(directory);
    return new OverlayBackend({ ...parts, directory, isolation: "overlay" });
  },
  userns: (directory, parts) => {
    Deno.mkdirSync(directory);
    return new OverlayBackend({ ...parts, directory, isolation: "userns" });
  },
  chroot: (directory, parts) => {
    Deno.mkdirSync(directory);
    return new DirectoryBackend({ ...parts, directory, commands: new ChrootCommands(parts.abilities) });
  },
  "in-place": (path, { abilities, ...parts }) => {
    const place = makeContainerPlace(path);
    const [directory, exchange] = [`${place.own}/trees`, `${place.own}/exchange`];
    for (const made of [directory, exchange]) Deno.mkdirSync(made);
    const lock = RootLock.share(bytePathOf(place.root));
    const commands = new InPlaceCommands({
      root: bytePathOf(place.root),
      directory: bytePathOf(exchange),
      kept: ["kaniko"],
      lock,
      gate: new Gate(),
      abilities,
      report: recordingReport([]),
    });
    const backend = new DirectoryBackend({ ...parts, directory, commands });
    const dispose = backend[Symbol.asyncDispose].bind(backend);
    // Once: the test may end it before the workshop does.
    let ended = false;
    backend[Symbol.asyncDispose] = async () => {
      if (ended) return;
      ended = true;
      await dispose();
      lock[Symbol.dispose]();
      place[Symbol.dispose]();
    };
    return backend;
  },
};

/** Starts a workshop. */
export async function startWorkshop(
  options: Partial<PackOptions> & { readonly workers?: number } = {},
): Promise<Workshop> {
  const { workers = 2, ...pack } = options;
  const disk = await startDisk();
  const pool = new WorkerPool<Jobs>({
    module: new URL("../../lib/worker.ts", import.meta.url),
    size: workers,
    answer: (asked) => {
      // Jobs ask for nothing else.
      const value = compressBlock(asked as CompressRequest);
      return Promise.resolve({ value, transfer: [value.buffer] });
    },
  });
  const record = makeSideRecord(disk.path);
  pool.shared = record;
  const storePath = disk.newPath("blobs");
  Deno.mkdirSync(storePath);
  const store = new BlobDirectory(storePath);
  const packer = new LayerPacker({ pool, store, secrets: () => Promise.resolve([]) }, {
    compression: "gzip",
    level: 1,
    ignorePaths: [],
    ...pack,
  });
  const backends: Backend[] = [];
  return {
    disk,
    pool,
    store,
    packer,
    record,
    backend(name, { namespaces } = { namespaces: true }): Backend {
      const directory = disk.newPath(name);
      const parts = { pool, packer, store, record, abilities: ownAbilities({ namespaces }) };
      const backend = MAKE[name](directory, parts);
      backends.push(backend);
      return backend;
    },
    layerFile(tar): LayerFile {
      const diffId = digestOfHex(tarDigest(tar));
      const path = store.pathOf(diffId);
      Deno.writeFileSync(path, tar);
      const blob = { path, finalPath: path, complete: Promise.resolve() };
      return { diffId, compression: "none", blob: () => blob };
    },
    tarOf: (layer) => new Uint8Array(gunzipSync(Deno.readFileSync(store.pathOf(layer.digest)))),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const backend of backends) await backend[Symbol.asyncDispose]();
      pool[Symbol.dispose]();
      await disk[Symbol.asyncDispose]();
    },
  };
}
