/**
 * A report in which no secret is printed: everything passes a redactor on its way to the report behind.
 *
 * Messages, labels and failures also lose whatever looks like a credential. RUN output arrives here in lines; a secret
 * that a RUN prints in several writes is put together by `output_lines.ts` before.
 *
 * @module
 */
import type { ConsoleReport, Failure } from "./console_report.ts";
import type { Redactor } from "./redactor.ts";
import type { Level } from "./report.ts";
import { scrubCredentials } from "./scrub.ts";

/** Wraps a report so that no secret the redactor knows, then or later, goes through. */
export function redacting(report: ConsoleReport, redactor: Redactor): ConsoleReport {
  return new RedactingReport(report, redactor);
}

class RedactingReport implements ConsoleReport {
  readonly #report: ConsoleReport;
  readonly #redactor: Redactor;

  constructor(report: ConsoleReport, redactor: Redactor) {
    this.#report = report;
    this.#redactor = redactor;
  }

  message(level: Level, text: string): void {
    this.#report.message(level, this.#clean(text));
  }

  output(stream: "stdout" | "stderr", line: Uint8Array): void {
    this.#report.output(stream, this.#redactor.line(line));
  }

  step(label: string): ConsoleReport {
    return new RedactingReport(this.#report.step(this.#clean(label)), this.#redactor);
  }

  failure(failure: Failure): void {
    const { message, place, hint, causes, stack, exitCode } = failure;
    this.#report.failure({
      message: this.#clean(message),
      ...(place === undefined ? {} : { place: this.#cleanPlace(place) }),
      ...(hint === undefined ? {} : { hint: this.#clean(hint) }),
      causes: causes.map((cause) => this.#clean(cause)),
      ...(stack === undefined ? {} : { stack: this.#clean(stack) }),
      exitCode,
    });
  }

  #cleanPlace(place: NonNullable<Failure["place"]>): NonNullable<Failure["place"]> {
    const { file, excerpt, ...lines } = place;
    return {
      ...lines,
      file: this.#clean(file),
      ...(excerpt === undefined ? {} : { excerpt: this.#clean(excerpt) }),
    };
  }

  #clean(text: string): string {
    return scrubCredentials(this.#redactor.text(text));
  }
}
