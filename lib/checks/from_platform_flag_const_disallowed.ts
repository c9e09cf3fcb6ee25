/**
 * FromPlatformFlagConstDisallowed: `FROM --platform=linux/amd64`. A stage whose name has the system or the processor in
 * it is meant to be for that one.
 *
 * @module
 */
import { goQuote } from "../dockerfile/go_quote.ts";
import { KilnError } from "../errors.ts";
import { parsePlatform, type Platform } from "../oci/platform.ts";
import type { Rule } from "./rule.ts";

export const FROM_PLATFORM_FLAG_CONST_DISALLOWED: Rule = {
  name: "FromPlatformFlagConstDisallowed",
  description: "FROM --platform flag should not use a constant value",
  from({ node: { platform, name = "" }, expand }, { tell }): void {
    const expansion = platform === undefined ? undefined : expand(platform);
    if (expansion === undefined || expansion.found.size + expansion.missing.size > 0) return;
    const parsed = readPlatform(expansion.text);
    if (parsed === undefined || name.includes(parsed.os) || name.includes(parsed.architecture)) return;
    tell(`FROM --platform flag should not use constant value ${goQuote(expansion.text)}`);
  },
};

/** What is no platform is an error elsewhere. */
function readPlatform(text: string): Platform | undefined {
  try {
    return parsePlatform(text);
  } catch (error) {
    if (error instanceof KilnError) return undefined;
    throw error;
  }
}
