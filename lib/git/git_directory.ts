/**
 * A `.git` directory for a commit that was checked out: what `BUILDKIT_CONTEXT_KEEP_GIT_DIR=1` asks for.
 *
 * It is a shallow clone as git makes one, with neither hooks nor settings that came from the server: `git log`,
 * `git describe`, `git rev-parse` and `git status` work in it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import { AT_FDCWD, close, makeDirectory, makeLink, O, openAt, readAt, sendFile, writeAll } from "../sys/file.ts";
import { statAt } from "../sys/stat.ts";
import type { CheckedOutEntry } from "./check_out.ts";
import { IndexFileWriter } from "./index_file.ts";
import { ID_BYTES, type ObjectId } from "./object_id.ts";
import type { ObjectTable } from "./object_table.ts";
import { writePackIndex } from "./pack_index_file.ts";

/** What git is told about the commit. */
export interface KeptRepository {
  /** The URL it came from, without credentials. */
  readonly url: string;
  /** The whole name of the reference, and what it is on the server: for an annotated tag, the tag. */
  readonly reference?: { readonly name: string; readonly id: ObjectId };
  /** Commits whose parents are missing. */
  readonly shallow: readonly ObjectId[];
}

/** A `.git` directory that is being made. */
export class GitDirectoryWriter {
  readonly #fd: number;
  readonly #index: IndexFileWriter;

  /** Makes `.git` in an open directory. */
  constructor(root: number) {
    makeDirectory(root, ".git", 0o755);
    this.#fd = openAt(root, ".git", O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    try {
      this.#index = new IndexFileWriter(this.#fd);
    } catch (error) {
      close(this.#fd);
      throw error;
    }
  }

  /** Adds an entry of the working tree, which must have been written. */
  add({ path, entry, directory }: CheckedOutEntry): void {
    const { kind, id, name } = entry;
    if (kind !== "directory") this.#index.add({ path, kind, id, stat: statAt(directory, name) });
  }

  /** Writes everything else. @param pack path of the pack file */
  finish(
    commit: ObjectId,
    { kept, pack, table }: { readonly kept: KeptRepository; readonly pack: BytePath; readonly table: ObjectTable },
  ): void {
    this.#index.finish();
    for (const path of ["refs", "refs/heads", "refs/tags", "objects", "objects/info", "objects/pack", "info"]) {
      makeDirectory(this.#fd, path, 0o755);
    }
    const { name, id } = recordable(kept.reference) ?? { name: "", id: commit };
    const branch = name.startsWith("refs/heads/") ? name.slice("refs/heads/".length) : undefined;
    this.#write("HEAD", branch === undefined ? `${commit}\n` : `ref: ${name}\n`);
    // In one file, so that a name from outside is never a path.
    const references = branch === undefined ? [[name, id]] : [[name, id], [`refs/remotes/origin/${branch}`, id]];
    const lines = references.filter(([name]) => name !== "").map(([name, id]) => `${id} ${name}\n`);
    this.#write("packed-refs", `# pack-refs with: sorted\n${lines.join("")}`);
    this.#write("config", configFor(kept.url));
    this.#write("info/exclude", "");
    if (kept.shallow.length > 0) this.#write("shallow", kept.shallow.map((id) => `${id}\n`).join(""));
    this.#placePack(pack, table);
  }

  /** Closes what is open. */
  close(): void {
    this.#index.close();
    close(this.#fd);
  }

  #write(name: string, text: string): void {
    const fd = openAt(this.#fd, name, O.WRONLY | O.CREAT | O.EXCL, 0o644);
    try {
      writeAll(fd, new Uint8Array(Buffer.from(text, "utf8")));
    } finally {
      close(fd);
    }
  }

  #placePack(path: BytePath, table: ObjectTable): void {
    const source = openAt(AT_FDCWD, path, O.RDONLY);
    try {
      const { size } = statAt(AT_FDCWD, path);
      const checksum = new Uint8Array(ID_BYTES);
      readAt(source, checksum, size - ID_BYTES);
      const name = `objects/pack/pack-${Buffer.from(checksum).toString("hex")}`;
      this.#placeFile(path, source, `${name}.pack`);
      const index = openAt(this.#fd, `${name}.idx`, O.WRONLY | O.CREAT | O.EXCL, 0o444);
      try {
        writePackIndex(index, table, checksum);
      } finally {
        close(index);
      }
    } finally {
      close(source);
    }
  }

  /** Links the file if it is on the same file system, else copies it. */
  #placeFile(path: BytePath, source: number, name: BytePath): void {
    try {
      return makeLink({ directory: AT_FDCWD, name: path }, { directory: this.#fd, name });
    } catch (error) {
      if (!(error instanceof SysError && error.is("EXDEV", "EPERM"))) throw error;
    }
    const target = openAt(this.#fd, name, O.WRONLY | O.CREAT | O.EXCL, 0o444);
    try {
      while (sendFile(target, source, 1 << 24) > 0);
    } finally {
      close(target);
    }
  }
}

/** A name with anything unusual in it is not recorded. */
function recordable(reference: KeptRepository["reference"]): KeptRepository["reference"] {
  // deno-lint-ignore no-control-regex -- control characters are what is unusual
  const usual = reference !== undefined && /^refs\/[^\x00-\x20\x7f~^:?*[\\]+$/.test(reference.name) &&
    !/\.\.|\/\.|\/\/|@\{|\.lock(?:\/|$)|\/$/.test(reference.name);
  return usual ? reference : undefined;
}

function configFor(url: string): string {
  return `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
[remote "origin"]
\turl = "${url.replace(/["\\]/g, "\\$&")}"
\tfetch = +refs/heads/*:refs/remotes/origin/*
`;
}
