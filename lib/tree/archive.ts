/**
 * Writing changes as the tar of a layer.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import * as files from "../sys/file.ts";
import { MOST_PATH_BYTES } from "../sys/resolve.ts";
import type { TarEntry } from "../tar/entry.ts";
import type { TarWriter } from "../tar/writer.ts";
import type { Change } from "./change.ts";
import { headerOf, type Located } from "./metadata.ts";
import { joinPath, splitPath } from "./open_directories.ts";
import type { Metadata } from "./metadata_access.ts";

/** How to write. */
export interface ArchiveOptions {
  readonly metadata: Metadata;
  /** Called after each entry and each piece of content: waits, when the reader of the tar cannot keep up. */
  drain(): Promise<void> | undefined;
  /** SOURCE_DATE_EPOCH: later times are written as this one. Seconds since the epoch. */
  readonly latestSec?: number;
  /** False for an archive that is no layer, in which no name deletes anything. */
  readonly isLayer?: false;
  /** Only attributes of the user's kind are written. */
  readonly onlyUserXattrs?: true;
}

const WHITEOUT_PREFIX = ".wh.";

/**
 * Writes all changes and ends the tar.
 *
 * @returns how many entries it has.
 * @throws {KilnError} for a file that changes while it is read, or whose name would be taken for a whiteout or is too
 *   long.
 */
export async function writeChanges(
  changes: Iterable<Change>,
  tar: TarWriter,
  options: ArchiveOptions,
): Promise<number> {
  let entries = 0;
  for (const change of changes) {
    if (change.kind === "whiteout") tar.header(whiteoutHeader(change.path));
    else await writeEntry(change, tar, options);
    entries++;
    const waiting = options.drain();
    if (waiting !== undefined) await waiting;
  }
  tar.finish();
  return entries;
}

/** As Docker writes them: an empty file with mode 0 and no time, owned by root. */
function whiteoutHeader(path: BytePath): TarEntry {
  const { parent, name } = splitPath(path);
  return {
    name: joinPath(parent, WHITEOUT_PREFIX + name),
    type: "file",
    mode: 0,
    uid: 0,
    gid: 0,
    size: 0,
    mtimeNs: 0n,
    linkName: "",
    devMajor: 0,
    devMinor: 0,
  };
}

async function writeEntry(
  change: Change & { kind: "entry" },
  tar: TarWriter,
  options: ArchiveOptions,
): Promise<void> {
  const { path, located, linkTo } = change;
  if (options.isLayer !== false && splitPath(path).name.startsWith(WHITEOUT_PREFIX)) {
    throw new KilnError(
      "dockerfile",
      `Cannot put "${displayPath(path)}" into a layer: names that begin with ".wh." delete files`,
      {
        hint: "remove or rename it in the instruction that makes it",
      },
    );
  }
  for (const name of [path, linkTo ?? ""]) refuseLong(name);
  const header = headerOf(located, path, {
    metadata: options.metadata,
    ...(options.onlyUserXattrs ? { onlyUserXattrs: true } : {}),
    ...(linkTo === undefined ? {} : { linkTo }),
    ...(options.latestSec === undefined ? {} : { latestSec: options.latestSec }),
  });
  tar.header(header);
  if (header.type === "file" && header.size > 0) await writeContent(located, header.size, { path, tar, options });
}

/** Commands can make longer paths step by step; containerd, Docker, Podman and Kiln all fail to unpack them. */
function refuseLong(path: BytePath): void {
  if (path.length <= MOST_PATH_BYTES) return;
  const state = `its path has ${path.length} bytes, and nothing that unpacks images takes more than ${MOST_PATH_BYTES}`;
  throw new KilnError("dockerfile", `Cannot put "${displayPath(path)}" into a layer: ${state}`, {
    hint: "remove or move it in the instruction that makes it",
  });
}

const buffer = new Uint8Array(1 << 18);

async function writeContent(
  { directory, name }: Located,
  size: number,
  to: { path: BytePath; tar: TarWriter; options: ArchiveOptions },
): Promise<void> {
  const fd = files.openAt(directory, name, files.O.RDONLY | files.O.NOFOLLOW);
  try {
    for (let left = size; left > 0;) {
      const count = files.read(fd, left < buffer.length ? buffer.subarray(0, left) : buffer);
      if (count === 0) {
        throw new KilnError("disk", `Cannot read "${displayPath(to.path)}": it became shorter meanwhile`);
      }
      to.tar.body(buffer.subarray(0, count));
      left -= count;
      const waiting = to.options.drain();
      if (waiting !== undefined) await waiting;
    }
  } finally {
    files.close(fd);
  }
}
