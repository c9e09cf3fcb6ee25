/**
 * What the Dockerfile language has and this version does not do yet. Every form is refused by name, in this file only:
 * nothing is silently ignored.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { RunNode } from "./run.ts";

/** Refuses flags of an expanded RUN. @throws {KilnError} kind `dockerfile` */
export function refuseRunNotYet(node: RunNode): void {
  if (node.devices.length > 0) throw notYet("RUN --device", "the flag");
}

function notYet(form: string, what: string): KilnError {
  return new KilnError("dockerfile", `Cannot run "${form}": ${what} is not supported yet`);
}
