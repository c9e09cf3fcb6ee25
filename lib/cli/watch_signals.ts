/**
 * Ending a build on SIGINT, SIGTERM, SIGHUP and SIGQUIT.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Report } from "../report/report.ts";
import type { EndSignal, Host } from "./host.ts";

/** What can end a build from outside. */
export interface Interruption extends Disposable {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  /** Aborted by the second signal: whoever sends it does not want to wait for commands that take their time. */
  readonly force: AbortSignal;
  /** Returns the error of the signal that ended the build, if one did. */
  reason(): KilnError | undefined;
}

const SIGNALS: readonly EndSignal[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** Watches the signals until disposed of. The first one ends the build in order, the second one kills. */
export function watchSignals(host: Host, report: Report): Interruption {
  const controller = new AbortController();
  const force = new AbortController();
  let reason: KilnError | undefined;
  const stops = SIGNALS.map((name) =>
    host.onSignal(name, () => {
      if (reason !== undefined) return force.abort(reason);
      reason = new KilnError("interrupted", `Cannot go on: the build was ended by ${name}`);
      report.message("warn", `${name} received, cleaning up`);
      controller.abort(reason);
    })
  );
  return {
    controller,
    signal: controller.signal,
    force: force.signal,
    reason: () => reason,
    [Symbol.dispose]: () => stops.forEach((stop) => stop()),
  };
}
