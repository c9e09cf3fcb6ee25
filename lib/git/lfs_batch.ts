/**
 * The batch API of Git LFS: asking where objects are.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import { asArray, asObject, type Fields, optionalString, parseJsonObject, requiredString } from "../oci/json.ts";
import { displayPath } from "../io/byte_path.ts";
import { HttpRefusal } from "./fault.ts";
import type { LfsFile, LfsParts } from "./lfs_parts.ts";
import { printable } from "./printable.ts";
import { tryingAgain } from "./try_again.ts";

/** Where an object is. */
export interface LfsDownload {
  readonly oid: string;
  readonly url: URL;
  /** What the server wants to have sent there; may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
}

const MEDIA_TYPE = "application/vnd.git-lfs+json";
const ANSWER_CAP_BYTES = 4 * 1024 ** 2;
const WHAT = "the answer of the LFS server";

/** Asks for the places of objects. @throws {KilnError} */
export async function askBatch(files: readonly LfsFile[], parts: LfsParts): Promise<readonly LfsDownload[]> {
  const { server, transport, signal } = parts;
  const url = new URL(`${server.url.href.replace(/\/+$/, "")}/objects/batch`);
  const body = Buffer.from(JSON.stringify({
    operation: "download",
    transfers: ["basic"],
    objects: files.map(({ oid, size }) => ({ oid, size })),
    hash_algo: "sha256",
  }));
  const answer = await tryingAgain(`ask the LFS server "${url.host}" for files`, parts, async () => {
    const response = await transport.request({
      method: "POST",
      url,
      reach: server.reach,
      signal,
      headers: { ...server.headers, "accept": MEDIA_TYPE, "content-type": MEDIA_TYPE },
      body: {
        length: body.length,
        async *open(): AsyncGenerator<Uint8Array> {
          yield await Promise.resolve(body);
        },
      },
    });
    const { bytes, complete } = await response.document(ANSWER_CAP_BYTES);
    const { status, statusText } = response;
    if (status !== 200) {
      const withCredentials = "authorization" in server.headers;
      throw new HttpRefusal({ status, statusText, host: url.host, words: messageIn(bytes), withCredentials });
    }
    if (!complete) throw new KilnError("registry", `Cannot read ${WHAT}: it is longer than ${ANSWER_CAP_BYTES} bytes`);
    return parseJsonObject(bytes, WHAT);
  });
  const transfer = optionalString(answer, "transfer", WHAT) ?? "basic";
  if (transfer !== "basic") throw new KilnError("registry", `Cannot use ${WHAT}: it wants "${printable(transfer)}"`);
  const objects = asArray(answer["objects"], WHAT).map((value) => asObject(value, WHAT));
  return files.map((file) => downloadOf(file, objects, parts));
}

function downloadOf(file: LfsFile, objects: readonly Fields[], { server }: LfsParts): LfsDownload {
  const found = objects.find((fields) => fields["oid"] === file.oid);
  const action = `download the LFS file "${displayPath(file.path)}"`;
  if (found === undefined) throw new KilnError("registry", `Cannot ${action}: the server does not say where it is`);
  if (found["error"] !== undefined && found["error"] !== null) {
    const error = asObject(found["error"], WHAT);
    const words = printable(optionalString(error, "message", WHAT) ?? "");
    throw new KilnError(
      "context",
      `Cannot ${action}: the server says ${JSON.stringify(error["code"])} ${words}`.trim(),
    );
  }
  const actions = asObject(found["actions"] ?? {}, WHAT);
  const download = asObject(actions["download"] ?? {}, WHAT);
  const url = URL.parse(requiredString(download, "href", WHAT), server.url);
  const downgrade = server.url.protocol === "https:" && url?.protocol === "http:";
  if (url === null || !/^https?:$/.test(url.protocol) || downgrade) {
    throw new KilnError("registry", `Cannot ${action}: the server gives a URL that is not used`);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(asObject(download["header"] ?? {}, WHAT))) {
    // What would change the meaning of the request is ours to say.
    if (typeof value === "string" && !/^(?:host|content-length|transfer-encoding|connection)$/i.test(name)) {
      headers[name.toLowerCase()] = value;
    }
  }
  const own = url.origin === server.url.origin && !("authorization" in headers);
  return { oid: file.oid, url, headers: own ? { ...server.headers, ...headers } : headers };
}

function messageIn(bytes: Uint8Array): string {
  try {
    return optionalString(parseJsonObject(bytes, WHAT), "message", WHAT) ?? "";
  } catch {
    return "";
  }
}
