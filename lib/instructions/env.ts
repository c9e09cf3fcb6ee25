/**
 * ENV: sets variables, for the instructions that follow and in the image.
 *
 * @module
 */
import type { Instruction, StageState } from "./instruction.ts";
import { checkKeyValues, expandKeyValues, keyValuesHistory, type KeyValuesNode, parseKeyValues } from "./key_values.ts";
import { setVariable } from "./state.ts";

/** A parsed ENV. */
export type EnvNode = KeyValuesNode<"ENV">;

/** `ENV name=value...` or `ENV name value`. A variable that is there keeps its place. */
export const ENV: Instruction<EnvNode> = {
  keyword: "ENV",
  parse(line): EnvNode {
    return parseKeyValues("ENV", line);
  },
  check: checkKeyValues,
  expand(node, expander): EnvNode {
    return { ...node, pairs: expandKeyValues(node.pairs, expander) };
  },
  configure(node, state): StageState {
    return node.pairs.reduce((next, { name, value }): StageState => {
      const lines = next.config.Env ?? [];
      const at = lines.findIndex((line) => line === name || line.startsWith(`${name}=`));
      const line = `${name}=${value}`;
      const Env = at < 0 ? [...lines, line] : lines.with(at, line);
      return { ...next, config: { ...next.config, Env }, environment: setVariable(next.environment, [name, value]) };
    }, state);
  },
  history: keyValuesHistory,
};
