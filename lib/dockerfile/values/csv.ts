/**
 * One record of comma-separated values, the syntax of `--mount=` and `--device=`: a field may stand in double quotes,
 * where a doubled quote is one quote.
 *
 * @module
 */

/** Splits a record; undefined for empty text, for quotes in the wrong place and for a second record. */
export function splitCsv(text: string): readonly string[] | undefined {
  const record = text.replace(/\r?\n$/, "");
  if (record === "") return undefined;
  const fields: string[] = [];
  let at = 0;
  while (true) {
    const quoted = record[at] === '"';
    const found = quoted ? quotedField(record, at) : plainField(record, at);
    if (found === undefined) return undefined;
    fields.push(found.value);
    if (found.end >= record.length) return fields;
    at = found.end + 1;
  }
}

interface Field {
  readonly value: string;
  /** Where the comma behind it stands, or the end of the record. */
  readonly end: number;
}

function plainField(record: string, start: number): Field | undefined {
  const comma = record.indexOf(",", start);
  const end = comma < 0 ? record.length : comma;
  const value = record.slice(start, end);
  // A second line begins another record.
  return /["\r\n]/.test(value) ? undefined : { value, end };
}

function quotedField(record: string, start: number): Field | undefined {
  let value = "";
  let at = start + 1;
  while (true) {
    const quote = record.indexOf('"', at);
    if (quote < 0) return undefined;
    value += record.slice(at, quote);
    const next = record[quote + 1];
    if (next === undefined || next === ",") return { value, end: quote + 1 };
    if (next !== '"') return undefined;
    value += '"';
    at = quote + 2;
  }
}
