/**
 * Telling the user from time to time how far a download is.
 *
 * @module
 */
import type { Clock } from "../async/clock.ts";
import type { Report } from "../report/report.ts";
import { formatBytes } from "./format_bytes.ts";

/** How often the user hears of a long download. */
export const TELL_MS = 10_000;

/** What a meter needs. */
export interface MeterOptions {
  /** What is downloaded: `"https://example.com/app.tar.gz"`. */
  readonly what: string;
  readonly clock: Clock;
  readonly report: Report;
}

/** Counts the bytes of one download. */
export class DownloadMeter {
  readonly #options: MeterOptions;
  readonly #began: number;
  #toldMs: number;
  #bytes = 0;
  #size: number | undefined;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#began = this.#toldMs = options.clock.now();
  }

  /** Says how many bytes there will be. */
  expect(bytes: number): void {
    this.#size = bytes;
  }

  /** Counts bytes that came. */
  add(bytes: number): void {
    this.#bytes += bytes;
    const now = this.#options.clock.now();
    if (now - this.#toldMs >= TELL_MS) this.#tell(now);
  }

  /** Passes on a stream and counts it. */
  async *tap(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of stream) {
      this.add(chunk.length);
      yield chunk;
    }
  }

  /** Tells how much came in how long. */
  finish(): void {
    const { what, clock, report } = this.#options;
    const seconds = ((clock.now() - this.#began) / 1000).toFixed(1);
    report.message("info", `Fetched ${what}: ${formatBytes(this.#bytes)} in ${seconds} s`);
  }

  #tell(now: number): void {
    this.#toldMs = now;
    const { what, report } = this.#options;
    const rate = `${formatBytes(this.#bytes / Math.max(1, now - this.#began) * 1000)}/s`;
    const part = this.#size === undefined
      ? formatBytes(this.#bytes)
      : `${Math.floor(this.#bytes / this.#size * 100)} % of ${formatBytes(this.#size)}`;
    report.message("info", `Fetching ${what}: ${part}, ${rate}`);
  }
}
