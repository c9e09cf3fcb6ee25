/**
 * Trees: the directories of a commit.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { BytePath } from "../io/byte_path.ts";
import { malformedObject } from "./malformed.ts";
import { ID_BYTES, type ObjectId } from "./object_id.ts";
import { faultOfName } from "./entry_name.ts";

/** What an entry is. */
export type EntryKind = "file" | "executable" | "symlink" | "directory" | "submodule";

/** One entry of a tree. */
export interface TreeEntry {
  readonly name: BytePath;
  readonly kind: EntryKind;
  /** The 20 bytes of the object's id; a view of the tree. */
  readonly id: Uint8Array;
}

/**
 * Reads the entries of a tree, in its order.
 *
 * @throws {KilnError} kind `integrity`, for what git fsck calls an error, and for names that mean something else than a
 *   file (S47).
 */
export function* parseTree(id: ObjectId, bytes: Uint8Array<ArrayBuffer>): Generator<TreeEntry> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let before = "";
  for (let at = 0; at < bytes.length;) {
    const space = text.indexOf(0x20, at);
    const nul = space < 0 ? -1 : text.indexOf(0, space);
    if (nul < 0 || nul + 1 + ID_BYTES > bytes.length) throw malformedObject(id, "it is a tree that ends in the middle");
    const kind = kindOf(text.toString("latin1", at, space));
    if (kind === undefined) throw malformedObject(id, "it is a tree with an unknown kind of entry");
    const name = text.toString("latin1", space + 1, nul);
    const fault = faultOfName(name, kind === "symlink" ? "symlink" : "other");
    if (fault !== undefined) throw malformedObject(id, `it is a tree where ${fault}`);
    // Directories sort as if their names ended in "/". Equal names further apart meet in `check_out.ts`.
    const key = kind === "directory" ? `${name}/` : name;
    if (key <= before) throw malformedObject(id, "it is a tree whose names are not in order");
    before = key;
    at = nul + 1 + ID_BYTES;
    yield { name, kind, id: bytes.subarray(nul + 1, at) };
  }
}

/** Old versions of git wrote group-writable files, and modes with leading zeros. */
function kindOf(mode: string): EntryKind | undefined {
  switch (mode.replace(/^0+/, "")) {
    case "100644":
    case "100664":
    case "100600":
      return "file";
    case "100755":
    case "100775":
    case "100700":
      return "executable";
    case "120000":
      return "symlink";
    case "40000":
      return "directory";
    case "160000":
      return "submodule";
    default:
      return undefined;
  }
}
