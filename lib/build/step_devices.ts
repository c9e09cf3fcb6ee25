/**
 * The devices that the steps of a build ask for (`RUN --device`, dockerfile.md 3.2), looked up before anything is built.
 *
 * @module
 */
import type { DeviceSpec } from "../dockerfile/values/device.ts";
import { KilnError } from "../errors.ts";
import type { CdiDevices } from "../exec/devices/cdi_devices.ts";
import { type DeviceEdits, editsOf, NO_DEVICES } from "../exec/devices/device_edits.ts";
import { isOf } from "../instructions/instruction.ts";
import { RUN } from "../instructions/run.ts";
import type { Report } from "../report/report.ts";
import { blaming } from "./evaluate_stage.ts";
import type { BuildPlan } from "./plan.ts";

/** Where devices are looked up. */
export interface DeviceSources {
  /** Directories of CDI specifications; what is in a later one goes before. */
  readonly directories: readonly string[];
  readonly report: Report;
}

/** Returns what the devices give that a RUN asks for. */
export type StepDevices = (devices: readonly DeviceSpec[]) => DeviceEdits;

/**
 * Looks up all devices of a plan. One that is not there is left out with a warning, unless it is required.
 *
 * @throws {KilnError} kind `run`, with the position of the step, for a required device that is not there, and for one
 *   that asks for what is not done here
 */
export async function findDevices({ stages }: BuildPlan, { directories, report }: DeviceSources): Promise<StepDevices> {
  const steps = [...stages.values()].flatMap((stage) => stage.steps)
    .flatMap((step) => isOf(RUN, step.expanded) ? [{ step, devices: step.expanded.devices }] : [])
    .filter(({ devices }) => devices.length > 0);
  if (steps.length === 0) return () => NO_DEVICES;
  const { CdiDevices } = await import("../exec/devices/cdi_devices.ts");
  const all = await CdiDevices.load(directories, (fault) => report.message("warn", fault));
  const found = (devices: readonly DeviceSpec[]): DeviceEdits => editsOf(devices.flatMap(({ name }) => all.find(name)));
  const missing = new Set<string>();
  for (const { step, devices } of steps) {
    blaming(step, () => {
      for (const device of devices) if (isMissing(device, all, directories)) missing.add(device.name);
      found(devices);
    });
  }
  for (const name of missing) {
    report.message("warn", `The device ${name} is not there: no specification in ${directories.join(", ")} has it`);
  }
  return found;
}

function isMissing({ name, required }: DeviceSpec, all: CdiDevices, directories: readonly string[]): boolean {
  if (all.find(name).length > 0) return false;
  if (!required) return true;
  const where = `no CDI specification in ${directories.join(", ")} has it`;
  throw new KilnError("run", `Cannot give the command the device ${name}: ${where}`, {
    hint: "--cdi-spec-dir says where specifications are",
  });
}
