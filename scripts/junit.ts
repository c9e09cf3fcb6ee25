/**
 * Counts what a JUnit report of `deno test` tells.
 *
 * @module
 */

/** How many tests went how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The test files that reported, as the report names them. */
  readonly files: ReadonlySet<string>;
}

/** Counts the test cases (steps are cases of their own) of a report. */
export function countTests(report: string): Counts {
  const cases = [...report.matchAll(/<testcase\b[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g)].map(([, body]) => body ?? "");
  const failed = cases.filter((body) => /<(failure|error)\b/.test(body)).length;
  const skipped = cases.filter((body) => /<skipped\b/.test(body) && !/<(failure|error)\b/.test(body)).length;
  const files = new Set([...report.matchAll(/<testsuite name="([^"]*)"/g)].map(([, name]) => unescape(name ?? "")));
  return { passed: cases.length - failed - skipped, failed, skipped, files };
}

function unescape(text: string): string {
  const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(\w+);/g, (whole, name: string) => entities[name] ?? whole);
}
