/**
 * The way of a RUN's output from its pipe to the report: secrets hidden, then split into lines.
 *
 * In this order, because a line that is passed on in pieces could otherwise part a secret.
 *
 * @module
 */
import { LineSplitter } from "./line_splitter.ts";
import { StreamRedactor } from "./redact_stream.ts";
import type { Redactor } from "./redactor.ts";
import type { Report } from "./report.ts";

/** Takes the bytes of one stream of a RUN. */
export interface OutputLines {
  /** Takes the next chunk; it is not kept after the call. */
  write(chunk: Uint8Array): void;
  /** Passes on what is left, such as a last line without a line end. */
  end(): void;
}

/** Makes the way for one stream of one RUN. */
export function createOutputLines(
  report: Report,
  stream: "stdout" | "stderr",
  options: { readonly redactor: Redactor },
): OutputLines {
  const splitter = new LineSplitter((line) => report.output(stream, line));
  const redactor = new StreamRedactor(options.redactor, (bytes) => splitter.write(bytes));
  return {
    write: (chunk) => redactor.write(chunk),
    end: () => {
      redactor.end();
      splitter.end();
    },
  };
}
