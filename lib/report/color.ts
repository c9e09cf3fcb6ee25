/**
 * The format `color`, the default: the format `text`, painted where it is read by a person.
 *
 * kaniko paints into pipes and files too, which fills CI logs with escape codes. Here a stream is painted when it is
 * a terminal, or when `FORCE_COLOR` is set to anything but 0 or false (a CI system that shows colours sets it).
 * `NO_COLOR` set to anything (https://no-color.org) wins over both.
 *
 * @module
 */
import type { ConsoleReport, ReportOptions, ReportWorld, Sink } from "./console_report.ts";
import { createTextReport, type Part, type StreamStyle, UNPAINTED } from "./text.ts";

const CODES: Readonly<Record<Part, string>> = {
  error: "\x1b[1;31m",
  warn: "\x1b[33m",
  info: "\x1b[36m",
  debug: "\x1b[90m",
  trace: "\x1b[90m",
  step: "\x1b[34m",
  hint: "\x1b[1;32m",
};
const RESET = "\x1b[0m";

const PAINTED: StreamStyle = { paint: (part, text) => `${CODES[part]}${text}${RESET}`, reset: RESET };

/** Makes a report in the format `color`. */
export function createColorReport(options: ReportOptions, world: ReportWorld): ConsoleReport {
  const styleOf = (sink: Sink): StreamStyle => wantsColor(sink, world) ? PAINTED : UNPAINTED;
  return createTextReport(options, world, { stdout: styleOf(world.stdout), stderr: styleOf(world.stderr) });
}

/** Tells whether escape codes are wanted on a stream. */
function wantsColor(sink: Sink, world: Pick<ReportWorld, "env">): boolean {
  if ((world.env("NO_COLOR") ?? "") !== "") return false;
  const forced = world.env("FORCE_COLOR") ?? "";
  if (forced !== "") return forced !== "0" && forced !== "false";
  return sink.isTerminal && world.env("TERM") !== "dumb";
}
