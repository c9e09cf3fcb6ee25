/**
 * Downloading the large files of a commit from its Git LFS server.
 *
 * Sources: https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, docs/api/basic-transfers.md. The server says
 * where each file is, which may be anywhere: credentials go to the host they are for, and addresses may not be nearer to
 * us than the server itself (S47: a pointer to an internal URL). Every file is verified by its SHA-256.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { runLanes } from "../async/lanes.ts";
import { KilnError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { releaseWhole } from "../io/release_buffer.ts";
import { close, O, openDirectory, sendFile, writeAll } from "../sys/file.ts";
import { openInRoot } from "../sys/resolve.ts";
import { HttpRefusal } from "./fault.ts";
import { askBatch, type LfsDownload } from "./lfs_batch.ts";
import type { LfsFile, LfsParts } from "./lfs_parts.ts";
import { CutOff } from "./packet.ts";
import { tryingAgain } from "./try_again.ts";

/** Objects of one question; GitHub answers no more than 100. */
const BATCH = 100;
const AT_A_TIME = 4;
const MAX_REDIRECTS = 5;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Replaces pointers by what they stand for.
 *
 * @throws {KilnError} kind `context` for a file the server does not have, `integrity` for one that is not what its
 *   pointer says, `registry`, `denied`, `disk`.
 */
export async function downloadLfsFiles(files: readonly LfsFile[], parts: LfsParts): Promise<void> {
  const byOid = Map.groupBy(files, ({ oid }) => oid);
  const oids = [...byOid.keys()];
  for (let at = 0; at < oids.length; at += BATCH) {
    const wanted = oids.slice(at, at + BATCH).map((oid) => byOid.get(oid)?.[0]).filter((file) => file !== undefined);
    const downloads = await askBatch(wanted, parts);
    const queue = [...downloads];
    await runLanes(AT_A_TIME, parts.signal, async (signal) => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await fill(next, byOid.get(next.oid) ?? [], { ...parts, signal });
      }
    });
  }
}

/** Downloads one object to the first of its files, and copies it to the others. */
async function fill(download: LfsDownload, files: readonly LfsFile[], parts: LfsParts): Promise<void> {
  const [first, ...others] = files;
  if (first === undefined) return;
  if (others.some(({ size }) => size !== first.size)) throw wrong(first, "two pointers give it different sizes");
  const root = openDirectory(parts.directory);
  try {
    const action = `download the LFS file "${displayPath(first.path)}"`;
    await tryingAgain(action, parts, () => downloadOnce(download, first, { ...parts, root }));
    for (const other of others) copyFile(root, first, other.path);
  } finally {
    close(root);
  }
}

async function downloadOnce(
  download: LfsDownload,
  file: LfsFile,
  parts: LfsParts & { readonly root: number },
): Promise<void> {
  const response = await get(download, parts);
  // The pointer is a regular file that we made ourselves.
  const fd = openInRoot(parts.root, file.path, O.WRONLY | O.TRUNC | O.NOFOLLOW);
  try {
    const hash = createHash("sha256");
    let received = 0;
    for await (const chunk of response.body()) {
      received += chunk.length;
      parts.count(chunk.length);
      if (received > file.size) throw wrong(file, "it is longer than its pointer says");
      hash.update(chunk);
      writeAll(fd, asOwn(chunk));
      releaseWhole(chunk);
    }
    if (received < file.size) throw new CutOff(`it ends after ${received} of ${file.size} bytes`);
    if (hash.digest("hex") !== file.oid) throw wrong(file, "its SHA-256 is not the one its pointer says");
  } finally {
    close(fd);
  }
}

async function get({ url: start, headers }: LfsDownload, parts: LfsParts): Promise<HttpResponse> {
  const { transport, server, signal } = parts;
  let url = start;
  for (let hops = 0;; hops++) {
    const own = url.origin === start.origin;
    const response = await transport.request({
      method: "GET",
      url,
      reach: url.origin === server.url.origin ? server.reach : server.neighbours,
      signal,
      headers: own ? headers : {},
    });
    if (response.status === 200) return response;
    const location = response.header("location") ?? "";
    if (!REDIRECTS.includes(response.status) || hops === MAX_REDIRECTS) {
      await response.discard();
      const { status, statusText } = response;
      throw new HttpRefusal({
        status,
        statusText,
        host: url.host,
        words: "",
        withCredentials: "authorization" in headers,
      });
    }
    await response.discard();
    const next = URL.parse(location, url);
    const sound = next !== null && /^https?:$/.test(next.protocol) &&
      !(url.protocol === "https:" && next.protocol !== "https:");
    if (!sound) throw new KilnError("registry", `Cannot follow a redirect of "${url.host}": it leads to no https URL`);
    url = next;
  }
}

function copyFile(root: number, from: LfsFile, to: BytePath): void {
  const source = openInRoot(root, from.path, O.RDONLY | O.NOFOLLOW);
  try {
    const target = openInRoot(root, to, O.WRONLY | O.TRUNC | O.NOFOLLOW);
    try {
      while (sendFile(target, source, 1 << 24) > 0);
    } finally {
      close(target);
    }
  } finally {
    close(source);
  }
}

/** A view of plain memory; what a socket yields always is. */
function asOwn(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
  return chunk.buffer instanceof ArrayBuffer
    ? new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    : new Uint8Array(Buffer.from(chunk));
}

function wrong({ path }: LfsFile, found: string): KilnError {
  return new KilnError("integrity", `Cannot use the LFS file "${displayPath(path)}": ${found}`);
}
