/**
 * JSONArgsRecommended: a CMD or ENTRYPOINT as text, run by a shell that passes no signals on. Whoever says SHELL, in the
 * stage, a parent or the image, wants a shell.
 *
 * @module
 */
import { CMD } from "../instructions/cmd.ts";
import { ENTRYPOINT } from "../instructions/entrypoint.ts";
import { isOf } from "../instructions/instruction.ts";
import type { Rule } from "./rule.ts";

export const JSON_ARGS_RECOMMENDED: Rule = {
  name: "JSONArgsRecommended",
  description: "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals",
  step({ node, state, isOpen }, { tell, leaveOpen }): void {
    if (!isOf(CMD, node) && !isOf(ENTRYPOINT, node)) return;
    if (node.command.form === "exec" || (state.config.Shell?.length ?? 0) > 0) return;
    const purpose = "to prevent unintended behavior related to OS signals";
    const detail = `JSON arguments recommended for ${node.line.typed} ${purpose}`;
    if (isOpen) leaveOpen(detail);
    else tell(detail);
  },
};
