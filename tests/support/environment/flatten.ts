/**
 * Reads a finished image and lists the file system it means: an oracle that shares no code with the product.
 *
 *     deno run -A tests/support/environment/flatten.ts PATH       prints the listing of a layout or archive
 *
 * It complains about everything an extractor might trip over: wrong digests, sizes and diff IDs, media types of two
 * families, histories that do not match, names given twice in one layer, links without a target.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { run } from "./command.ts";
import { formatListing, type ListedFile, type Listing } from "./listing.ts";
import { type OracleEntry, tarEntries } from "./tar_entries.ts";

/** An image, flattened. */
export interface FlatImage {
  readonly files: Listing;
  /** The image config as JSON. */
  readonly config: ImageConfigJson;
  readonly manifest: ManifestJson | undefined;
  /** The names in each layer, in the order they stand there; whiteouts included. */
  readonly layers: readonly (readonly string[])[];
  /** Directories whose date nobody knows: a later layer adds to them or removes from them and does not name them. */
  readonly undated: ReadonlySet<string>;
}

/** The fields of an image config that are read here; the rest is there too. */
export interface ImageConfigJson {
  readonly architecture?: string;
  readonly os?: string;
  readonly created?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history?: readonly {
    readonly created_by?: string;
    readonly comment?: string;
    readonly empty_layer?: boolean;
  }[];
}

interface DescriptorJson {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A manifest as JSON. */
export interface ManifestJson {
  readonly mediaType?: string;
  readonly config: DescriptorJson;
  readonly layers: readonly DescriptorJson[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Which image of a layout to read. */
export interface FlattenOptions {
  /** `linux/amd64`; the first image when not given. */
  readonly platform?: string;
  /** The name in the layout's index; the first image when not given. */
  readonly tag?: string;
}

/** Flattens an OCI layout folder, an OCI archive or a docker archive; throws an `Error` about the first fault. */
export async function flatten(path: string, options: FlattenOptions = {}): Promise<FlatImage> {
  if ((await Deno.stat(path)).isDirectory) return await flattenFolder(path, options);
  const folder = await Deno.makeTempDir({ prefix: "kiln-flatten-" });
  try {
    await run(["tar", "-C", folder, "-xf", path]);
    return await flattenFolder(folder, options);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function flattenFolder(folder: string, options: FlattenOptions): Promise<FlatImage> {
  if (exists(`${folder}/index.json`)) {
    const marker = await readJson<{ imageLayoutVersion: string }>(`${folder}/oci-layout`);
    if (marker.imageLayoutVersion !== "1.0.0") throw new Error("oci-layout: not version 1.0.0");
    const index = await readJson<{ manifests: readonly DescriptorJson[] }>(`${folder}/index.json`);
    const manifest = withLayers(await choose(folder, index.manifests, options));
    checkFamilies(manifest);
    const config = withDiffIds(await readJson<ImageConfigJson>(await checkBlob(folder, manifest.config)));
    const blobs = [];
    for (const layer of manifest.layers) blobs.push(await checkBlob(folder, layer));
    return { ...await flattenLayers(blobs, config), config, manifest };
  }
  const [entry] = await readJson<readonly { Config: string; Layers: readonly string[] }[]>(`${folder}/manifest.json`);
  if (entry === undefined) throw new Error("manifest.json: names no image");
  const config = await readJson<ImageConfigJson>(`${folder}/${entry.Config}`);
  const layers = await flattenLayers(entry.Layers.map((name) => `${folder}/${name}`), config);
  return { ...layers, config, manifest: undefined };
}

async function choose(
  folder: string,
  descriptors: readonly DescriptorJson[],
  options: FlattenOptions,
): Promise<ManifestJson> {
  for (const descriptor of descriptors) {
    const { annotations, platform } = descriptor;
    if (annotations?.["vnd.docker.reference.type"] !== undefined) continue;
    const tag = annotations?.["org.opencontainers.image.ref.name"];
    if (options.tag !== undefined && tag !== undefined && tag !== options.tag) continue;
    if (options.platform !== undefined && platform !== undefined) {
      if (`${platform.os}/${platform.architecture}` !== options.platform) continue;
    }
    const found = await readJson<ManifestJson & { mediaType?: string; manifests?: readonly DescriptorJson[] }>(
      await checkBlob(folder, descriptor),
    );
    if (found.mediaType !== undefined && found.mediaType !== descriptor.mediaType) {
      throw new Error(`${descriptor.digest}: is ${found.mediaType}, its descriptor says ${descriptor.mediaType}`);
    }
    return found.manifests === undefined ? found : await choose(folder, found.manifests, options);
  }
  throw new Error("the index has no such image");
}

/** Go writes an empty list as null. */
function withLayers(manifest: ManifestJson): ManifestJson {
  return { ...manifest, layers: manifest.layers ?? [] };
}

function withDiffIds(config: ImageConfigJson): ImageConfigJson {
  return { ...config, rootfs: { ...config.rootfs, diff_ids: config.rootfs.diff_ids ?? [] } };
}

/** Docker's and OCI's media types never stand in one manifest (decisions.md 4). */
function checkFamilies(manifest: ManifestJson): void {
  const types = [manifest.mediaType, manifest.config.mediaType, ...manifest.layers.map((layer) => layer.mediaType)];
  const families = new Set(types.filter((type) => type !== undefined).map((type) => type.split(".")[1]));
  if (families.size > 1) throw new Error(`media types of two families: ${types.join(", ")}`);
}

async function checkBlob(folder: string, { digest, size }: DescriptorJson): Promise<string> {
  const path = `${folder}/blobs/${digest.replace(":", "/")}`;
  const hash = createHash("sha256");
  let counted = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    counted += chunk.length;
  }
  const found = `sha256:${hash.digest("hex")}`;
  if (found !== digest) throw new Error(`${digest}: its content has digest ${found}`);
  if (counted !== size) throw new Error(`${digest}: has ${counted} bytes, its descriptor says ${size}`);
  return path;
}

/** A file while layers are applied; the names of a hard link share one. */
type Draft = Omit<ListedFile, "sameAs">;

async function flattenLayers(
  blobs: readonly string[],
  config: ImageConfigJson,
): Promise<Pick<FlatImage, "files" | "layers" | "undated">> {
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== blobs.length) throw new Error(`${diffIds.length} diff IDs for ${blobs.length} layers`);
  const made = (config.history ?? []).filter((entry) => entry.empty_layer !== true).length;
  if (config.history !== undefined && made !== blobs.length) {
    throw new Error(`the history tells of ${made} layers, there are ${blobs.length}`);
  }
  const files = new Map<string, Draft>();
  const layers: string[][] = [];
  const undated = new Set<string>();
  for (const [index, blob] of blobs.entries()) {
    const hash = createHash("sha256");
    try {
      const names = await applyLayer(files, hashing(await decompressed(blob), hash));
      noteDates(names, undated);
      layers.push(names);
    } catch (error) {
      throw new Error(`layer ${index + 1}: ${error instanceof Error ? error.message : error}`, { cause: error });
    }
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== diffIds[index]) throw new Error(`layer ${index + 1}: diff ID ${diffIds[index]}, content ${found}`);
  }
  return { files: withHardLinks(files), layers, undated };
}

function noteDates(names: readonly string[], undated: Set<string>): void {
  for (const name of names) undated.add(posix.dirname(name));
  for (const name of names) undated.delete(name);
}

async function applyLayer(files: Map<string, Draft>, stream: AsyncIterable<Uint8Array>): Promise<string[]> {
  const names: string[] = [];
  const given = new Set<string>();
  const here = new Set<string>();
  const drop = (gone: (path: string) => boolean): void => {
    for (const path of files.keys()) if (gone(path) && !here.has(path)) files.delete(path);
  };
  for await (const entry of tarEntries(stream)) {
    const path = pathOf(entry.name);
    if (given.has(path) && entry.type !== "5") throw new Error(`"${path}" twice`);
    names.push(path);
    given.add(path);
    const [parent, name] = [posix.dirname(path), posix.basename(path)];
    const inside = parent === "/" ? "/" : `${parent}/`;
    if (name === ".wh..wh..opq") {
      drop((one) => one !== parent && one.startsWith(inside));
    } else if (name.startsWith(".wh.")) {
      const victim = `${inside}${name.slice(4)}`;
      drop((one) => one === victim || one.startsWith(`${victim}/`));
    } else {
      const file = await draft(entry, files);
      if (file.type !== "directory" && files.get(path)?.type === "directory") drop((one) => one.startsWith(`${path}/`));
      files.set(path, file);
      here.add(path);
    }
    for await (const _ of entry.content);
  }
  return names;
}

async function draft(entry: OracleEntry, files: ReadonlyMap<string, Draft>): Promise<Draft> {
  if (entry.type === "1") {
    const target = pathOf(entry.linkName);
    const file = files.get(target);
    if (file === undefined) throw new Error(`hard link "${entry.name}": there is no "${target}"`);
    return file;
  }
  const common = {
    mode: entry.mode.toString(8).padStart(4, "0"),
    uid: entry.uid,
    gid: entry.gid,
    mtime: entry.mtime,
    ...Object.keys(entry.xattrs).length === 0 ? {} : { xattrs: entry.xattrs },
  };
  switch (entry.type) {
    case "5":
      return { type: "directory", ...common };
    case "2":
      return { type: "symlink", ...common, mode: "0777", target: entry.linkName };
    case "3":
    case "4":
      return { type: entry.type === "3" ? "character" : "block", ...common, device: entry.device.join(",") };
    case "6":
      return { type: "fifo", ...common };
    default: {
      const hash = createHash("sha256");
      for await (const chunk of entry.content) hash.update(chunk);
      return { type: "file", ...common, size: entry.size, sha256: hash.digest("hex") };
    }
  }
}

function withHardLinks(files: ReadonlyMap<string, Draft>): Listing {
  const names = new Map<Draft, string[]>();
  for (const [path, file] of files) names.set(file, [...names.get(file) ?? [], path]);
  const listing = new Map<string, ListedFile>();
  for (const [path, file] of files) {
    const [first, ...others] = (names.get(file) ?? []).sort();
    listing.set(path, others.length === 0 || first === undefined ? file : { ...file, sameAs: first });
  }
  return listing;
}

/** Absolute and without `.`; a name that climbs out of the root is a fault. */
function pathOf(name: string): string {
  if (name.split("/").includes("..")) throw new Error(`"${name}" leads out of its folder`);
  const path = posix.normalize(`/${name}`);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

async function decompressed(path: string): Promise<AsyncIterable<Uint8Array>> {
  const magic = new Uint8Array(4);
  using file = await Deno.open(path);
  await file.read(magic);
  const stream = createReadStream(path, { highWaterMark: 1 << 20 });
  if (magic[0] === 0x1f && magic[1] === 0x8b) return piped(stream, createGunzip());
  if (magic[0] === 0x28 && magic[1] === 0xb5) return piped(stream, createZstdDecompress());
  return stream;
}

function piped(from: Readable, through: ReturnType<typeof createGunzip | typeof createZstdDecompress>): Readable {
  from.on("error", (error) => through.destroy(error));
  return from.pipe(through);
}

async function* hashing(
  stream: AsyncIterable<Uint8Array>,
  hash: { update(chunk: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    hash.update(chunk);
    yield chunk;
  }
}

async function readJson<T>(path: string): Promise<T> {
  return JSON.parse(await Deno.readTextFile(path));
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

if (import.meta.main) {
  const [path] = Deno.args;
  if (path === undefined) {
    console.error("usage: flatten.ts PATH");
    Deno.exitCode = 64;
  } else {
    const { files, config } = await flatten(path);
    console.log(formatListing(files) + JSON.stringify(config, undefined, 1));
  }
}
