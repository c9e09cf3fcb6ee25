/**
 * What a Dockerfile may only do if whoever builds it allows it (decisions 8, S75).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Entitlement } from "../instructions/instruction.ts";
import { instructionOf } from "../instructions/table.ts";
import { blaming } from "./evaluate_stage.ts";
import type { BuildPlan } from "./plan.ts";

/**
 * Checks every step that is going to be built.
 *
 * @param allowed names of entitlements; `device` is for all devices, `device=NAME` for one.
 * @throws {KilnError} kind `denied`, with the position of the step
 */
export function checkEntitlements({ stages }: BuildPlan, allowed: ReadonlySet<string>): void {
  for (const { steps } of stages.values()) {
    for (const step of steps) {
      const { expanded } = step;
      blaming(step, () => instructionOf(expanded.line).needs?.(expanded).forEach((need) => check(need, allowed)));
    }
  }
}

function check({ name, device, flag }: Entitlement, allowed: ReadonlySet<string>): void {
  const one = device === undefined ? name : `${name}=${device}`;
  if (allowed.has(name) || allowed.has(one)) return;
  throw new KilnError("denied", `Cannot run with ${flag}: the build does not allow it`, {
    hint: `if the Dockerfile is to be trusted with it: --allow=${one}`,
  });
}
