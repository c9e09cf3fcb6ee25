/**
 * Downloading one object: parallel reads of its parts.
 *
 * Several connections bring a large object faster than one. Each writes its part where it belongs; how far all is there
 * without a gap is told to the destination. A part whose connection breaks is taken up where it broke.
 *
 * @module
 */
import { runLanes } from "../async/lanes.ts";
import { KilnError } from "../errors.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { explainWriteError } from "../image/explain_write_error.ts";
import { releaseWhole } from "../io/release_buffer.ts";
import type { RetryParts } from "./download_backoff.ts";
import { DownloadMeter } from "./download_meter.ts";
import type { Destination } from "./object_destination.ts";
import { createBackoff, explainFault } from "./object_requests.ts";
import { type ByteRange, ObjectFault, type ObjectStore, type StoredObject } from "./object_store.ts";

/** A connection that brought this much before it broke does not count as a try. */
const PROGRESS_BYTES = 64 * 1024;

/**
 * Downloads an object.
 *
 * @throws {KilnError} kind `integrity` if the object is replaced meanwhile or the server sends something else.
 */
export async function downloadObject(
  store: ObjectStore,
  object: StoredObject,
  { destination, parts }: { readonly destination: Destination; readonly parts: RetryParts },
): Promise<void> {
  const { partBytes, lanes } = destination;
  const action = `fetch "${store.urlOf(object.key)}"`;
  const ledger = new Ledger(object.size, partBytes, (end) => destination.reached(end));
  const meter = new DownloadMeter({ what: `"${store.urlOf(object.key)}"`, clock: parts.clock, report: parts.report });
  meter.expect(object.size);
  const lane = async (signal: AbortSignal): Promise<void> => {
    using writer = destination.open();
    for (let part = ledger.take(); part !== undefined; part = ledger.take()) {
      const taken = part;
      await writer.begin(taken, signal);
      const chunks = readPart(store, object, { range: taken, action, parts: { ...parts, signal } });
      for await (const chunk of chunks) {
        writer.write(chunk);
        const { length } = chunk;
        releaseWhole(chunk);
        ledger.add(taken, length);
        meter.add(length);
      }
    }
  };
  try {
    await runLanes(Math.min(lanes, Math.ceil(object.size / partBytes)), parts.signal, lane);
  } catch (error) {
    throw explainWriteError(error, "store the build context");
  }
}

interface PartReading {
  readonly range: ByteRange;
  readonly action: string;
  readonly parts: RetryParts;
}

/** Streams one part, over as many connections as it takes. */
async function* readPart(
  store: ObjectStore,
  object: StoredObject,
  { range, action, parts }: PartReading,
): AsyncGenerator<Uint8Array> {
  const backoff = createBackoff(action, parts);
  let { start } = range;
  let counted = start;
  while (start < range.end) {
    try {
      for await (const chunk of await store.read(object, { start, end: range.end }, parts.signal)) {
        start += chunk.length;
        if (start > range.end) throw new ObjectFault("untrue", "more was sent than was asked for");
        if (start - counted >= PROGRESS_BYTES) {
          counted = start;
          backoff.progress();
        }
        yield chunk;
      }
      if (start < range.end) {
        throw new TransportFault("the body ended early", { phase: "body", host: store.service, code: "ECONNRESET" });
      }
    } catch (error) {
      if (error instanceof KilnError) throw error;
      await backoff.pause(notMissing(error)).catch((final) => {
        throw explainFault(final, action, backoff.tries);
      });
    }
  }
}

/** What was found before and is not there now was removed or replaced. */
function notMissing(error: unknown): unknown {
  if (!(error instanceof ObjectFault && (error.reason === "missing" || error.reason === "changed"))) return error;
  return new ObjectFault("changed", "it was replaced or removed while it was downloaded", error.facts);
}

/** A part in the making. */
interface Part extends ByteRange {
  done: number;
}

/** Which parts are taken, and how far the file is without a gap. */
class Ledger {
  readonly #size: number;
  readonly #partBytes: number;
  readonly #tell: (bytes: number) => void;
  /** Parts that are taken and not yet passed by the front, in order. */
  readonly #open: Part[] = [];
  #next = 0;
  #told = 0;

  constructor(size: number, partBytes: number, tell: (bytes: number) => void) {
    this.#size = size;
    this.#partBytes = partBytes;
    this.#tell = tell;
  }

  take(): Part | undefined {
    if (this.#next >= this.#size) return undefined;
    const start = this.#next;
    const end = Math.min(this.#size, start + this.#partBytes);
    this.#next = end;
    const part = { start, end, done: 0 };
    this.#open.push(part);
    return part;
  }

  add(part: Part, bytes: number): void {
    part.done += bytes;
    let front = this.#told;
    for (let first = this.#open[0]; first !== undefined; first = this.#open[0]) {
      front = first.start + first.done;
      if (front < first.end) break;
      this.#open.shift();
    }
    if (front > this.#told) this.#tell(this.#told = front);
  }
}
