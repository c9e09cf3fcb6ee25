/**
 * The job that writes out all files of a finished tree: as a tar, or into a directory of this machine.
 *
 * Both are the one stream of tar entries, so a directory is written by what unpacks layers: no symlink in it is followed,
 * and what is in the way is replaced (S03). Files of a directory become the builder's own, as in BuildKit. What could give
 * somebody rights on this machine, or opens its devices, stays in the image: setuid and setgid bits, devices, and
 * attributes other than the user's.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import { listDirectory } from "../sys/directory.ts";
import { explainSysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { libc } from "../sys/libc.ts";
import { isDirectory, S, type Stat, tryStatAt } from "../sys/stat.ts";
import { TarReader } from "../tar/reader.ts";
import { TarWriter } from "../tar/writer.ts";
import { writeChanges } from "../tree/archive.ts";
import type { Change } from "../tree/change.ts";
import { LayerExtractor } from "../tree/extract.ts";
import { type Metadata, ON_DISK } from "../tree/metadata_access.ts";
import { overlayChanges } from "../tree/overlay_changes.ts";
import { removeTree } from "../tree/remove.ts";
import { type GuardedSecret, SecretGuard } from "./secret_guard.ts";

/** Where the files go. */
export type ExportTarget =
  | {
    readonly kind: "directory";
    /** An existing directory. */
    readonly path: BytePath;
    /** Whether what the tree does not have is removed. */
    readonly mirror: boolean;
  }
  /** A tar, written to an open descriptor. */
  | { readonly kind: "tar"; readonly descriptor: number };

/** What to write where. */
export interface ExportRequest {
  readonly root: BytePath;
  readonly to: ExportTarget;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
  /** What must not be in any file. */
  readonly secrets: readonly GuardedSecret[];
}

/** What was written. */
export interface ExportReply {
  readonly entries: number;
  /** Devices that stayed in the image. */
  readonly devices: number;
}

/** Writes the files. @throws {KilnError} kind `disk`; `denied`, if a secret is in one of them */
export async function exportTree(request: ExportRequest, metadata: Metadata): Promise<ExportReply> {
  const { to } = request;
  const root = files.openDirectory(request.root);
  try {
    if (to.kind === "tar") {
      const write = (chunk: Uint8Array): void => files.writeAll(to.descriptor, new Uint8Array(chunk));
      return {
        entries: await writeTar(overlayChanges(root, undefined, metadata), write, { request, metadata }),
        devices: 0,
      };
    }
    return await writeDirectory(root, to, { request, metadata });
  } catch (error) {
    throw explainSysError(error, "write the files of the image", "disk");
  } finally {
    files.close(root);
  }
}

interface Means {
  readonly request: ExportRequest;
  readonly metadata: Metadata;
  readonly onlyUserXattrs?: true;
}

function writeTar(
  changes: Iterable<Change>,
  write: (chunk: Uint8Array) => void,
  { request: { secrets, latestSec }, metadata, ...options }: Means,
): Promise<number> {
  const guard = secrets.length === 0 ? undefined : new SecretGuard(secrets);
  const tar = new TarWriter((chunk) => {
    guard?.write(chunk);
    write(chunk);
  });
  return writeChanges(changes, tar, {
    metadata,
    drain: () => undefined,
    isLayer: false,
    ...options,
    ...(latestSec === undefined ? {} : { latestSec }),
  });
}

async function writeDirectory(
  root: number,
  { path, mirror }: ExportTarget & { readonly kind: "directory" },
  means: Means,
): Promise<ExportReply> {
  const counts = { devices: 0 };
  const target = files.openDirectory(path);
  const owner = { uid: libc.geteuid(), gid: libc.getegid() };
  const extractor = new LayerExtractor(target, { form: "archive", under: "", metadata: ON_DISK, owner });
  try {
    const reader = new TarReader(extractor);
    const changes = forThisMachine(overlayChanges(root, undefined, means.metadata), counts);
    const entries = await writeTar(changes, (chunk) => reader.push(chunk), { ...means, onlyUserXattrs: true });
    reader.end();
    if (mirror) removeOthers(target, root);
    extractor.finish();
    return { entries, ...counts };
  } catch (error) {
    extractor.abandon();
    // The archive is our own: what is wrong is wrong with the directory.
    const isOfUnpacking = error instanceof KilnError && error.kind === "integrity";
    throw isOfUnpacking ? new KilnError("disk", error.message, { cause: error }) : error;
  } finally {
    files.close(target);
  }
}

const SETID_BITS = 0o6000;

function* forThisMachine(changes: Iterable<Change>, counts: { devices: number }): Generator<Change> {
  for (const change of changes) {
    if (change.kind === "whiteout") continue;
    const { stat } = change.located;
    if (isDevice(stat)) counts.devices++;
    else yield { ...change, located: { ...change.located, stat: { ...stat, mode: stat.mode & ~SETID_BITS } } };
  }
}

function isDevice({ mode }: Stat): boolean {
  const type = mode & S.IFMT;
  return type === S.IFCHR || type === S.IFBLK;
}

/** Removes what only the target has. */
function removeOthers(target: number, tree: number): void {
  const known = new Set(listDirectory(tree));
  for (const name of listDirectory(target)) {
    const stat = known.has(name) ? tryStatAt(tree, name) : undefined;
    if (stat === undefined || isDevice(stat)) removeTree(target, name);
    else if (isDirectory(stat)) {
      files.withChild(target, name, (into) => files.withChild(tree, name, (from) => removeOthers(into, from)));
    }
  }
}
