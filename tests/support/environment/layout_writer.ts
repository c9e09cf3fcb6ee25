/**
 * Writes OCI layouts without any of the code under test: GNU tar makes the layers, `node:zlib` compresses them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path/posix";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip, createZstdCompress } from "node:zlib";
import { SEARCH_PATH } from "./command.ts";

/** Where the content of a layer comes from. */
export type LayerContent =
  /** A folder, packed as it is; `asRoot` makes everything root's, for trees made by an ordinary user. */
  | { readonly folder: string; readonly asRoot?: true; readonly mtimeSeconds?: number }
  /** A ready tar file, not compressed. */
  | { readonly tar: string };

/** An image to write. */
export interface LayoutRequest {
  readonly layers: readonly LayerContent[];
  /** The `config` object of the image config. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly compression?: "gzip" | "zstd" | "none";
  /** Media types of the manifest, config and layers. */
  readonly types?: "oci" | "docker";
  readonly architecture?: string;
  /** The name in the layout's index. */
  readonly tag?: string;
}

interface Blob {
  readonly digest: string;
  readonly size: number;
}

/** The time every file we make ourselves carries, so that digests do not change from run to run. */
export const EPOCH_SECONDS = 1_767_225_600;

const CREATED = new Date(EPOCH_SECONDS * 1000).toISOString().replace(".000", "");

/** Writes an image into an empty folder and returns the digest of its manifest. */
export async function writeLayout(folder: string, request: LayoutRequest): Promise<string> {
  const blobs = join(folder, "blobs/sha256");
  await Deno.mkdir(blobs, { recursive: true });
  const compression = request.compression ?? "gzip";
  const docker = request.types === "docker";
  const diffIds: string[] = [];
  const layers = [];
  for (const layer of request.layers) {
    const { diffId, blob } = await writeLayer(blobs, layer, compression);
    diffIds.push(diffId);
    layers.push({ mediaType: layerType(compression, docker), ...blob });
  }
  const config = await writeJson(blobs, {
    created: CREATED,
    architecture: request.architecture ?? hostArchitecture(),
    os: "linux",
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], ...request.config },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map((_, index) => ({ created: CREATED, created_by: `test base, layer ${index + 1}` })),
  });
  const mediaType = docker
    ? "application/vnd.docker.distribution.manifest.v2+json"
    : "application/vnd.oci.image.manifest.v1+json";
  const configType = docker
    ? "application/vnd.docker.container.image.v1+json"
    : "application/vnd.oci.image.config.v1+json";
  const manifest = await writeJson(blobs, {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: configType, ...config },
    layers,
  });
  const name = { "org.opencontainers.image.ref.name": request.tag ?? "latest" };
  const index = { schemaVersion: 2, manifests: [{ mediaType, ...manifest, annotations: name }] };
  await Deno.writeTextFile(join(folder, "index.json"), JSON.stringify(index));
  await Deno.writeTextFile(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return manifest.digest;
}

/** The architecture of this machine as images name it. */
export function hostArchitecture(): string {
  return Deno.build.arch === "x86_64" ? "amd64" : "arm64";
}

function layerType(compression: "gzip" | "zstd" | "none", docker: boolean): string {
  const suffix = compression === "none" ? "" : compression;
  if (docker) return `application/vnd.docker.image.rootfs.diff.tar${suffix === "" ? "" : `.${suffix}`}`;
  return `application/vnd.oci.image.layer.v1.tar${suffix === "" ? "" : `+${suffix}`}`;
}

async function writeLayer(
  blobs: string,
  content: LayerContent,
  compression: "gzip" | "zstd" | "none",
): Promise<{ readonly diffId: string; readonly blob: Blob }> {
  const raw = meter();
  const stored = meter();
  const path = join(blobs, "layer.part");
  const sink = createWriteStream(path);
  const { stream, finished } = "tar" in content
    ? { stream: createReadStream(content.tar), finished: done() }
    : pack(content);
  if (compression === "gzip") await pipeline(stream, raw.tap, createGzip({ level: 6 }), stored.tap, sink);
  else if (compression === "zstd") await pipeline(stream, raw.tap, createZstdCompress(), stored.tap, sink);
  else await pipeline(stream, raw.tap, stored.tap, sink);
  await finished;
  const blob = stored.result();
  await Deno.rename(path, join(blobs, blob.digest.slice("sha256:".length)));
  return { diffId: raw.result().digest, blob };
}

/** Starts GNU tar on a folder; `finished` rejects when tar fails. */
function pack(
  content: { readonly folder: string; readonly asRoot?: true; readonly mtimeSeconds?: number },
): { readonly stream: Readable; readonly finished: Promise<void> } {
  const child = new Deno.Command("tar", {
    args: [
      "--numeric-owner",
      "--sort=name",
      "--format=pax",
      "--pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f",
      "--xattrs",
      "--xattrs-include=*",
      ...content.asRoot === true ? ["--owner=0", "--group=0"] : [],
      ...content.mtimeSeconds === undefined ? [] : [`--mtime=@${content.mtimeSeconds}`],
      "-C",
      content.folder,
      "-cf",
      "-",
      ".",
    ],
    env: { PATH: SEARCH_PATH },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const finished = child.status.then(({ code }) => {
    if (code !== 0) throw new Error(`Cannot pack "${content.folder}": tar ended with exit code ${code}`);
  });
  return { stream: Readable.from(child.stdout), finished };
}

function done(): Promise<void> {
  return Promise.resolve();
}

/** A pass-through that counts and hashes. */
function meter(): { readonly tap: Transform; result(): Blob } {
  const hash = createHash("sha256");
  let size = 0;
  const tap = new Transform({
    transform(chunk: Uint8Array, _encoding, next): void {
      hash.update(chunk);
      size += chunk.length;
      next(null, chunk);
    },
  });
  return { tap, result: () => ({ digest: `sha256:${hash.digest("hex")}`, size }) };
}

async function writeJson(blobs: string, value: unknown): Promise<Blob> {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  const hex = createHash("sha256").update(bytes).digest("hex");
  await Deno.writeFile(join(blobs, hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}
