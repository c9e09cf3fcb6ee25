/**
 * Text from registries and programs, made fit for one line of a message.
 *
 * @module
 */
import { escapeControls } from "../report/escape.ts";

const CAP = 300;

/** Escapes control characters and cuts off what is too long. */
export function printable(text: string): string {
  // Cut first: escaping a megabyte for the sake of one line would be a waste.
  const escaped = escapeControls(text.slice(0, CAP + 1));
  return escaped.length > CAP ? `${escaped.slice(0, CAP)}...` : escaped;
}
