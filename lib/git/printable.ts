/**
 * Text from git servers and repositories, made fit for one line of a message.
 *
 * @module
 */
import { escapeControls } from "../report/escape.ts";

const CAP = 300;

/** Escapes control characters and cuts off what is too long. */
export function printable(text: string): string {
  const escaped = escapeControls(text.trim().slice(0, CAP + 1));
  return escaped.length > CAP ? `${escaped.slice(0, CAP)}...` : escaped;
}
