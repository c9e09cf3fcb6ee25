/**
 * The report of a whole run: what `Report` has, and the one error that ended the run. `create_report.ts` picks the format.
 *
 * All messages go to stderr. What a RUN prints goes where the RUN sent it, its stdout to ours and its stderr to ours,
 * as kaniko does; pipelines rely on it.
 *
 * @module
 */
import type { Level, Report } from "./report.ts";

/** Why a run ended, in the parts a person or a script wants apart. */
export interface Failure {
  /** One sentence. */
  readonly message: string;
  /** Where in the Dockerfile the fault lies. */
  readonly place?: FailurePlace;
  /** What the user can do about it, one line. */
  readonly hint?: string;
  /** The errors behind this one, outermost first; shown at level debug. */
  readonly causes: readonly string[];
  /** The stack of a bug; absent for mistakes of the user and of the world. */
  readonly stack?: string;
  readonly exitCode: number;
}

/** A place in a file, with the lines to show, already laid out. */
export interface FailurePlace {
  readonly file: string;
  /** 1-based, both ends included. */
  readonly startLine: number;
  readonly endLine: number;
  readonly excerpt?: string;
}

/** A report that can also end. */
export interface ConsoleReport extends Report {
  step(label: string): ConsoleReport;
  /** Tells why the run ends. Shown whatever the verbosity is. */
  failure(failure: Failure): void;
}

/** The formats of `--log-format`. */
export type ReportFormat = "text" | "color" | "json";

/** What the command line says about the report. */
export interface ReportOptions {
  readonly format: ReportFormat;
  /** The most verbose level that is shown. */
  readonly verbosity: Level;
  /** Whether text formats show the time of day instead of the seconds since the start. */
  readonly timestamps: boolean;
  /** Whether stdout is for something else: what commands print to it then goes to stderr. */
  readonly stdoutIsTaken?: boolean;
}

/** Where bytes go. `write` returns when they are written or given up, and never throws. */
export interface Sink {
  write(bytes: Uint8Array): void;
  readonly isTerminal: boolean;
}

/** What a report asks of the world. */
export interface ReportWorld {
  readonly stdout: Sink;
  readonly stderr: Sink;
  env(name: string): string | undefined;
  now(): Date;
  /** Milliseconds since the process started; never goes back. */
  elapsedMs(): number;
}
