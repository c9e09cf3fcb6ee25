/**
 * Dates in headers (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7).
 *
 * @module
 */

/** Reads the one form servers must send today; `Date.parse` would take nearly anything for a date. */
export function parseHttpDate(text: string | undefined): Date | undefined {
  const form = /^[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/;
  if (text === undefined || !form.test(text)) return undefined;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
