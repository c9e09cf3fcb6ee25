/**
 * The way of a RUN's output from its pipe to the report: secrets hidden, the amount bounded, then split into lines.
 *
 * In this order, because a line that is passed on in pieces could otherwise part a secret.
 *
 * @module
 */
import { LineSplitter } from "./line_splitter.ts";
import { type OutputBudget, OutputTail } from "./output_limit.ts";
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
  options: { readonly redactor: Redactor; readonly budget: OutputBudget },
): OutputLines {
  const splitter = new LineSplitter((line) => report.output(stream, line));
  let tail: OutputTail | undefined;
  const redactor = new StreamRedactor(options.redactor, (bytes) => {
    if (tail === undefined && options.budget.spend(bytes.length)) return splitter.write(bytes);
    if (tail === undefined) {
      splitter.end();
      tail = new OutputTail();
    }
    tail.push(bytes);
  });
  return {
    write: (chunk) => redactor.write(chunk),
    end: () => {
      redactor.end();
      if (tail !== undefined) {
        const { bytes, droppedBytes } = tail.read();
        if (droppedBytes > 0) report.message("warn", `Left out ${droppedBytes} bytes of ${stream}`);
        splitter.write(bytes);
      }
      splitter.end();
    },
  };
}
