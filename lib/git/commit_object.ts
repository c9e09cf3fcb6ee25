/**
 * Commits and tags: the headers that say what they are about.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { malformedObject } from "./malformed.ts";
import { isObjectId, type ObjectId } from "./object_id.ts";

/** What is used of a commit. */
export interface Commit {
  readonly tree: ObjectId;
  /** When it was committed: seconds since 1970; 0 if it does not say. */
  readonly time: number;
}

/** Reads a commit. @throws {KilnError} kind `integrity` */
export function parseCommit(id: ObjectId, bytes: Uint8Array): Commit {
  const headers = headersOf(bytes);
  const tree = headers.get("tree") ?? "";
  if (!isObjectId(tree)) throw malformedObject(id, "it is a commit without a tree");
  const time = / (\d{1,15}) [+-]\d{4}$/.exec(headers.get("committer") ?? "")?.[1];
  return { tree, time: time === undefined ? 0 : Number(time) };
}

/** Returns what a tag is about. @throws {KilnError} kind `integrity` */
export function parseTag(id: ObjectId, bytes: Uint8Array): ObjectId {
  const target = headersOf(bytes).get("object") ?? "";
  if (!isObjectId(target)) throw malformedObject(id, "it is a tag of nothing");
  return target;
}

/** The first header of each name; continued lines and the message do not matter. */
function headersOf(bytes: Uint8Array): ReadonlyMap<string, string> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  const [head = ""] = text.split("\n\n", 1);
  const headers = new Map<string, string>();
  for (const line of head.split("\n")) {
    const space = line.indexOf(" ");
    if (space > 0 && !headers.has(line.slice(0, space))) headers.set(line.slice(0, space), line.slice(space + 1));
  }
  return headers;
}
