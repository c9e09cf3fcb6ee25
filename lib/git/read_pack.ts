/**
 * The job of a Worker: reads a pack, perhaps still arriving, finds a commit in it and checks it out.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { followFile } from "../io/follow_file.ts";
import { close, O, openAt, openDirectory } from "../sys/file.ts";
import { AT_FDCWD } from "../sys/file.ts";
import { checkOut } from "./check_out.ts";
import { type Commit, parseCommit, parseTag } from "./commit_object.ts";
import { malformedObject, malformedPack } from "./malformed.ts";
import { bytesOfId, type ObjectId } from "./object_id.ts";
import { ObjectReader } from "./object_reader.ts";
import { ObjectTable } from "./object_table.ts";
import { TYPE } from "./object_type.ts";
import { DEFAULT_PACK_LIMITS } from "./pack_limits.ts";
import { PackScanner } from "./pack_scanner.ts";
import { resolveDeltas } from "./resolve_deltas.ts";

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
  /** An existing, empty directory. */
  readonly directory: BytePath;
  /** A directory of the commit that takes its place. */
  readonly subdirectory?: BytePath;
  /** Whether entries get the time of the commit. */
  readonly commitTime: boolean;
}

/** A submodule. */
export interface FoundSubmodule {
  readonly path: BytePath;
  readonly commit: ObjectId;
}

/** What was found and done. */
export interface ReadPackResult {
  /** Absent if the pack has not the commit; nothing was written then. */
  readonly commit?: ObjectId;
  readonly submodules: readonly FoundSubmodule[];
}

/**
 * Reads the pack and checks the commit out.
 *
 * @throws {KilnError} kind `integrity` for a pack or objects that are malformed, `context` if the commit has no such
 *   subdirectory, `disk`.
 */
export async function readPack(request: ReadPackRequest): Promise<ReadPackResult> {
  const limits = DEFAULT_PACK_LIMITS;
  const table = new ObjectTable();
  using scanner = new PackScanner(table, limits);
  for await (const chunk of followFile({ path: request.pack, finalPath: request.pack }, request.progress)) {
    scanner.push(chunk);
  }
  scanner.end();
  const packBytes = scanner.position;
  if (scanner.deltaBytes > Math.max(limits.freeBytes, limits.maxRatio * packBytes)) {
    throw malformedPack(`its ${packBytes} bytes expand to ${scanner.deltaBytes}`);
  }
  const pack = openAt(AT_FDCWD, bytePathOf(request.pack), O.RDONLY);
  const scratch = openDirectory(request.scratch);
  const root = openDirectory(request.directory);
  try {
    using reader = new ObjectReader({ pack, packBytes, table, scratch, limits });
    resolveDeltas(reader, limits);
    const found = findCommit(request.id, reader);
    if (found === undefined) return { submodules: [] };
    const submodules: FoundSubmodule[] = [];
    checkOut(found.commit.tree, {
      reader,
      packBytes,
      limits,
      root,
      ...(request.commitTime ? { time: found.commit.time } : {}),
      onEntry({ path, entry }): void {
        if (entry.kind === "submodule") submodules.push({ path, commit: Buffer.from(entry.id).toString("hex") });
      },
    });
    return { commit: found.id, submodules };
  } finally {
    for (const fd of [pack, scratch, root]) close(fd);
  }
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
