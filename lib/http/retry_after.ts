/**
 * The `Retry-After` header: how long a server asks us to wait.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3: seconds, or a date.
 *
 * @module
 */
import { parseHttpDate } from "./http_date.ts";

/**
 * Returns the wait in milliseconds, 0 for a date that is past, undefined for no header or nonsense.
 *
 * @param date the `Date` header of the same response: with it a wrong clock on our side does no harm.
 */
export function parseRetryAfter(
  value: string | undefined,
  { nowMs, date }: { readonly nowMs: number; readonly date: string | undefined },
): number | undefined {
  const text = value?.trim() ?? "";
  if (/^[0-9]+$/.test(text)) return Number(text) * 1000;
  const until = parseHttpDate(text)?.getTime();
  return until === undefined ? undefined : Math.max(0, until - (parseHttpDate(date)?.getTime() ?? nowMs));
}
