/**
 * The unpacking job: a layer's blob, possibly still arriving, to a directory.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import type { ExpansionLimits } from "../io/expansion_limit.ts";
import { followFile } from "../io/follow_file.ts";
import { type Digest, digestOfHex } from "../oci/digest.ts";
import type { Compression } from "../oci/media_type.ts";
import { close, openDirectory } from "../sys/file.ts";
import { TarReader } from "../tar/reader.ts";
import { type ExtractOptions, LayerExtractor, type LayerFindings } from "../tree/extract.ts";
import type { Metadata } from "../tree/metadata_access.ts";
import { readLayer } from "./read_layer.ts";

/** What to unpack where. */
export interface ExtractRequest {
  /** The blob's file, and its name once it is complete. */
  readonly path: string;
  readonly finalPath: string;
  /** See `followFile`. */
  readonly progress?: SharedArrayBuffer;
  readonly compression: Compression;
  readonly diffId: Digest;
  /** An existing directory. */
  readonly directory: BytePath;
  readonly form: ExtractOptions["form"];
  /** How far the layer may expand; `DEFAULT_EXPANSION_LIMITS` unless told. */
  readonly expansion?: ExpansionLimits;
}

/**
 * Unpacks one layer.
 *
 * @throws {KilnError} kind `integrity`, if the tar's digest is not the diff ID; the caller discards the directory.
 */
export async function extractLayer(request: ExtractRequest, metadata: Metadata): Promise<LayerFindings> {
  const hash = createHash("sha256");
  const root = openDirectory(request.directory);
  const extractor = new LayerExtractor(root, { form: request.form, metadata });
  try {
    const tar = new TarReader(extractor);
    for await (const chunk of readLayer(followFile(request, request.progress), request)) {
      hash.update(chunk);
      tar.push(chunk);
    }
    tar.end();
    const findings = extractor.finish();
    const found = digestOfHex(hash.digest("hex"));
    if (found === request.diffId) return findings;
    throw new KilnError("integrity", `Cannot accept its content: it has the diff ID ${found}`);
  } catch (error) {
    extractor.abandon();
    throw error;
  } finally {
    close(root);
  }
}
