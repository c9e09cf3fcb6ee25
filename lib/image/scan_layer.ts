/**
 * The chroot backend's jobs: finding what changed in a whole tree, and writing it out before it changes again.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { explainSysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { TarWriter } from "../tar/writer.ts";
import { writeChanges } from "../tree/archive.ts";
import { CandidateWriter } from "../tree/candidate_file.ts";
import { nextTick } from "../tree/clock_tick.ts";
import { type LinkGroup, scanTree } from "../tree/scan.ts";
import { treeChanges } from "../tree/tree_changes.ts";
import type { Metadata } from "../tree/metadata_access.ts";
import { withoutIgnored } from "../tree/without_ignored.ts";

/** What to scan. */
export interface ScanRequest {
  readonly root: BytePath;
  /** Index of the tree before; absent: only `after` is of interest. */
  readonly before?: BytePath;
  readonly after: BytePath;
  /** Where the candidates go. */
  readonly candidates: BytePath;
}

/** What a scan found; plain data. */
export interface ScanReply {
  readonly suspects: readonly BytePath[];
  readonly links: ReadonlyMap<string, LinkGroup>;
}

/** Scans a tree and writes its new index and the candidates. */
export function scanLayer(request: ScanRequest, metadata: Metadata): ScanReply {
  const candidates = new CandidateWriter(request.candidates);
  const suspects: BytePath[] = [];
  const root = files.openDirectory(request.root);
  try {
    const { links } = scanTree(root, { before: request.before, after: request.after, metadata }, {
      whiteout: (path) => candidates.add("whiteout", path),
      changed: (path) => candidates.add("changed", path),
      linked: (path) => candidates.add("linked", path),
      suspect: (path) => {
        suspects.push(path);
        candidates.add("suspect", path);
      },
    });
    // What is written from now on must get another ctime than what the index has.
    nextTick(root);
    return { suspects, links };
  } catch (error) {
    throw explainSysError(error, "look for changes", "disk");
  } finally {
    candidates.close();
    files.close(root);
  }
}

/** What to write out. */
export interface SpoolRequest {
  readonly root: BytePath;
  readonly candidates: BytePath;
  readonly links: ReadonlyMap<string, LinkGroup>;
  readonly changedSuspects: readonly BytePath[];
  /** The tar to be made. */
  readonly output: BytePath;
  readonly latestSec?: number;
  /** As in `PackOptions`. */
  readonly ignorePaths: readonly BytePath[];
}

/** Writes the changes as a tar, uncompressed: once this is done the tree may change. Returns how many entries it has. */
export async function spoolLayer(request: SpoolRequest, metadata: Metadata): Promise<number> {
  const root = files.openDirectory(request.root);
  try {
    const output = files.openAt(files.AT_FDCWD, request.output, files.O.WRONLY | files.O.CREAT | files.O.EXCL, 0o600);
    try {
      const spool = new Spool(output);
      const tar = new TarWriter((chunk) => spool.write(chunk));
      const changes = treeChanges(root, request.candidates, {
        metadata,
        links: request.links,
        changedSuspects: new Set(request.changedSuspects),
      });
      const entries = await writeChanges(withoutIgnored(changes, request.ignorePaths), tar, {
        metadata,
        drain: () => undefined,
        ...(request.latestSec === undefined ? {} : { latestSec: request.latestSec }),
      });
      spool.flush();
      return entries;
    } finally {
      files.close(output);
    }
  } catch (error) {
    throw explainSysError(error, "pack the layer", "disk");
  } finally {
    files.close(root);
  }
}

/** Gathers the many small pieces of a tar. */
class Spool {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(1 << 20);
  #used = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      const count = Math.min(chunk.length - at, this.#buffer.length - this.#used);
      this.#buffer.set(chunk.subarray(at, at + count), this.#used);
      this.#used += count;
      at += count;
      if (this.#used === this.#buffer.length) this.flush();
    }
  }

  flush(): void {
    files.writeAll(this.#fd, this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }
}
