/**
 * What every command that builds, checks or plans gets besides its options.
 *
 * @module
 */
import type { ConsoleReport } from "../report/console_report.ts";
import type { Redactor } from "../report/redactor.ts";
import type { Host } from "./host.ts";
import type { SecretReader } from "./secret_flag.ts";

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
