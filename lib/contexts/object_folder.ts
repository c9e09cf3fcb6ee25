/**
 * A folder of an object store: every object whose name begins with a prefix, as files of a directory.
 *
 * Names in a listing are whatever somebody stored, or whatever a server claims: they become paths only if they are
 * plain relative ones, and no file is written over another (attacks S01 to S03 through this door).
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { Semaphore } from "../async/semaphore.ts";
import { KilnError } from "../errors.ts";
import { explainWriteError } from "../image/explain_write_error.ts";
import { ERRNO, errnoOfDeno } from "../sys/errno.ts";
import type { RetryParts } from "./download_backoff.ts";
import { TELL_MS } from "./download_meter.ts";
import { formatBytes } from "./format_bytes.ts";
import { fileDestination } from "./object_destination.ts";
import { downloadObject } from "./object_download.ts";
import { request } from "./object_requests.ts";
import type { ObjectStore, StoredObject } from "./object_store.ts";
import { checkSize } from "./size_limit.ts";

/** Objects fetched at the same time: most of the time of a small one is waiting. */
const OBJECTS_AT_ONCE = 32;

/** What to fetch where to. */
export interface FolderRequest {
  /** Ends in "/". */
  readonly prefix: string;
  /** An existing, empty directory. */
  readonly directory: string;
  /** All objects together. */
  readonly maxBytes: number;
  readonly parts: RetryParts;
}

/** Fetches a folder. @returns how many objects it has; 0 if there is no such folder */
export async function fetchFolder(
  store: ObjectStore,
  { prefix, directory, maxBytes, parts }: FolderRequest,
): Promise<number> {
  const permits = new Semaphore(OBJECTS_AT_ONCE);
  const stopped = new AbortController();
  const signal = AbortSignal.any([parts.signal, stopped.signal]);
  const own = { ...parts, signal };
  const running = new Set<Promise<void>>();
  const shown = store.urlOf(prefix);
  const made = new Set<string>();
  let count = 0;
  let bytes = 0;
  let listed = 0;
  let toldMs = parts.clock.now();
  const fetchOne = async (object: StoredObject, permit: Disposable): Promise<void> => {
    using _permit = permit;
    await fetchFile(store, object, { path: placeOf(store, object, prefix), directory, made, parts: own });
    bytes += object.size;
    if (parts.clock.now() - toldMs < TELL_MS) return;
    toldMs = parts.clock.now();
    parts.report.message("info", `Fetching "${shown}": ${count} objects, ${formatBytes(bytes)}`);
  };
  try {
    let page: string | undefined;
    do {
      const from = page;
      const { objects, next } = await request(() => store.list(prefix, from, signal), `list "${shown}"`, own);
      for (const object of objects) {
        count++;
        listed += object.size;
        checkSize(listed, { maxBytes, what: `the folder "${shown}"` });
        const permit = await permits.acquire(signal);
        const task = fetchOne(object, permit).catch((error) => stopped.abort(stopped.signal.reason ?? error));
        running.add(task);
        void task.finally(() => running.delete(task));
      }
      page = next;
    } while (page !== undefined);
  } catch (error) {
    stopped.abort(error);
  }
  await Promise.all(running);
  signal.throwIfAborted();
  if (count > 0) parts.report.message("info", `Fetched ${count} objects (${formatBytes(bytes)}) of "${shown}"`);
  return count;
}

/**
 * Returns the path of an object below the folder; "" is the folder itself.
 *
 * @throws {KilnError} kind `context`, for a name that is no plain relative path: it would lead elsewhere, or could not
 *   be told from another one.
 */
function placeOf(store: ObjectStore, { key }: StoredObject, prefix: string): string {
  const refuse = (why: string) =>
    new KilnError("context", `Cannot use the object "${store.urlOf(key)}" as a file: ${why}`, {
      hint: "a folder as build context must hold nothing but names of files; an archive may hold anything",
    });
  if (!key.startsWith(prefix)) throw refuse(`it was listed as part of "${prefix}"`);
  const path = key.slice(prefix.length).replace(/\/$/, "");
  if (key === prefix) return "";
  for (const component of path.split("/")) {
    if (component === "") throw refuse("its name has an empty component");
    if (component === "." || component === "..") throw refuse(`its name has a "${component}" component`);
    if (component.includes("\0")) throw refuse("its name has a zero byte");
  }
  return path;
}

interface FileRequest {
  readonly path: string;
  readonly directory: string;
  /** Directories that are there. */
  readonly made: Set<string>;
  readonly parts: RetryParts;
}

/** Calls to the file system are made at once: handing them to another thread takes longer than most of them. */
async function fetchFile(
  store: ObjectStore,
  object: StoredObject,
  { path, directory, made, parts }: FileRequest,
): Promise<void> {
  const target = join(directory, path);
  const isFolder = object.folder === true || object.key.endsWith("/") || path === "";
  if (isFolder && object.size > 0) {
    throw new KilnError(
      "context",
      `Cannot use the object "${store.urlOf(object.key)}": it is named like a folder and has content`,
    );
  }
  try {
    const folder = isFolder ? target : dirname(target);
    // Nothing but directories and files made here is in the directory: no link leads out of it.
    if (!made.has(folder)) Deno.mkdirSync(folder, { recursive: true, mode: 0o755 });
    made.add(folder);
    if (isFolder) return;
    Deno.openSync(target, { write: true, createNew: true, mode: 0o644 }).close();
  } catch (error) {
    throw explainMake(error, store.urlOf(object.key));
  }
  await downloadObject(store, object, { destination: fileDestination(target), parts });
  if (object.modified !== undefined) Deno.utimeSync(target, object.modified, object.modified);
}

function explainMake(error: unknown, url: string): unknown {
  const { AlreadyExists, NotADirectory, IsADirectory } = Deno.errors;
  if ([AlreadyExists, NotADirectory, IsADirectory].some((kind) => error instanceof kind)) {
    return new KilnError(
      "context",
      `Cannot use the object "${url}" as a file: another object has its name, or needs it as a folder`,
    );
  }
  if (errnoOfDeno(error) === ERRNO.ENAMETOOLONG) {
    return new KilnError("context", `Cannot use the object "${url}" as a file: its name is too long`);
  }
  return explainWriteError(error, "store the build context");
}
