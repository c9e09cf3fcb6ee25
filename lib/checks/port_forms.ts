/**
 * The words of an EXPOSE as the rules about them see them.
 *
 * @module
 */
import { type PortForm, splitPort } from "../dockerfile/values/port.ts";
import { KilnError } from "../errors.ts";
import { EXPOSE } from "../instructions/expose.ts";
import { isOf, type Node } from "../instructions/instruction.ts";

/** Splits the words of an expanded EXPOSE, up to the first that cannot be: it is an error of the build. */
export function* portForms(node: Node): Generator<PortForm & { readonly word: string }> {
  if (!isOf(EXPOSE, node)) return;
  try {
    for (const word of node.words) yield { word, ...splitPort(word) };
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
  }
}
