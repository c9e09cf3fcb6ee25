/**
 * A whole run of the program: arguments in, exit code out. `main.ts` calls it and ends the process with what it returns.
 *
 * The build itself and the language are handed in, so that this file, and its tests, need neither.
 *
 * @module
 */
import type { SourceRange } from "../dockerfile/source.ts";
import { KilnError } from "../errors.ts";
import type { ConsoleReport, ReportOptions } from "../report/console_report.ts";
import { createReport } from "../report/create_report.ts";
import { redacting } from "../report/redact.ts";
import { Redactor } from "../report/redactor.ts";
import { type BuildOptions, parseBuildOptions, parseReportOptions } from "./build_options.ts";
import { type Invocation, parseCommandLine } from "./command_line.ts";
import { debugParse, debugWords, type Dump, type ExpandLine } from "./debug_command.ts";
import { reportError } from "./diagnostics.ts";
import { formatHelp } from "./help.ts";
import type { Host } from "./host.ts";
import { createSecretReader, type SecretReader } from "./secret_flag.ts";
import { formatVersion, VERSION } from "./version.ts";

/** What the program is made of besides its command line. */
export interface Program {
  /** Builds; throws a `KilnError` when it cannot. */
  build(options: BuildOptions, context: BuildContext): Promise<void>;
  readonly dump: Dump;
  readonly expandLine: ExpandLine;
  /** Lays out the lines of a Dockerfile at a position. */
  excerpt(range: SourceRange, text: string): string;
}

/** What a build gets besides its options. */
export interface BuildContext {
  readonly host: Host;
  readonly report: ConsoleReport;
  /** Hides secrets in the log; whoever learns a secret (a password, a token) adds it. */
  readonly redactor: Redactor;
  /** Reads the `--secret`s; what it returns is hidden in the log. */
  readonly secrets: SecretReader;
  /** Keeps the text of a Dockerfile, under the name that positions in it have, for errors to quote. */
  rememberSource(file: string, text: string): void;
}

/** Runs the program and returns its exit code (decisions.md 1). Never throws. */
export async function run(args: readonly string[], host: Host, program: Program): Promise<number> {
  const redactor = new Redactor();
  const reportFor = (options: ReportOptions): ConsoleReport => redacting(createReport(options, host), redactor);
  const sources = new Map<string, string>();
  let report = reportFor(UNTIL_KNOWN);
  try {
    const invocation = parseCommandLine(args, host);
    if (invocation.command !== "build") {
      await runOther(invocation, host, { ...program, sources });
      if (host.stdout.lost) throw new KilnError("disk", "Cannot write the answer to stdout: the write failed");
      return 0;
    }
    report = reportFor(parseReportOptions(invocation.flags));
    // kaniko's image tests expect the usage text when the program is started without arguments.
    if (args.length === 0) host.stderr.write(new TextEncoder().encode(`${formatHelp()}\n`));
    const options = parseBuildOptions(invocation.flags, host);
    for (const { level, text } of [...invocation.notices, ...options.notices]) report.message(level, text);
    const reveal = (value: Uint8Array): void => redactor.add(value);
    await program.build(options, {
      host,
      report,
      redactor,
      secrets: createSecretReader(options.request.secrets, { world: host, reveal }),
      rememberSource: (file, text) => void sources.set(file, text),
    });
    return 0;
  } catch (error) {
    const excerpt = (range: SourceRange): string | undefined => {
      const text = sources.get(range.file);
      return text === undefined ? undefined : program.excerpt(range, text);
    };
    return reportError(error, report, { excerpt });
  }
}

/** How to report before the flags are understood. */
const UNTIL_KNOWN: ReportOptions = { format: "color", verbosity: "info", timestamps: false };

async function runOther(
  invocation: Exclude<Invocation, { readonly command: "build" }>,
  host: Host,
  program: Pick<Program, "dump" | "expandLine"> & { readonly sources: Map<string, string> },
): Promise<void> {
  switch (invocation.command) {
    case "help":
      return print(host, formatHelp(invocation.about));
    case "version":
      return print(host, `${invocation.bare ? VERSION : formatVersion()}\n`);
    case "debug parse": {
      const onText = (file: string, text: string): void => void program.sources.set(file, text);
      return await debugParse(invocation.file, host, { dump: program.dump, onText });
    }
    case "debug words":
      return await debugWords(invocation.flags, host, { expandLine: program.expandLine });
  }
}

function print(host: Host, text: string): void {
  host.stdout.write(new TextEncoder().encode(text));
}
