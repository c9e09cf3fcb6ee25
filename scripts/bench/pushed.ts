/**
 * Reads what a builder pushed: the names in the layers on top of the base, by the reader of the test oracles.
 *
 * @module
 */
import { Readable } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { tarEntries } from "../../tests/support/environment/tar_entries.ts";

/** The new layers of an image. */
export interface Pushed {
  readonly layers: number;
  readonly bytes: number;
  /** Without leading slash. */
  readonly names: ReadonlySet<string>;
}

interface ManifestJson {
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
  readonly manifests?: readonly { readonly digest: string }[];
}

/** Reads the layers of `reference` that `base` does not have; both are `HOST/REPOSITORY:TAG` on plain HTTP. */
export async function readPushed(reference: string, base: string): Promise<Pushed> {
  const below = (await manifestOf(base)).layers.length;
  const layers = (await manifestOf(reference)).layers.slice(below);
  const names = new Set<string>();
  for (const { digest } of layers) {
    const { host, repository } = parse(reference);
    const response = await fetch(`http://${host}/v2/${repository}/blobs/${digest}`);
    if (!response.ok || response.body === null) throw new Error(`Cannot read ${digest}: ${response.status}`);
    for await (const entry of tarEntries(await decompressed(response.body))) {
      names.add(entry.name.replace(/^\.?\/+/, "").replace(/\/$/, ""));
      for await (const _ of entry.content);
    }
  }
  return { layers: layers.length, bytes: layers.reduce((sum, layer) => sum + layer.size, 0), names };
}

async function manifestOf(reference: string): Promise<ManifestJson> {
  const { host, repository, tag } = parse(reference);
  const accept = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ].join(", ");
  const get = async (what: string): Promise<ManifestJson> => {
    const response = await fetch(`http://${host}/v2/${repository}/manifests/${what}`, { headers: { accept } });
    if (!response.ok) throw new Error(`Cannot read ${reference}: ${response.status} ${await response.text()}`);
    return await response.json();
  };
  const found = await get(tag);
  const [first] = found.manifests ?? [];
  return first === undefined ? found : await get(first.digest);
}

function parse(reference: string): { readonly host: string; readonly repository: string; readonly tag: string } {
  const [, host = "", repository = "", tag = "latest"] = /^([^/]+)\/(.+?)(?::([^:/]+))?$/.exec(reference) ?? [];
  return { host, repository, tag };
}

async function decompressed(body: ReadableStream<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const reader = body.getReader();
  const { value: first = new Uint8Array() } = await reader.read();
  async function* all(): AsyncGenerator<Uint8Array> {
    yield first;
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  }
  const stream = Readable.from(all());
  if (first[0] === 0x1f && first[1] === 0x8b) return stream.pipe(createGunzip());
  if (first[0] === 0x28 && first[1] === 0xb5) return stream.pipe(createZstdDecompress());
  return stream;
}
