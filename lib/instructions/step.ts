/**
 * What an instruction may use while it changes the file system of its stage.
 *
 * @module
 */
import type { StageState } from "./instruction.ts";

/** One running step of a stage. */
export interface StepContext {
  /** The state after the instruction. */
  readonly state: StageState;
}
