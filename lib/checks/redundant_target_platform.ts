/**
 * RedundantTargetPlatform: `FROM --platform=$TARGETPLATFORM`, which is what a FROM without `--platform` means.
 *
 * @module
 */
import type { Rule } from "./rule.ts";

export const REDUNDANT_TARGET_PLATFORM: Rule = {
  name: "RedundantTargetPlatform",
  description: "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior",
  from({ node: { platform = "" }, expand, globals }, { tell }): void {
    const { text, found, missing } = expand(platform) ?? {};
    // The only variable, and nothing around it.
    if (found?.size !== 1 || !found.has("TARGETPLATFORM") || missing?.size !== 0) return;
    if (text !== globals.get("TARGETPLATFORM")) return;
    tell(`Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`);
  },
};
