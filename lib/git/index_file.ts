/**
 * The index of a working tree, version 2 (gitformat-index(5)): without it, `git status` takes every file for deleted.
 *
 * Entries come in the order of a walk through the trees, which is the order of the index. They go to a file first, as the
 * header in front of them counts them.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { BytePath } from "../io/byte_path.ts";
import { close, O, openAt, readAt, unlinkAt, writeAll } from "../sys/file.ts";
import type { Stat } from "../sys/stat.ts";
import type { EntryKind } from "./tree_object.ts";

/** One file, symlink or submodule. */
export interface IndexEntry {
  readonly path: BytePath;
  readonly kind: Exclude<EntryKind, "directory">;
  /** The 20 bytes of the object's id. */
  readonly id: Uint8Array;
  /** Its status on disk. */
  readonly stat: Stat;
}

const MODES: Readonly<Record<IndexEntry["kind"], number>> = {
  file: 0o100644,
  executable: 0o100755,
  symlink: 0o120000,
  submodule: 0o160000,
};

const FIXED_BYTES = 62;
const BUFFER_BYTES = 64 * 1024;

/** Writes `index` into a `.git` directory. */
export class IndexFileWriter {
  readonly #directory: number;
  readonly #fd: number;
  #count = 0;
  #pieces: Uint8Array[] = [];
  #pending = 0;
  #length = 0;

  /** @param directory an open directory. */
  constructor(directory: number) {
    this.#directory = directory;
    this.#fd = openAt(directory, "index.entries", O.RDWR | O.CREAT | O.EXCL, 0o600);
    unlinkAt(directory, "index.entries");
  }

  /** Adds the next entry. */
  add({ path, kind, id, stat }: IndexEntry): void {
    const bytes = Buffer.alloc(Math.ceil((FIXED_BYTES + path.length + 1) / 8) * 8);
    // A time before 1970 or a device of more than 32 bits does not fit: git looks at the lower bits only, too.
    const numbers = kind === "submodule" ? [0, 0, 0, 0, 0, 0] : [
      stat.ctimeSec,
      stat.ctimeNsec,
      stat.mtimeSec,
      stat.mtimeNsec,
      deviceOf(stat),
      stat.inoLow,
    ];
    const rest = kind === "submodule" ? [0, 0, 0] : [stat.uid, stat.gid, stat.size];
    for (const [at, number] of [...numbers, MODES[kind], ...rest].entries()) {
      bytes.writeUInt32BE(number % 2 ** 32 >>> 0, at * 4);
    }
    bytes.set(id, 40);
    bytes.writeUInt16BE(Math.min(path.length, 0xfff), 60);
    bytes.write(path, FIXED_BYTES, "latin1");
    this.#count++;
    this.#pieces.push(bytes);
    this.#pending += bytes.length;
    if (this.#pending >= BUFFER_BYTES) this.#flush();
  }

  /** Writes the file. */
  finish(): void {
    this.#flush();
    const file = openAt(this.#directory, "index", O.WRONLY | O.CREAT | O.EXCL, 0o644);
    try {
      const hash = createHash("sha1");
      const write = (bytes: Uint8Array<ArrayBuffer>): void => {
        hash.update(bytes);
        writeAll(file, bytes);
      };
      const header = new DataView(new ArrayBuffer(12));
      for (const [at, number] of [0x44495243, 2, this.#count].entries()) header.setUint32(at * 4, number);
      write(new Uint8Array(header.buffer));
      const chunk = new Uint8Array(BUFFER_BYTES);
      for (let at = 0; at < this.#length;) {
        const count = readAt(this.#fd, chunk, at);
        write(chunk.subarray(0, count));
        at += count;
      }
      writeAll(file, new Uint8Array(hash.digest()));
    } finally {
      close(file);
    }
  }

  /** Closes what is open. */
  close(): void {
    close(this.#fd);
  }

  #flush(): void {
    const bytes = new Uint8Array(Buffer.concat(this.#pieces));
    writeAll(this.#fd, bytes);
    this.#length += bytes.length;
    this.#pieces = [];
    this.#pending = 0;
  }
}

/** The device number as stat(2) gives it to git, of which the index keeps the lower half. */
function deviceOf({ devMajor, devMinor }: Stat): number {
  return ((devMajor & 0xfff) * 256 + (devMinor & 0xff) + (devMinor >>> 8) * 0x10_0000) % 2 ** 32;
}
