/**
 * What a user sees of an image, as text that a person can write beforehand.
 *
 *     history COPY greeting / # buildkit            a step of the build; those of the base are left out
 *       /greeting                                   what its layer holds, whiteouts as `.wh.NAME`
 *     history ENV A=1, empty                        a step without a layer
 *     history of buildkit.exporter.image.v0         a layer no instruction made, by its comment
 *     /greeting file 0644 0:0 at 1000000000 "hi\n"  a file that the base lacks or has otherwise; `at` where it is older
 *     /other file = /greeting                       than the build; another name of a file
 *     /link symlink 0:0 -> greeting
 *     - /etc/gone                                   a file of the base that is not there
 *     config Env ["A=1"]                            what differs from the base's config, or all of it
 *     annotation a "b"
 *
 * @module
 */
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { createReadStream } from "node:fs";
import { join } from "node:path/posix";
import type { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { type FlatImage, flatten } from "./environment/flatten.ts";
import type { ListedFile, Listing } from "./environment/listing.ts";
import { tarEntries } from "./environment/tar_entries.ts";

/** What an image is told apart from. */
export interface RenderOptions {
  /** The images that the Dockerfile may build on, flattened. */
  readonly bases: readonly FlatImage[];
  /** When the build began, in seconds: what is younger has no date here. */
  readonly started: number;
  /**
   * For images of different builders: leaves out which directories a layer repeats, dates of those of the base, and
   * fractions of seconds. A builder that does not put a directory into a layer when its date alone has changed is not
   * `exact`: such a date, when older than the build, is `at ?`.
   */
  readonly comparable?: "exact" | "inexact";
}

/** Renders the image in an OCI layout. */
export async function renderImage(
  layout: string,
  { bases, started, comparable }: RenderOptions,
): Promise<string> {
  const image = await flatten(layout);
  const below = baseOf(image, bases);
  const texts = await smallTexts(layout, image);
  return [
    ...historyLines(image, below, comparable === undefined),
    ...fileLines(image.files, below.files, {
      texts,
      started,
      comparable: comparable !== undefined,
      undated: comparable === "inexact" ? image.undated : new Set(),
    }),
    ...settingLines(image, below, started),
    "",
  ].join("\n");
}

const EMPTY: FlatImage = {
  files: new Map(),
  config: { rootfs: { diff_ids: [] } },
  manifest: undefined,
  layers: [],
  undated: new Set(),
};

/** The base whose layers, the more the better, the image begins with. */
function baseOf(image: FlatImage, bases: readonly FlatImage[]): FlatImage {
  const layersOf = ({ config }: FlatImage): string => config.rootfs.diff_ids.map((diffId) => `${diffId},`).join("");
  const fitting = bases.filter((base) => layersOf(image).startsWith(layersOf(base)));
  return fitting.sort((one, other) => other.layers.length - one.layers.length)[0] ?? EMPTY;
}

function historyLines({ config, layers }: FlatImage, below: FlatImage, layerNames: boolean): readonly string[] {
  let layer = below.layers.length;
  return (config.history ?? []).slice(below.config.history?.length ?? 0).flatMap((entry) => {
    const step = `history ${entry.created_by?.replaceAll("\n", "\\n") ?? `of ${entry.comment}`}`;
    if (entry.empty_layer === true) return [`${step}, empty`];
    const names = layers[layer++] ?? [];
    return [step, ...(layerNames ? names.map((name) => `  ${name}`) : [])];
  });
}

interface Details {
  readonly texts: ReadonlyMap<string, string>;
  readonly started: number;
  readonly comparable: boolean;
  /** Directories whose date is not known. */
  readonly undated: ReadonlySet<string>;
}

function fileLines(
  files: Listing,
  below: Listing,
  how: Details,
): readonly string[] {
  const lines: string[] = [];
  for (const path of [...new Set([...files.keys(), ...below.keys()])].sort()) {
    const file = files.get(path);
    if (file === undefined) lines.push(`- ${path}`);
    else if (!isSame(file, below.get(path), how.comparable)) {
      lines.push(`${path} ${describe(path, file, how)}`);
    }
  }
  return lines;
}

function isSame(file: ListedFile, other: ListedFile | undefined, comparable: boolean): boolean {
  const text = (one: ListedFile | undefined): string => {
    const settled = comparable && one?.type === "directory" ? { ...one, mtime: "" } : { ...one };
    return JSON.stringify(Object.entries(settled).sort());
  };
  return text(file) === text(other);
}

function describe(
  path: string,
  file: ListedFile,
  { texts, started, comparable, undated }: Details,
): string {
  const { type, mode, uid, gid, mtime, sha256, size, target, device, sameAs, xattrs } = file;
  if (sameAs !== undefined && sameAs !== path) return `${type} = ${sameAs}`;
  const words = [type, ...type === "symlink" ? [] : [mode], `${uid}:${gid}`];
  const date = comparable ? String(Math.floor(Number(mtime))) : mtime.replace(/\.?0+$/, "");
  if (Number(mtime) < started) words.push(`at ${undated.has(path) ? "?" : date}`);
  if (sha256 !== undefined) words.push(texts.get(sha256) ?? `${size} bytes ${sha256}`);
  if (target !== undefined) words.push(`-> ${target}`);
  if (device !== undefined) words.push(device);
  if (xattrs !== undefined) words.push(JSON.stringify(xattrs));
  return words.join(" ");
}

function settingLines(image: FlatImage, below: FlatImage, started: number): readonly string[] {
  const [ours, theirs] = [image.config.config ?? {}, below.config.config ?? {}];
  const created = Date.parse(image.config.created ?? "") / 1000;
  const lines = Object.keys({ ...ours, ...theirs }).sort().flatMap((name) => {
    const [one, other] = [JSON.stringify(ours[name]), JSON.stringify(theirs[name])];
    return one === other ? [] : [`config ${name} ${one ?? "absent"}`];
  });
  const author: unknown = Reflect.get(image.config, "author");
  if (author !== undefined) lines.push(`author ${JSON.stringify(author)}`);
  if (created < started) lines.push(`created ${image.config.created}`);
  const variant: unknown = Reflect.get(image.config, "variant");
  const platform = [image.config.os, image.config.architecture, variant].filter((part) => part !== undefined).join("/");
  const usual = `linux/${Deno.build.arch === "x86_64" ? "amd64" : "arm64"}`;
  if (platform !== usual) lines.push(`platform ${platform}`);
  for (const [name, value] of Object.entries(image.manifest?.annotations ?? {}).sort()) {
    lines.push(`annotation ${name} ${JSON.stringify(value)}`);
  }
  const { mediaType } = image.manifest ?? {};
  if (mediaType !== "application/vnd.oci.image.manifest.v1+json") lines.push(`manifest ${mediaType}`);
  const types = new Set(image.manifest?.layers.map((layer) => layer.mediaType));
  types.delete("application/vnd.oci.image.layer.v1.tar+gzip");
  return [...lines, ...[...types].map((type) => `layers ${type}`)];
}

const MAX_TEXT_BYTES = 300;

/** Content of the small text files of an image by digest, as JSON strings. */
async function smallTexts(layout: string, { manifest }: FlatImage): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { digest, mediaType } of manifest?.layers ?? []) {
    const stream = createReadStream(join(layout, "blobs", digest.replace(":", "/")));
    const unpacked = stream.pipe<Readable & NodeJS.WritableStream>(
      mediaType.endsWith("zstd") ? createZstdDecompress() : createGunzip(),
    );
    for await (const entry of tarEntries(unpacked)) {
      if (entry.type !== "0" || entry.size > MAX_TEXT_BYTES) {
        for await (const _ of entry.content);
        continue;
      }
      const pieces: Uint8Array[] = [];
      for await (const piece of entry.content) pieces.push(Uint8Array.from(piece));
      const bytes = Buffer.concat(pieces);
      const text = bytes.toString("utf8");
      // deno-lint-ignore no-control-regex -- what has others is no text
      if (/[\x00-\x08\x0e-\x1a\x7f\ufffd]/.test(text)) continue;
      texts.set(createHash("sha256").update(bytes).digest("hex"), JSON.stringify(text));
    }
  }
  return texts;
}
