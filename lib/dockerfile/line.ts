/**
 * Logical lines: what the lexer makes of a Dockerfile, before any instruction gives it meaning.
 *
 * @module
 */
import type { SourceRange } from "./source.ts";

/** The two characters a `# escape=` directive may choose. */
export type Escape = "\\" | "`";

/** A heredoc attached to a RUN, COPY or ADD. */
export interface Heredoc {
  /** The delimiter after quote removal; also the file name when it is a COPY source. */
  readonly name: string;
  /** Body, line endings kept, leading tabs stripped for `<<-`. */
  readonly body: string;
  /** Body as it stands in the file, tabs included: what ONBUILD stores and what a shell is given. */
  readonly raw: string;
  /** Whether variables in the body are expanded (the delimiter was not quoted). */
  readonly expand: boolean;
  /** `<<-`: leading tabs are stripped from the body and the terminator. */
  readonly stripTabs: boolean;
  /** The word as written, for example `3<<-"EOF"`. */
  readonly word: string;
}

/** One instruction with its continuation lines merged and its flags split off. */
export interface LogicalLine {
  /** Upper case: `RUN`. Unknown words are kept as typed; the interpreter rejects them. */
  readonly keyword: string;
  /** The first word as typed, for checks on casing. */
  readonly typed: string;
  /** Flag words, quotes and escapes resolved: `--from=build`. */
  readonly flags: readonly string[];
  /** Everything after the flags, leading and trailing blanks trimmed, continuations merged. */
  readonly rest: string;
  /** The whole logical line as merged (keyword, flags, rest), blanks at its end included, heredoc bodies not. */
  readonly text: string;
  readonly heredocs: readonly Heredoc[];
  /** Comment lines above, without `#` (an indented one keeps it, as in BuildKit), for checks and descriptions. */
  readonly comments: readonly string[];
  readonly range: SourceRange;
  readonly escape: Escape;
}
