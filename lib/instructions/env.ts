/**
 * ENV: sets variables, for the instructions that follow and in the image.
 *
 * @module
 */
import type { Instruction, StageState } from "./instruction.ts";
import { expandKeyValues, keyValuesHistory, type KeyValuesNode, parseKeyValues } from "./key_values.ts";

/** A parsed ENV. */
export type EnvNode = KeyValuesNode<"ENV">;

/** `ENV name=value...` or `ENV name value`. A variable that is there keeps its place. */
export const ENV: Instruction<EnvNode> = {
  keyword: "ENV",
  parse(line): EnvNode {
    return parseKeyValues("ENV", line);
  },
  expand(node, expander): EnvNode {
    return { ...node, pairs: expandKeyValues(node.pairs, expander) };
  },
  configure(node, state): StageState {
    return {
      ...state,
      env: state.env.setAll(node.pairs.map(({ name, value }) => [name, `${name}=${value}`] as const)),
      environment: state.environment.setAll(node.pairs.map(({ name, value }) => [name, value] as const)),
    };
  },
  history: keyValuesHistory,
};
