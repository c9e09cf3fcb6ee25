/**
 * The format `json`: one object a line, for machines.
 *
 * `level`, `msg` and `time` (RFC 3339, UTC) are kaniko's names, and `warning` is kaniko's word for the level `warn`.
 * `step` is the label of the step. What a RUN prints has `stream`, the level info, and bytes that are not UTF-8
 * replaced by U+FFFD. Characters that drive a terminal or reorder text are escaped everywhere. The object that tells why the run failed also has `exitCode` and, where known, `file`, `line`,
 * `endLine`, `hint`, `causes` and `stack`.
 *
 * @module
 */
import type { ConsoleReport, Failure, ReportOptions, ReportWorld, Sink } from "./console_report.ts";
import { escapeControlsInJson } from "./escape.ts";
import type { Level } from "./report.ts";
import { isShown } from "./verbosity.ts";

/** Makes a report in the format `json`. */
export function createJsonReport(options: ReportOptions, world: ReportWorld): ConsoleReport {
  return new JsonReport(options, world);
}

const ENCODER = new TextEncoder();

class JsonReport implements ConsoleReport {
  readonly #options: ReportOptions;
  readonly #world: ReportWorld;
  readonly #labels: readonly string[];

  constructor(options: ReportOptions, world: ReportWorld, labels: readonly string[] = []) {
    this.#options = options;
    this.#world = world;
    this.#labels = labels;
  }

  message(level: Level, text: string): void {
    if (isShown(level, this.#options.verbosity)) this.#write(this.#world.stderr, { level, msg: text });
  }

  output(stream: "stdout" | "stderr", line: Uint8Array): void {
    this.#write(this.#world[stream], { level: "info", msg: new TextDecoder().decode(line), stream });
  }

  step(label: string): ConsoleReport {
    return new JsonReport(this.#options, this.#world, [...this.#labels, label]);
  }

  failure(failure: Failure): void {
    const { place, causes } = failure;
    this.#write(this.#world.stderr, {
      level: "error",
      msg: failure.message,
      exitCode: failure.exitCode,
      file: place?.file,
      line: place?.startLine,
      endLine: place?.endLine,
      hint: failure.hint,
      causes: causes.length === 0 ? undefined : causes,
      stack: failure.stack,
    });
  }

  #write(sink: Sink, fields: { readonly level: Level; readonly msg: string; readonly [name: string]: unknown }): void {
    const { level, msg, ...rest } = fields;
    const step = this.#labels.length === 0 ? undefined : this.#labels.join(" ");
    const time = this.#world.now().toISOString();
    const line = JSON.stringify({ level: level === "warn" ? "warning" : level, msg, time, step, ...rest });
    // JSON itself escapes only what is below U+0020.
    sink.write(ENCODER.encode(escapeControlsInJson(line) + "\n"));
  }
}
