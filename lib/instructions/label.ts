/**
 * LABEL: sets labels of the image; the last value of a name stays.
 *
 * @module
 */
import type { Instruction, StageState } from "./instruction.ts";
import { expandKeyValues, keyValuesHistory, type KeyValuesNode, parseKeyValues } from "./key_values.ts";

/** A parsed LABEL. */
export type LabelNode = KeyValuesNode<"LABEL">;

/** `LABEL name=value...` or `LABEL name value`. */
export const LABEL: Instruction<LabelNode> = {
  keyword: "LABEL",
  parse(line): LabelNode {
    return parseKeyValues("LABEL", line);
  },
  expand(node, expander): LabelNode {
    return { ...node, pairs: expandKeyValues(node.pairs, expander) };
  },
  configure(node, state): StageState {
    return { ...state, labels: state.labels.setAll(node.pairs.map(({ name, value }) => [name, value] as const)) };
  },
  history: keyValuesHistory,
};
