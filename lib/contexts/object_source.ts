/**
 * An object, or a folder of objects, as build context.
 *
 * Which of both a name means is seen by looking: a name that ends in "/" is a folder; any other is an archive if there
 * is such an object, else a folder if there are objects below it. An archive is unpacked while it arrives.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { textOf } from "../io/byte_path.ts";
import { RingWriter } from "../io/byte_ring.ts";
import { type Digest, hexOf } from "../oci/digest.ts";
import type { ContextSource, FetchParts, SourceParts } from "./context_source.ts";
import type { RetryParts } from "./download_backoff.ts";
import { formatBytes } from "./format_bytes.ts";
import { RING_BYTES, ringDestination } from "./object_destination.ts";
import { downloadObject } from "./object_download.ts";
import { fetchFolder } from "./object_folder.ts";
import { explainFault, request } from "./object_requests.ts";
import type { ObjectDigest, ObjectStore, StoredObject } from "./object_store.ts";
import { checkSize } from "./size_limit.ts";
import { unpackRing } from "./unpack_archive.ts";

/** What a source of one store adds. */
export interface ObjectLocation {
  /** The URL for people, without credentials. */
  readonly url: string;
  /** The object's name, or the folder's. */
  readonly key: string;
  /** Connects; nothing is loaded or read before. */
  open(parts: FetchParts): Promise<ObjectStore>;
}

/** What sources of object stores are made of. */
export interface ObjectSourceParts extends SourceParts {
  /** The digest that the archive must have. */
  readonly checksum?: Digest;
}

/** Makes the source. */
export function createObjectSource(location: ObjectLocation, source: ObjectSourceParts): ContextSource {
  const { url, key } = location;
  const { clock, random, checksum } = source;
  return {
    description: `"${url}"`,
    async fetch(parts: FetchParts): Promise<void> {
      const { report, signal, limits } = parts;
      const own: RetryParts = { clock, random, report, signal };
      const store = await open(location, parts);
      try {
        const object = key.endsWith("/")
          ? undefined
          : await request(() => store.find(key, signal), `fetch "${url}"`, own);
        if (object !== undefined && object.folder !== true) {
          return await unpack(store, object, { parts, own, ...(checksum === undefined ? {} : { checksum }) });
        }
        if (checksum !== undefined) {
          throw new KilnError(
            "usage",
            `Cannot check "${url}": it is no archive, and --context-checksum is for archives`,
          );
        }
        const directory = textOf(parts.directory);
        if (directory === undefined) throw new TypeError("Unreachable: the work directory is named in UTF-8");
        const prefix = key.endsWith("/") ? key : `${key}/`;
        if (await fetchFolder(store, { prefix, directory, maxBytes: limits.maxBytes, parts: own }) === 0) {
          throw missing(url, key);
        }
      } finally {
        store.close();
      }
    },
  };
}

async function open(location: ObjectLocation, parts: FetchParts): Promise<ObjectStore> {
  try {
    return await location.open(parts);
  } catch (error) {
    throw explainFault(error, `fetch "${location.url}"`, 1);
  }
}

function missing(url: string, key: string): KilnError {
  if (key.endsWith("/")) {
    return new KilnError("context", `Cannot fetch "${url}": there is no object whose name begins with it`);
  }
  return new KilnError("context", `Cannot fetch "${url}": there is no such object, and none below "${url}/"`);
}

interface Wanted extends ObjectDigest {
  /** Who says so, for people. */
  readonly from: string;
}

interface UnpackParts {
  readonly parts: FetchParts;
  readonly own: RetryParts;
  readonly checksum?: Digest;
}

/** Downloads an archive and unpacks it meanwhile. */
async function unpack(store: ObjectStore, object: StoredObject, { parts, own, checksum }: UnpackParts): Promise<void> {
  const url = store.urlOf(object.key);
  const what = `the archive "${url}"`;
  checkSize(object.size, { maxBytes: parts.limits.maxBytes, what });
  parts.report.message("info", `Fetching "${url}" (${formatBytes(object.size)})`);
  const wanted: readonly Wanted[] = [
    ...(object.digest === undefined ? [] : [{ ...object.digest, from: store.service }]),
    ...(checksum === undefined
      ? []
      : [{ algorithm: "sha256", hex: hexOf(checksum), from: "--context-checksum" } as const]),
  ];
  const began = own.clock.now();
  const ring = new RingWriter(RING_BYTES);
  const digests = await unpackRing({
    what,
    ring,
    digests: wanted.map(({ algorithm }) => algorithm),
    fill: (signal) => downloadObject(store, object, { destination: ringDestination(ring), parts: { ...own, signal } }),
  }, parts);
  for (const [index, { algorithm, hex, from }] of wanted.entries()) {
    if (digests[index] === hex) continue;
    const found = `its ${algorithm} digest is ${digests[index]}, that of ${from} is ${hex}`;
    throw new KilnError("integrity", `Cannot fetch "${url}": ${found}`);
  }
  const seconds = ((own.clock.now() - began) / 1000).toFixed(1);
  parts.report.message("info", `Fetched and unpacked "${url}" in ${seconds} s`);
}
