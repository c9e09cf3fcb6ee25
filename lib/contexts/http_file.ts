/**
 * One file behind an `https://` or `http://` URL, kept as it is (`ADD https://...`; dockerfile.md 3.4).
 *
 * The file is named after the URL that the user wrote, never after what a server says: neither `Content-Disposition` nor
 * a redirect gives it another name (S41).
 *
 * @module
 */
import { basename } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { explainWriteError } from "../image/explain_write_error.ts";
import { bytePathOf, textOf } from "../io/byte_path.ts";
import { releaseWhole } from "../io/release_buffer.ts";
import { writeAll } from "../io/write_all.ts";
import { type Expected, verified } from "./checksum.ts";
import type { FetchParts, SourceParts } from "./context_source.ts";
import { DownloadMeter } from "./download_meter.ts";
import { downloadHttp } from "./http_download.ts";
import { openResource, showUrl } from "./http_resource.ts";

/** What a file is called whose URL has no name in it. */
const UNNAMED = "__unnamed__";
/** Names may be no longer, in bytes. */
const MOST_NAME_BYTES = 255;

/** Where to put a file, and what with. */
export type HttpFileParts = Pick<FetchParts, "directory" | "report" | "limits" | "signal" | "onTime">;

/**
 * Returns the name of the file behind a URL: the last component of its path, percent-encoding undone.
 *
 * @throws {KilnError} kind `dockerfile`, if that is no name for a file.
 */
export function nameOfHttpFile(url: URL): string {
  const refuse = (why: string): KilnError =>
    new KilnError("dockerfile", `Cannot name the file of "${showUrl(url)}": ${why}`);
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    throw refuse("its percent-encoding is wrong");
  }
  const name = basename(path);
  if (name === "" || name === ".") return UNNAMED;
  if (name === "..") throw refuse('its path ends with ".."');
  if (name.includes("\0")) throw refuse("a NUL byte is in it");
  if (bytePathOf(name).length > MOST_NAME_BYTES) throw refuse(`it is longer than ${MOST_NAME_BYTES} bytes`);
  return name;
}

/**
 * Downloads the file into the directory: 0600, root's, and of the time that the server says it was last changed, or 1970.
 *
 * @throws {KilnError} as a download's, and kind `integrity` if it is not what is expected.
 */
export async function fetchHttpFile(
  url: URL,
  expected: Expected | undefined,
  sources: SourceParts,
  parts: HttpFileParts,
): Promise<void> {
  const { directory, report, limits, signal, onTime } = parts;
  using resource = await openResource(url, sources);
  const meter = new DownloadMeter({ what: `"${resource.shown}"`, clock: sources.clock, report });
  let modified: Date | undefined;
  const download = downloadHttp(resource, {
    ...sources,
    report,
    signal,
    maxBytes: limits.maxBytes,
    onStart: (start) => {
      modified = start.modified;
      if (start.bytes !== undefined) meter.expect(start.bytes);
    },
  });
  const bytes = meter.tap(download);
  const stream = expected === undefined ? bytes : verified(bytes, expected, `"${resource.shown}"`);
  try {
    const path = `${textOf(directory) ?? ""}/${nameOfHttpFile(url)}`;
    using file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
    for await (const chunk of stream) {
      await writeAll(file, chunk);
      releaseWhole(chunk);
    }
    const time = modified ?? new Date(0);
    await file.utime(time, time);
  } catch (error) {
    throw explainWriteError(error, `store "${resource.shown}"`);
  }
  meter.finish();
  if (modified !== undefined) onTime?.(modified);
}
