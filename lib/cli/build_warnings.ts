/**
 * What a build warns of, and builds all the same unless the Dockerfile wants warnings to be errors.
 *
 * @module
 */
import type { Warning } from "../dockerfile/warning.ts";
import { KilnError } from "../errors.ts";
import type { Report } from "../report/report.ts";

/** Warnings about the Dockerfile. */
export class BuildWarnings {
  readonly #report: Report;
  #first: Warning | undefined;

  constructor(report: Report) {
    this.#report = report;
  }

  add({ rule, message, range }: Warning): void {
    this.#first ??= { rule, message, range };
    this.#report.message("warn", `${rule}: ${message} (line ${range.startLine})`);
  }

  /** Throws if anything was warned of: `# check=error=true`. */
  assertNone(): void {
    if (this.#first === undefined) return;
    const { rule, message, range } = this.#first;
    throw new KilnError("dockerfile", `Cannot build: the check "${rule}" found a fault: ${message}`, {
      range,
      hint: '"# check=error=true" makes an error of every warning; "# check=skip=RULE" silences one',
    });
  }
}
