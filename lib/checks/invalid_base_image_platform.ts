/**
 * InvalidBaseImagePlatform: a base image for another operating system or processor than it was wanted for.
 *
 * @module
 */
import { formatPlatform } from "../oci/platform.ts";
import type { Rule } from "./rule.ts";

export const INVALID_BASE_IMAGE_PLATFORM: Rule = {
  name: "InvalidBaseImagePlatform",
  description: "Base image platform does not match expected target platform",
  undocumented: true,
  base({ name, wanted, found }, { tell, leaveOpen }): void {
    if (found === undefined) leaveOpen(`Base image ${name} was expected with platform "${formatPlatform(wanted)}"`);
    else if (found.os !== wanted.os || found.architecture !== wanted.architecture) {
      const expected = `expected "${formatPlatform(wanted)}" for current build`;
      tell(`Base image ${name} was pulled with platform "${formatPlatform(found)}", ${expected}`);
    }
  },
};
