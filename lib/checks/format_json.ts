/**
 * What checking found, for programs: one JSON object. `docs/checks.md` describes it; fields are added, never changed.
 *
 * @module
 */
import type { SourceRange } from "../dockerfile/source.ts";
import type { Warning } from "../dockerfile/warning.ts";
import type { KilnError } from "../errors.ts";
import { formatJsonDocument } from "../report/json_document.ts";
import type { CheckedSource } from "./check_result.ts";
import { pageOf } from "./rule.ts";
import { ruleOf } from "./table.ts";

/** Returns the JSON with a line end. */
export function formatJson(sources: readonly CheckedSource[]): string {
  return formatJsonDocument({
    warnings: sources.flatMap(({ warnings }) => warnings.map(describeWarning)),
    undecided: sources.flatMap(({ open }) => open.map(describeWarning)),
    unknownBases: sources.flatMap(({ unknownBases }) =>
      unknownBases.map(({ image, reason, range }) => ({ image, reason, ...describePlace(range) }))
    ),
    errors: sources.flatMap(({ error, file }) => error === undefined ? [] : [describeError(error, file)]),
    sources: sources.map(({ file }) => ({ file })),
  });
}

function describeWarning({ rule: name, message, range }: Warning): Record<string, unknown> {
  const rule = ruleOf(name);
  const url = pageOf(rule);
  return {
    rule: name,
    description: rule.description,
    ...(url === undefined ? {} : { url }),
    detail: message,
    ...describePlace(range),
  };
}

function describeError({ message, hint, kind, exitCode, range }: KilnError, file: string): Record<string, unknown> {
  return {
    message,
    ...(hint === undefined ? {} : { hint }),
    kind,
    exitCode,
    ...(range === undefined ? { file } : describePlace(range)),
  };
}

/** As BuildKit, one range a line. */
function describePlace({ file, startLine, endLine }: SourceRange): Record<string, unknown> {
  const ranges = Array.from({ length: endLine - startLine + 1 }, (_, at) => {
    const place = { line: startLine + at, character: 0 };
    return { start: place, end: place };
  });
  return { file, line: startLine, endLine, ranges };
}
