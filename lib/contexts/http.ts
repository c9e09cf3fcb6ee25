/**
 * An archive behind an `https://` or `http://` URL as build context.
 *
 * @module
 */
import type { Digest } from "../oci/digest.ts";
import { verified } from "./checksum.ts";
import type { HttpLocation } from "./context_location.ts";
import type { ContextSource, FetchParts, SourceParts } from "./context_source.ts";
import { DownloadMeter } from "./download_meter.ts";
import { downloadHttp } from "./http_download.ts";
import { openResource, showUrl } from "./http_resource.ts";
import { unpackStreamed } from "./unpack_archive.ts";

/** Makes the source. */
export function createHttpSource(
  { url }: HttpLocation,
  parts: SourceParts & { readonly checksum?: Digest },
): ContextSource {
  const what = `the archive "${showUrl(url)}"`;
  const { checksum, clock, random } = parts;
  return {
    description: what,
    async fetch(fetch: FetchParts): Promise<void> {
      const { report, signal, limits } = fetch;
      using resource = await openResource(url, parts);
      const meter = new DownloadMeter({ what: `"${resource.shown}"`, clock, report });
      let changed: Date | undefined;
      const download = downloadHttp(resource, {
        clock,
        random,
        report,
        signal,
        maxBytes: limits.maxBytes,
        onStart: ({ bytes, modified }) => {
          if (bytes !== undefined) meter.expect(bytes);
          changed = modified;
        },
      });
      const bytes = meter.tap(download);
      const stream = checksum === undefined ? bytes : verified(bytes, { checksum }, what);
      // What the server says goes before what is in the archive.
      await unpackStreamed(stream, what, { ...fetch, onTime: (newest) => fetch.onTime?.(changed ?? newest) });
      meter.finish();
    },
  };
}
