/**
 * InvalidDefinitionDescription (experimental): the comment right above an ARG or a named FROM, which tools show as its
 * description, does not begin with the name.
 *
 * @module
 */
import { ARG } from "../instructions/arg.ts";
import { FROM } from "../instructions/from.ts";
import { isOf, type Node } from "../instructions/instruction.ts";
import type { Rule } from "./rule.ts";

export const INVALID_DEFINITION_DESCRIPTION: Rule = {
  name: "InvalidDefinitionDescription",
  description: "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If " +
    "this is not intended to be a description comment, add an empty line or comment between the instruction and the " +
    "comment.",
  experimental: true,
  node(node, { tell }): void {
    const names = namesOf(node);
    const [first, second] = names;
    const comment = node.line.comments.at(-1);
    if (comment === undefined || first === undefined || names.includes(comment.split(" ", 1)[0] ?? "")) return;
    const name = second === undefined ? first : "<arg_key>";
    tell(`Comment for ${node.keyword} should follow the format: \`# ${name} <description>\``);
  },
};

function namesOf(node: Node): readonly string[] {
  if (isOf(FROM, node)) return node.name === undefined ? [] : [node.name];
  return isOf(ARG, node) ? node.pairs.map(({ name }) => name) : [];
}
