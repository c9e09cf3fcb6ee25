/**
 * The order of severities.
 *
 * @module
 */
import type { Level } from "./report.ts";

/** Severities from the one that is always shown to the most talkative one. */
export const LEVELS: readonly Level[] = ["error", "warn", "info", "debug", "trace"];

/** Tells whether messages of `level` are shown at `verbosity`. */
export function isShown(level: Level, verbosity: Level): boolean {
  return LEVELS.indexOf(level) <= LEVELS.indexOf(verbosity);
}
