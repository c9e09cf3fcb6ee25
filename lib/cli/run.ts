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
import type { BuildContext } from "./build_context.ts";
import { type BuildOptions, parseBuildOptions, parseReportOptions } from "./build_options.ts";
import { type Invocation, parseCommandLine } from "./command_line.ts";
import type { CheckCommandOptions, CheckOutcome } from "./check_command.ts";
import { debugParse, debugWords, type Dump, type ExpandLine } from "./debug_command.ts";
import { reportError } from "./diagnostics.ts";
import { formatHelp } from "./help.ts";
import type { Host } from "./host.ts";
import { flagsForArgument, type InspectOptions, parseInspectOptions } from "./inspect_options.ts";
import type { Notice } from "./parse.ts";
import type { PlanCommandOptions } from "./plan_command.ts";
import { createSecretReader, type SecretSpec } from "./secret_flag.ts";
import { formatVersion, VERSION } from "./version.ts";

/** What the program is made of besides its command line. */
export interface Program {
  /** Builds; throws a `KilnError` when it cannot. */
  build(options: BuildOptions, context: BuildContext): Promise<void>;
  /** Checks Dockerfiles. */
  check(options: CheckCommandOptions, context: BuildContext): Promise<CheckOutcome>;
  /** Shows the plan of a build; throws a `KilnError` when there is none. */
  plan(options: PlanCommandOptions, context: BuildContext): Promise<void>;
  readonly dump: Dump;
  readonly expandLine: ExpandLine;
  /** Lays out the lines of a Dockerfile at a position. */
  excerpt(range: SourceRange, text: string): string;
}

/** Runs the program and returns its exit code (decisions.md 1). Never throws. */
export async function run(args: readonly string[], host: Host, program: Program): Promise<number> {
  return await new Run(host, program).run(args);
}

/** How to report before the flags are understood. */
const UNTIL_KNOWN: ReportOptions = { format: "color", verbosity: "info", timestamps: false };

type InvocationOf<C extends Invocation["command"]> = Invocation & { readonly command: C };

class Run {
  readonly #host: Host;
  readonly #program: Program;
  readonly #redactor = new Redactor();
  /** Texts of Dockerfiles by their names in positions. */
  readonly #sources = new Map<string, string>();
  #report: ConsoleReport;

  constructor(host: Host, program: Program) {
    this.#host = host;
    this.#program = program;
    this.#report = this.#reportFor(UNTIL_KNOWN);
    host.onWarning((text) => this.#report.message("debug", text));
  }

  async run(args: readonly string[]): Promise<number> {
    try {
      const invocation = parseCommandLine(args, this.#host);
      const code = await this.#execute(invocation, args);
      // What a build is for is elsewhere by now (F25).
      const isAnswer = invocation.command !== "build";
      if (isAnswer && this.#host.stdout.lost) {
        throw new KilnError("disk", "Cannot write the answer to stdout: the write failed");
      }
      return code;
    } catch (error) {
      return this.#fail(error);
    }
  }

  async #execute(invocation: Invocation, args: readonly string[]): Promise<number> {
    switch (invocation.command) {
      case "build":
        // kaniko's image tests expect the usage text when the program is started without arguments.
        if (args.length === 0) this.#host.stderr.write(new TextEncoder().encode(`${formatHelp()}\n`));
        await this.#build(invocation);
        return 0;
      case "check":
        return await this.#check(invocation);
      case "plan":
        await this.#plan(invocation);
        return 0;
      case "help":
        this.#print(formatHelp(invocation.about));
        return 0;
      case "version":
        this.#print(`${invocation.bare ? VERSION : formatVersion()}\n`);
        return 0;
      case "debug parse": {
        const onText = (file: string, text: string): void => void this.#sources.set(file, text);
        await debugParse(invocation.file, this.#host, { dump: this.#program.dump, onText });
        return 0;
      }
      case "debug words":
        await debugWords(invocation.flags, this.#host, { expandLine: this.#program.expandLine });
        return 0;
    }
  }

  async #build({ flags, notices }: InvocationOf<"build">): Promise<void> {
    this.#report = this.#reportFor(parseReportOptions(flags));
    const options = parseBuildOptions(flags, this.#host);
    this.#tell([...notices, ...options.notices]);
    const context = this.#context(options.request.secrets);
    if (!flags.dryrun) return await this.#program.build(options, context);
    const { request, registry, isolation: { workDirectory } } = options;
    const input: InspectOptions = { request, registry, workDirectory, offline: false, tolerant: true };
    await this.#program.plan({ input, format: "text" }, context);
  }

  async #check({ flags, inputs: files, notices }: InvocationOf<"check">): Promise<number> {
    this.#report = this.#reportFor(parseReportOptions(flags));
    const gathered = [...notices];
    const own = { offline: flags.offline, tolerant: !flags["require-bases"] };
    const inputs = (files.length === 0 ? [undefined] : files).map((file) => {
      const flagsOfFile = flagsForArgument(flags, file, this.#host.cwd);
      return parseInspectOptions(flagsOfFile, own, { world: this.#host, notices: gathered });
    });
    // Several inputs give the same notices.
    this.#tell([...new Map(gathered.map((notice) => [notice.text, notice])).values()]);
    const context = this.#context(inputs[0]?.request.secrets ?? []);
    const { exitCode, errors } = await this.#program.check({ inputs, format: flags.format }, context);
    for (const error of errors) this.#fail(error);
    return exitCode;
  }

  async #plan({ flags, notices }: InvocationOf<"plan">): Promise<void> {
    this.#report = this.#reportFor(parseReportOptions(flags));
    const gathered = [...notices];
    const own = { offline: flags.offline, tolerant: true };
    const input = parseInspectOptions(flags, own, { world: this.#host, notices: gathered });
    this.#tell(gathered);
    await this.#program.plan({ input, format: flags.format }, this.#context(input.request.secrets));
  }

  #context(secrets: readonly SecretSpec[]): BuildContext {
    return {
      host: this.#host,
      report: this.#report,
      redactor: this.#redactor,
      secrets: createSecretReader(secrets, { world: this.#host, reveal: (value) => this.#redactor.add(value) }),
      rememberSource: (file, text) => void this.#sources.set(file, text),
    };
  }

  #reportFor(options: ReportOptions): ConsoleReport {
    return redacting(createReport(options, this.#host), this.#redactor);
  }

  #tell(notices: readonly Notice[]): void {
    for (const { level, text } of notices) this.#report.message(level, text);
  }

  /** Tells an error and returns its exit code. */
  #fail(error: unknown): number {
    const excerpt = (range: SourceRange): string | undefined => {
      const text = this.#sources.get(range.file);
      return text === undefined ? undefined : this.#program.excerpt(range, text);
    };
    return reportError(error, this.#report, { excerpt });
  }

  #print(text: string): void {
    this.#host.stdout.write(new TextEncoder().encode(text));
  }
}
