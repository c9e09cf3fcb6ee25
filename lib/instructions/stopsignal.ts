/**
 * STOPSIGNAL: the signal that asks a container to stop. Stored as written, once it is known to be a signal.
 *
 * @module
 */
import { oneArgument } from "../dockerfile/arguments.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import { isSignal, SIGNAL_NAMES } from "../dockerfile/values/signal.ts";
import { KilnError } from "../errors.ts";
import type { Instruction, Node, StageState } from "./instruction.ts";

/** A parsed STOPSIGNAL. */
export interface StopsignalNode extends Node {
  readonly keyword: "STOPSIGNAL";
  readonly signal: string;
}

/** `STOPSIGNAL signal`. Flags are ignored, as BuildKit does. */
export const STOPSIGNAL: Instruction<StopsignalNode> = {
  keyword: "STOPSIGNAL",
  parse(line): StopsignalNode {
    return { keyword: "STOPSIGNAL", line, signal: oneArgument(line) };
  },
  expand(node, expander): StopsignalNode {
    const signal = expander.word(node.signal);
    if (signal === "") {
      throw new KilnError("dockerfile", `Cannot use the signal "${node.signal}": it expands to nothing`);
    }
    if (!isSignal(signal)) {
      const names = [...SIGNAL_NAMES].map((name) => `SIG${name}`);
      throw new KilnError("dockerfile", `Cannot use the signal "${signal}": there is no such signal`, {
        hint: "give a name such as SIGTERM or a positive number",
        ...didYouMean(signal, names, { ignoreCase: true }),
      });
    }
    return { ...node, signal };
  },
  configure(node, state): StageState {
    if (state.platform.os === "windows") {
      throw new KilnError("dockerfile", `Cannot set the signal "${node.signal}": windows has no signals`);
    }
    return { ...state, config: { ...state.config, StopSignal: node.signal } };
  },
  history(node): string {
    return `STOPSIGNAL ${node.signal}`;
  },
};
