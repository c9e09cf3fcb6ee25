/**
 * What checking found, for people: as `docker build --check` shows it.
 *
 * @module
 */
import { formatExcerpt } from "../dockerfile/excerpt.ts";
import type { Warning } from "../dockerfile/warning.ts";
import { escapeControls } from "../report/escape.ts";
import type { CheckedSource } from "./check_result.ts";
import { pageOf } from "./rule.ts";
import { ruleOf } from "./table.ts";

/** Returns the text. Errors are not in it: they are told as those of a build. */
export function formatText(sources: readonly CheckedSource[]): string {
  const count = sources.reduce((sum, { warnings }) => sum + warnings.length, 0);
  const found = count === 0
    ? "no warnings found."
    : count === 1
    ? "1 warning has been found!"
    : `${count} warnings have been found!`;
  const failed = sources.some(({ error }) => error !== undefined);
  return [
    ...sources.flatMap((source) => source.warnings.map((warning) => formatWarning(warning, source))),
    ...sources.flatMap(formatOpen),
    ...(failed ? [] : [`Check complete, ${found}\n`]),
  ].join("\n");
}

function formatWarning({ rule, message, range }: Warning, { text = "" }: CheckedSource): string {
  const page = pageOf(ruleOf(rule));
  const head = `WARNING: ${rule}${page === undefined ? "" : ` - ${page}`}`;
  return `${head}\n${escapeControls(message)}\n${formatExcerpt(text, [range])}`;
}

/** One note for each base image. */
function formatOpen({ unknownBases, open }: CheckedSource): readonly string[] {
  const rules = [...new Set(open.map(({ rule }) => rule))].map((rule) => {
    const lines = open.filter((each) => each.rule === rule).map(({ range }) => range.startLine);
    return `${rule} (line ${[...new Set(lines)].join(", ")})`;
  });
  return unknownBases.map(({ image, range, reason }) =>
    [
      `NOTE: the config of the base image "${escapeControls(image)}" is not known (line ${range.startLine})`,
      escapeControls(reason),
      ...(rules.length === 0 ? [] : [`not decided: ${rules.join(", ")}`]),
      "not checked: what its ONBUILD triggers do\n",
    ].join("\n")
  );
}
