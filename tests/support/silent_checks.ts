/**
 * Checks whose findings nobody wants to know.
 *
 * @module
 */
import { DEFAULT_CHECKS } from "../../lib/checks/check_options.ts";
import { Checks } from "../../lib/checks/checks.ts";

/** Returns the checks of one Dockerfile. */
export function silentChecks(): Checks {
  return new Checks(DEFAULT_CHECKS, { onWarning: () => {} });
}
