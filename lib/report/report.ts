/**
 * Telling the user what happens. Everything that is printed goes through a `Report`; formats are in the files beside.
 *
 * @module
 */

/** Severities, least to most verbose; the names are those of kaniko's `--verbosity`. */
export type Level = "error" | "warn" | "info" | "debug" | "trace";

/** Receives what happens during a build. */
export interface Report {
  /** Tells one thing in one line. */
  message(level: Level, text: string): void;
  /** Passes on one line that a RUN printed, without its line end; raw bytes, not necessarily UTF-8. */
  output(stream: "stdout" | "stderr", line: Uint8Array): void;
  /** Returns a report for one step: the label goes in front of all its messages and output. */
  step(label: string): Report;
}
