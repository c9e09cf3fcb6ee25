/**
 * Values as Go's standard library and pflag read them: scripts written for kaniko rely on every form.
 *
 * Each function returns undefined for text that Go refuses.
 *
 * @module
 */
import { splitCsv } from "../dockerfile/values/csv.ts";
import { parseDuration } from "../dockerfile/values/duration.ts";

const INTEGERS: readonly (readonly [form: RegExp, base: number])[] = [
  [/^0[xX]((?:_?[0-9a-fA-F])+)$/, 16],
  [/^0[bB]((?:_?[01])+)$/, 2],
  [/^0[oO]?((?:_?[0-7])+)$/, 8],
  [/^((?:0|[1-9](?:_?[0-9])*))$/, 10],
];

/** Reads an integer: strconv.ParseInt with base 0, so `0x10`, `010` and `1_000` count. Only safe integers. */
export function parseGoInteger(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const unsigned = text.replace(/^[+-]/, "");
  for (const [form, base] of INTEGERS) {
    const digits = form.exec(unsigned)?.[1];
    if (digits === undefined) continue;
    const value = sign * Number.parseInt(digits.replaceAll("_", ""), base);
    return Number.isSafeInteger(value) ? value + 0 : undefined;
  }
  return undefined;
}

/** Reads a duration, in milliseconds: time.ParseDuration, so `1h30m` and `1.5h`, but no bare number other than 0. */
export function parseGoDuration(text: string): number | undefined {
  const nanoseconds = parseDuration(text);
  return nanoseconds === undefined ? undefined : nanoseconds / 1e6;
}

/** Reads one record of comma-separated values: encoding/csv, as pflag's StringSlice does. No fields in no text. */
export function parseGoCsv(text: string): readonly string[] | undefined {
  return text === "" ? [] : splitCsv(text);
}
