/**
 * A lab in a user namespace, where a tree on disk lacks what only the side record knows: trees are read by copying them
 * into a layer, which the tests' own reader lists.
 *
 * @module
 */
import { KilnError } from "../../lib/errors.ts";
import type { RootFs } from "../../lib/rootfs/rootfs.ts";
import { bytePathOf } from "../../lib/io/byte_path.ts";
import { AT_FDCWD } from "../../lib/sys/file.ts";
import { Metadata } from "../../lib/tree/metadata_access.ts";
import type { Operation } from "./disk.ts";
import { flatten } from "./environment/flatten.ts";
import { writeLayout } from "./environment/layout_writer.ts";
import type { ListedFile, Listing } from "./environment/listing.ts";
import { Lab, withoutRoot } from "./rootfs_lab.ts";

/** One backend in a user namespace. */
export class NamespaceLab extends Lab {
  override async change(rootfs: RootFs, operations: readonly Operation[]): Promise<void> {
    await asBeforeCommand(rootfs);
    await super.change(rootfs, operations);
  }

  override async read(path: string): Promise<Listing> {
    const onDisk = await super.read(path);
    // No layer can hold a name like that of a whiteout.
    if ([...onDisk.keys()].some((name) => name.includes("/.wh."))) return onDisk;
    await using rootfs = await this.backend.open(this.backend.empty(), { lastUse: true });
    const from = { root: path, kind: "stage", description: "what is read" } as const;
    await this.copy(rootfs, { from, sources: ["."], destination: "/" });
    const listing = await this.applied(await this.layer(rootfs));
    // Sockets are copied as files.
    const all = new Map([["/", this.#root(path, onDisk)], ...listing]);
    return new Map([...all].filter(([name]) => onDisk.has(name)));
  }

  /** COPY does not tell what the root itself is like. */
  #root(path: string, onDisk: Listing): ListedFile {
    using metadata = new Metadata(this.workshop.record);
    const { mode, uid, gid } = metadata.statAt(AT_FDCWD, bytePathOf(path));
    const own = { mode: (mode & 0o7777).toString(8).padStart(4, "0"), uid, gid };
    return { type: "directory", mtime: "", ...onDisk.get("/"), ...own };
  }

  override async applied(...tars: readonly Uint8Array[]): Promise<Listing> {
    try {
      return await super.applied(...tars);
    } catch (error) {
      // Python may make no more here than a command may.
      if (!(error instanceof Error && /PermissionError|\[Errno (1|22)\]/.test(error.message))) throw error;
    }
    const folder = await this.workshop.disk.write();
    const layers = tars.map((tar) => {
      const path = this.workshop.disk.newPath("layer");
      Deno.writeFileSync(path, tar);
      return { tar: path };
    });
    await writeLayout(folder, { layers });
    return withoutRoot((await flatten(folder)).files);
  }
}

/** What happens to the tree when a command is started: this one is not there. */
async function asBeforeCommand(rootfs: RootFs): Promise<void> {
  const nothing = (): void => {};
  const io = { stdout: nothing, stderr: nothing, signal: new AbortController().signal, graceMs: 0 };
  try {
    await rootfs.exec({
      argv: ["/no/such/command"],
      environment: [],
      workingDirectory: "/",
      user: { uid: 0, gid: 0, groups: [0], home: "/" },
      hostname: "test",
      network: "host",
      mounts: [],
      confined: true,
    }, io);
  } catch (error) {
    if (!(error instanceof KilnError && error.kind === "run")) throw error;
  }
}
