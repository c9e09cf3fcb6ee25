/**
 * The format `text`: one line a message, made to be read and to be searched with grep.
 *
 * A line is `LEVEL[time] [step] message`. The level is one of ERROR, WARN, INFO, DEBUG, TRACE; the time is the whole
 * seconds since the start in at least four digits, as kaniko prints it, or an RFC 3339 time in UTC with
 * `--log-timestamp`. Control characters of messages are escaped. What a RUN prints is `[step] line`, its bytes as they
 * are: users want the colours of their tools, and a terminal that must not see them gets the format `json`.
 *
 * @module
 */
import type { ConsoleReport, Failure, ReportOptions, ReportWorld, Sink } from "./console_report.ts";
import { escapeControls } from "./escape.ts";
import type { Level } from "./report.ts";
import { isShown } from "./verbosity.ts";

/** The parts of a line that colours tell apart. */
export type Part = Level | "step" | "hint";

/** Puts a part of a line into its colour, or leaves it as it is. */
export type Paint = (part: Part, text: string) => string;

/** How the lines of one stream are painted. */
export interface StreamStyle {
  readonly paint: Paint;
  /** Follows RUN output that holds escape codes, so that a colour it left on does not run into our lines. */
  readonly reset: string;
}

/** The style of a stream that no one looks at. */
export const UNPAINTED: StreamStyle = { paint: (_part, text) => text, reset: "" };

/** Makes a report in the format `text`, with each stream in its style. */
export function createTextReport(
  options: ReportOptions,
  world: ReportWorld,
  styles: Readonly<Record<"stdout" | "stderr", StreamStyle>> = { stdout: UNPAINTED, stderr: UNPAINTED },
): ConsoleReport {
  return new TextReport({ options, world, styles }, []);
}

interface TextParts {
  readonly options: ReportOptions;
  readonly world: ReportWorld;
  readonly styles: Readonly<Record<"stdout" | "stderr", StreamStyle>>;
}

const ENCODER = new TextEncoder();
const ESCAPE = 0x1b;
const NEWLINE = ENCODER.encode("\n");

class TextReport implements ConsoleReport {
  readonly #parts: TextParts;
  readonly #labels: readonly string[];
  /** Encoded once: a RUN may print millions of lines. */
  readonly #outputPrefix: Readonly<Record<"stdout" | "stderr", Uint8Array>>;
  readonly #coloredEnd: Readonly<Record<"stdout" | "stderr", Uint8Array>>;

  constructor(parts: TextParts, labels: readonly string[]) {
    this.#parts = parts;
    this.#labels = labels;
    this.#outputPrefix = {
      stdout: ENCODER.encode(this.#labelText(parts.styles.stdout.paint)),
      stderr: ENCODER.encode(this.#labelText(parts.styles.stderr.paint)),
    };
    this.#coloredEnd = {
      stdout: ENCODER.encode(`${parts.styles.stdout.reset}\n`),
      stderr: ENCODER.encode(`${parts.styles.stderr.reset}\n`),
    };
  }

  message(level: Level, text: string): void {
    const { options, world, styles } = this.#parts;
    const { paint } = styles.stderr;
    if (!isShown(level, options.verbosity)) return;
    const head = paint(level, `${level.toUpperCase()}[${this.#time()}]`);
    writeText(world.stderr, `${head} ${this.#labelText(paint)}${escapeControls(text)}\n`);
  }

  output(stream: "stdout" | "stderr", line: Uint8Array): void {
    const ending = line.includes(ESCAPE) ? this.#coloredEnd[stream] : NEWLINE;
    this.#parts.world[stream].write(concat(this.#outputPrefix[stream], line, ending));
  }

  step(label: string): ConsoleReport {
    return new TextReport(this.#parts, [...this.#labels, escapeControls(label)]);
  }

  failure(failure: Failure): void {
    const { options, world, styles } = this.#parts;
    const { paint } = styles.stderr;
    const lines = [`${paint("error", "error:")} ${escapeControls(failure.message)}`];
    if (failure.place !== undefined) {
      const { file, startLine, excerpt = "" } = failure.place;
      // An excerpt begins with the same words.
      if (excerpt === "") lines.push(`${escapeControls(file)}:${startLine}`);
      else lines.push(...excerpt.replace(/\n+$/, "").split("\n").map(escapeControls));
    }
    if (failure.stack !== undefined) lines.push(...failure.stack.split("\n").map(escapeControls));
    if (isShown("debug", options.verbosity)) {
      lines.push(...failure.causes.map((cause) => `cause: ${escapeControls(cause)}`));
    }
    if (failure.hint !== undefined) lines.push(`${paint("hint", "hint:")} ${escapeControls(failure.hint)}`);
    writeText(world.stderr, lines.join("\n") + "\n");
  }

  #labelText(paint: Paint): string {
    return this.#labels.map((label) => `${paint("step", `[${label}]`)} `).join("");
  }

  #time(): string {
    const { options, world } = this.#parts;
    if (options.timestamps) return world.now().toISOString();
    return String(Math.floor(world.elapsedMs() / 1000)).padStart(4, "0");
  }
}

function writeText(sink: Sink, text: string): void {
  sink.write(ENCODER.encode(text));
}

/** One buffer, so that one write passes the whole line on and lines of parallel stages never mix. */
function concat(prefix: Uint8Array, line: Uint8Array, ending: Uint8Array): Uint8Array {
  const whole = new Uint8Array(prefix.length + line.length + ending.length);
  whole.set(prefix);
  whole.set(line, prefix.length);
  whole.set(ending, prefix.length + line.length);
  return whole;
}
