/**
 * What to run: one command in a rootfs, with everything the Dockerfile says about it already decided.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import type { RunUser } from "./users.ts";

/** One command of a RUN. All strings are byte strings. */
export interface ExecSpec {
  /** At least one word. A first word without a slash is looked up in the PATH of `environment`. */
  readonly argv: readonly BytePath[];
  /** `NAME=value` lines; nothing else is inherited. */
  readonly environment: readonly BytePath[];
  /** Absolute path inside the rootfs; it exists. */
  readonly workingDirectory: BytePath;
  readonly user: RunUser;
  readonly hostname: string;
  readonly network: "host" | "none";
  /** Whether it is held in as Docker holds a container; else it may whatever the builder may. */
  readonly confined: boolean;
  /** Made in its /dev, besides those that every command has. */
  readonly devices?: readonly DeviceNode[];
  /** Mounted in this order, after /proc, /dev and /sys. */
  readonly mounts: readonly PreparedMount[];
}

/** A device node, or a FIFO. */
export interface DeviceNode {
  /** Path inside the rootfs, below /dev. */
  readonly path: BytePath;
  /** The node of the host. */
  readonly source: BytePath;
  /** Type and permission bits. */
  readonly mode: number;
  readonly major: number;
  readonly minor: number;
  readonly uid: number;
  readonly gid: number;
}

/** A mount whose source exists. */
export type PreparedMount = (BindMount | MemoryMount) & {
  /** Its mount point is in a file system in memory that is mounted before: the child makes it. */
  readonly inMemory?: true;
};

/** A file or directory of the host, seen in the rootfs. */
export interface BindMount {
  readonly kind: "bind";
  /** Path as this process sees it. */
  readonly source: BytePath;
  /** Path inside the rootfs. */
  readonly target: BytePath;
  /** What the source is, and so what the mount point must be. */
  readonly type: "file" | "directory";
  readonly readOnly: boolean;
  /** What the command writes there is kept for later builds. */
  readonly isCache?: true;
}

/** An empty file system in memory. */
export interface MemoryMount {
  readonly kind: "tmpfs";
  readonly target: BytePath;
  readonly type: "directory";
  readonly sizeBytes?: number;
  /** Permission bits; those of the directory it hides, or everybody's, as container runtimes have it. */
  readonly mode?: number;
}

/** The permission bits of a file system in memory where no directory was. */
export const NEW_MEMORY_MODE = 0o1777;

/** How a command ended. */
export interface ExecResult {
  /** The exit code, 128 + n for signal n. */
  readonly code: number;
  /** The signal that ended it, if one did. */
  readonly signal?: number;
  /** Whether it was ended because its time was over. */
  readonly timedOut?: true;
  /** Of a command that failed: what it could not do here, whatever it tried. */
  readonly limits?: string;
}
