/**
 * What downloading from a Git LFS server takes.
 *
 * @module
 */
import type { Reach } from "../http/reach.ts";
import type { Transport } from "../http/transport.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import type { LfsPointer } from "./lfs_pointer.ts";

/** A large file to be put in the place of its pointer. */
export interface LfsFile extends LfsPointer {
  /** Within the directory of the context. */
  readonly path: BytePath;
}

/** An LFS server. */
export interface LfsServer {
  /** The URL that `/objects/batch` is below. */
  readonly url: URL;
  /** For the host of this URL alone. A secret. */
  readonly headers: Readonly<Record<string, string>>;
  readonly reach: Reach;
  /** How near the servers may be that this one names. */
  readonly neighbours: Reach;
}

/** What downloading works with. */
export interface LfsParts {
  readonly server: LfsServer;
  readonly transport: Transport;
  /** The directory of the context. */
  readonly directory: BytePath;
  /** Told of every byte that is downloaded; throws if there are too many. */
  readonly count: (bytes: number) => void;
  readonly report: Report;
  readonly signal: AbortSignal;
}
