/**
 * Values as Go's standard library and pflag read them: scripts written for kaniko rely on every form.
 *
 * Each function returns undefined for text that Go refuses.
 *
 * @module
 */

const TRUE: readonly string[] = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE: readonly string[] = ["0", "f", "F", "FALSE", "false", "False"];

/** Reads a boolean: strconv.ParseBool. */
export function parseGoBool(text: string): boolean | undefined {
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : undefined;
}

/** Every word that {@link parseGoBool} knows, for hints. */
export const GO_BOOL_WORDS: readonly string[] = [...TRUE, ...FALSE];

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

const UNIT_MS: Readonly<Record<string, number>> = {
  "ns": 1e-6,
  "us": 1e-3,
  "µs": 1e-3,
  "μs": 1e-3,
  "ms": 1,
  "s": 1000,
  "m": 60_000,
  "h": 3_600_000,
};

/** Reads a duration, in milliseconds: time.ParseDuration, so `1h30m` and `1.5h`, but no bare number other than 0. */
export function parseGoDuration(text: string): number | undefined {
  const sign = text.startsWith("-") ? -1 : 1;
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return 0;
  if (!/^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned)) return undefined;
  let sum = 0;
  for (const [, number, unit] of unsigned.matchAll(/([0-9.]+)([a-zµμ]+)/g)) {
    sum += Number(number) * (UNIT_MS[unit ?? ""] ?? 0);
  }
  // Go counts nanoseconds in 64 bits.
  return sum * 1e6 < 2 ** 63 ? sign * sum + 0 : undefined;
}

/** Reads one record of comma-separated values: encoding/csv, as pflag's StringSlice does. No fields in no text. */
export function parseGoCsv(text: string): readonly string[] | undefined {
  if (text === "") return [];
  const fields: string[] = [];
  let at = 0;
  while (true) {
    const field = text[at] === '"' ? quotedField(text, at) : plainField(text, at);
    if (field === undefined) return undefined;
    fields.push(field.value);
    if (field.end === text.length) return fields;
    at = field.end + 1;
  }
}

interface Field {
  readonly value: string;
  /** Where the comma after the field stands, or the length of the text. */
  readonly end: number;
}

function plainField(text: string, start: number): Field | undefined {
  const comma = text.indexOf(",", start);
  const end = comma < 0 ? text.length : comma;
  const value = text.slice(start, end);
  // A quote inside a bare field and a second line are errors in Go.
  return /["\r\n]/.test(value) ? undefined : { value, end };
}

function quotedField(text: string, start: number): Field | undefined {
  const match = /^"((?:[^"]|"")*)"(?=,|$)/.exec(text.slice(start));
  if (match?.[1] === undefined) return undefined;
  return { value: match[1].replaceAll('""', '"'), end: start + match[0].length };
}
