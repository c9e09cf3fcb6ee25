/**
 * The job of a Worker: reads a pack, perhaps still arriving, finds a commit in it and checks it out.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf, displayPath } from "../io/byte_path.ts";
import { followFile } from "../io/follow_file.ts";
import { AT_FDCWD, close, O, openAt, openDirectory } from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import type { AttributeFile, AttributeMacros } from "./attributes.ts";
import { checkOut, type CheckOutOptions, withAttributesOf } from "./check_out.ts";
import { type Commit, parseCommit, parseTag } from "./commit_object.ts";
import { GitDirectoryWriter, type KeptRepository } from "./git_directory.ts";
import type { LfsFile } from "./lfs_parts.ts";
import { malformedObject, malformedPack } from "./malformed.ts";
import { bytesOfId, type ObjectId } from "./object_id.ts";
import { ObjectReader } from "./object_reader.ts";
import { ObjectTable } from "./object_table.ts";
import { TYPE } from "./object_type.ts";
import { DEFAULT_PACK_LIMITS, expansionAllowed, type PackLimits } from "./pack_limits.ts";
import { PackScanner } from "./pack_scanner.ts";
import { resolveDeltas } from "./resolve_deltas.ts";
import { MAX_MODULES_BYTES } from "./submodules.ts";
import { parseTree } from "./tree_object.ts";

/** What to read, and where to put it. */
export interface ReadPackRequest {
  /** The file of the pack. */
  readonly pack: string;
  /** See `followFile`. */
  readonly progress?: SharedArrayBuffer;
  /** A directory for objects that are too large for memory. */
  readonly scratch: BytePath;
  /** The commit, or a tag of it. */
  readonly id: ObjectId;
  /** The directory of the context, and the empty one within that the commit goes to; "" for itself. */
  readonly directory: BytePath;
  readonly below: BytePath;
  /** A directory of the commit that takes its place. */
  readonly subdirectory?: BytePath;
  /** Whether entries get the time of the commit. */
  readonly commitTime: boolean;
  /** Set to make a `.git` directory. */
  readonly keep?: KeptRepository;
  /** Instead of the usual ones. */
  readonly limits?: PackLimits;
}

/** A submodule. */
export interface FoundSubmodule {
  /** Where it is in the repository. */
  readonly path: BytePath;
  /** Where its empty directory is in the directory of the context. */
  readonly below: BytePath;
  /** The directory of it that is wanted, if the subdirectory asked for is in this submodule. */
  readonly subdirectory?: BytePath;
  readonly commit: ObjectId;
}

/** What was found and done. */
export interface ReadPackResult {
  /** Absent if the pack has not the commit; nothing was written then. */
  readonly commit?: ObjectId;
  /** When it was committed, in seconds since 1970. */
  readonly time?: number;
  readonly submodules: readonly FoundSubmodule[];
  /** The text of `.gitmodules`; absent without submodules, and if there is none. */
  readonly modules?: string;
  readonly lfsFiles: readonly LfsFile[];
  /** The text of `.lfsconfig`; only if there are LFS files. */
  readonly lfsConfig?: string;
}

/**
 * Reads the pack and checks the commit out.
 *
 * @throws {KilnError} kind `integrity` for a pack or objects that are malformed, `context` if the commit has no such
 *   subdirectory, `disk`.
 */
export async function readPack(request: ReadPackRequest): Promise<ReadPackResult> {
  const { limits = DEFAULT_PACK_LIMITS } = request;
  const table = new ObjectTable();
  using scanner = new PackScanner(table, limits);
  for await (const chunk of followFile({ path: request.pack, finalPath: request.pack }, request.progress)) {
    scanner.push(chunk);
  }
  scanner.end();
  const packBytes = scanner.position;
  if (scanner.deltaBytes > expansionAllowed(limits, packBytes)) {
    throw malformedPack(`its ${packBytes} bytes expand to ${scanner.deltaBytes}`);
  }
  const pack = openAt(AT_FDCWD, bytePathOf(request.pack), O.RDONLY);
  const scratch = openDirectory(request.scratch);
  const directory = openDirectory(request.directory);
  try {
    using reader = new ObjectReader({ pack, packBytes, table, scratch, limits });
    resolveDeltas(reader, limits);
    const found = findCommit(request.id, reader);
    if (found === undefined) return { submodules: [], lfsFiles: [] };
    const root = openInRoot(directory, request.below, O.RDONLY | O.DIRECTORY | O.NOFOLLOW);
    try {
      const work = { request, reader, packBytes, limits, root };
      if (request.keep === undefined) return { commit: found.id, ...checkOutCommit(found.commit, work) };
      const kept = new GitDirectoryWriter(root);
      try {
        const result = checkOutCommit(found.commit, { ...work, kept });
        kept.finish(found.id, { kept: request.keep, pack: bytePathOf(request.pack), table });
        return { commit: found.id, ...result };
      } finally {
        kept.close();
      }
    } finally {
      close(root);
    }
  } finally {
    for (const fd of [pack, scratch, directory]) close(fd);
  }
}

interface CheckOutWork extends Pick<CheckOutOptions, "reader" | "packBytes" | "limits" | "root"> {
  readonly request: ReadPackRequest;
  readonly kept?: GitDirectoryWriter;
}

function checkOutCommit(commit: Commit, work: CheckOutWork): Omit<ReadPackResult, "commit"> {
  const { request, reader } = work;
  const submodules: FoundSubmodule[] = [];
  const lfsFiles: LfsFile[] = [];
  const start = findSubdirectory(commit.tree, request.subdirectory ?? "", reader);
  if (start.kind === "submodule") {
    submodules.push({ ...start, below: request.below });
  } else {
    checkOut(start.tree, {
      ...work,
      ...start,
      ...(request.commitTime ? { time: commit.time } : {}),
      onEntry(found): void {
        const { path, entry, pointer } = found;
        work.kept?.add(found);
        if (pointer !== undefined) {
          if (lfsFiles.length === MAX_LFS_FILES) throw malformedObject(commit.tree, "it has no end of LFS files");
          lfsFiles.push({ ...pointer, path: joined(request.below, path) });
        }
        if (entry.kind !== "submodule") return;
        if (submodules.length === MAX_SUBMODULES) throw malformedObject(commit.tree, "it has no end of submodules");
        submodules.push({
          path: joined(request.subdirectory ?? "", path),
          below: joined(request.below, path),
          commit: Buffer.from(entry.id).toString("hex"),
        });
      },
    });
  }
  const modules = submodules.length === 0 ? undefined : readSmall(".gitmodules", commit.tree, reader);
  const lfsConfig = lfsFiles.length === 0 ? undefined : readSmall(".lfsconfig", commit.tree, reader);
  return {
    time: commit.time,
    submodules,
    lfsFiles,
    ...(modules === undefined ? {} : { modules }),
    ...(lfsConfig === undefined ? {} : { lfsConfig }),
  };
}

/** More submodules than these are no project. */
const MAX_SUBMODULES = 10_000;
const MAX_LFS_FILES = 200_000;

type Start =
  | ({ readonly kind: "tree"; readonly tree: ObjectId } & Pick<CheckOutOptions, "within" | "attributes" | "macros">)
  | { readonly kind: "submodule"; readonly path: BytePath; readonly commit: ObjectId; readonly subdirectory: BytePath };

/**
 * Finds a directory by its path in the trees, where symlinks are just files: none is followed (S45, CVE-2026-33748).
 *
 * @throws {KilnError} kind `context`, if it is not there or no directory.
 */
function findSubdirectory(root: ObjectId, path: BytePath, reader: ObjectReader): Start {
  let tree = root;
  let within: BytePath = "";
  const macros: AttributeMacros = new Map();
  let attributes: readonly AttributeFile[] = [];
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  for (const [at, name] of names.entries()) {
    const index = reader.indexOf(tree, TYPE.TREE);
    const entries = [...parseTree(tree, reader.structure(index))];
    const entry = entries.find((entry) => entry.name === name);
    const walked = names.slice(0, at + 1).join("/");
    const id = entry === undefined ? "" : Buffer.from(entry.id).toString("hex");
    if (entry?.kind === "submodule") {
      return { kind: "submodule", path: walked, commit: id, subdirectory: names.slice(at + 1).join("/") };
    }
    if (entry?.kind !== "directory") {
      const found = entry === undefined ? "the commit does not have it" : `it is a ${entry.kind}, not a directory`;
      throw new KilnError("context", `Cannot use the subdirectory "${displayPath(walked)}": ${found}`);
    }
    attributes = withAttributesOf(entries, { reader, macros, attributes, prefix: within });
    within = `${walked}/`;
    tree = id;
  }
  return { kind: "tree", tree, within, attributes, macros };
}

/** Returns the text of a file of settings in the root; undefined if there is none. */
function readSmall(wanted: string, root: ObjectId, reader: ObjectReader): string | undefined {
  const index = reader.indexOf(root, TYPE.TREE);
  const entry = [...parseTree(root, reader.structure(index))].find(({ name }) => name === wanted);
  if (entry?.kind !== "file" && entry?.kind !== "executable") return undefined;
  const blob = reader.indexOf(entry.id, TYPE.BLOB);
  if (reader.table.size(blob) > MAX_MODULES_BYTES) {
    throw malformedObject(reader.table.id(blob), `it is a ${wanted} of more than ${MAX_MODULES_BYTES} bytes`);
  }
  return Buffer.from(reader.structure(blob)).toString("utf8");
}

function joined(directory: BytePath, path: BytePath): BytePath {
  return directory === "" ? path : `${directory}/${path}`;
}

/** Follows tags to the commit; undefined if the pack has not the object asked for. */
function findCommit(
  id: ObjectId,
  reader: ObjectReader,
): { readonly id: ObjectId; readonly commit: Commit } | undefined {
  const { table } = reader;
  let at = id;
  for (let tags = 0; tags < 16; tags++) {
    const index = table.find(bytesOfId(at));
    if (index === undefined) {
      if (at === id) return undefined;
      throw malformedObject(at, "the server did not send it");
    }
    const type = table.type(index);
    if (type === TYPE.COMMIT) return { id: at, commit: parseCommit(at, reader.structure(index)) };
    if (type !== TYPE.TAG) throw malformedObject(at, "it is neither a commit nor a tag of one");
    at = parseTag(at, reader.structure(index));
  }
  throw malformedObject(id, "it is a tag of a tag of a tag, and so on");
}
