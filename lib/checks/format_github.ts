/**
 * What checking found, as workflow commands of GitHub Actions, which shows them in the changed files of a pull request.
 *
 * Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
 *
 * @module
 */
import type { SourceRange } from "../dockerfile/source.ts";
import type { CheckedSource } from "./check_result.ts";
import { pageOf } from "./rule.ts";
import { ruleOf } from "./table.ts";

/** Returns one command a line. */
export function formatGithub(sources: readonly CheckedSource[]): string {
  const lines = sources.flatMap(({ file, warnings, open, unknownBases, error }) => [
    ...warnings.map(({ rule, message, range }) => {
      const page = pageOf(ruleOf(rule));
      const text = page === undefined ? message : `${message}\n${page}`;
      return command("warning", { ...placeOf(range), title: rule }, text);
    }),
    ...unknownBases.map(({ image, reason, range }) => {
      const rules = [...new Set(open.map(({ rule }) => rule))];
      const undecided = rules.length === 0 ? "" : `\nnot decided: ${rules.join(", ")}`;
      const title = `The config of the base image "${image}" is not known`;
      return command("notice", { ...placeOf(range), title }, reason + undecided);
    }),
    ...(error === undefined ? [] : [
      command(
        "error",
        { ...(error.range === undefined ? { file } : placeOf(error.range)), title: "Cannot build" },
        error.hint === undefined ? error.message : `${error.message}\nhint: ${error.hint}`,
      ),
    ]),
  ]);
  return lines.map((line) => `${line}\n`).join("");
}

function placeOf({ file, startLine, endLine }: SourceRange): Readonly<Record<string, string | number>> {
  return { file, line: startLine, endLine };
}

function command(name: string, properties: Readonly<Record<string, string | number>>, text: string): string {
  const words = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${name} ${words.join(",")}::${escapeData(text)}`;
}

/** A line end would begin another command. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
