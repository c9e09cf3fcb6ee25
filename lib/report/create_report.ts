/**
 * Picks the format of a report. A further format is one file and one case here.
 *
 * @module
 */
import { createColorReport } from "./color.ts";
import type { ConsoleReport, ReportOptions, ReportWorld } from "./console_report.ts";
import { createJsonReport } from "./json_lines.ts";
import { createTextReport } from "./text.ts";

/** Makes the report that `options` ask for. */
export function createReport(options: ReportOptions, host: ReportWorld): ConsoleReport {
  const world = options.stdoutIsTaken === true ? withoutStdout(host) : host;
  switch (options.format) {
    case "text":
      return createTextReport(options, world);
    case "color":
      return createColorReport(options, world);
    case "json":
      return createJsonReport(options, world);
  }
}

function withoutStdout(host: ReportWorld): ReportWorld {
  return {
    stdout: host.stderr,
    stderr: host.stderr,
    env: (name) => host.env(name),
    now: () => host.now(),
    elapsedMs: () => host.elapsedMs(),
  };
}
