/**
 * A whole Dockerfile: its global arguments and its stages, as nodes.
 *
 * @module
 */
import type { Escape, LogicalLine } from "../dockerfile/line.ts";
import { locate } from "../dockerfile/locate.ts";
import { readLines, type SourceLines } from "../dockerfile/read_lines.ts";
import { KilnError } from "../errors.ts";
import { ARG, type ArgNode } from "./arg.ts";
import { FROM, type FromNode } from "./from.ts";
import type { Node } from "./instruction.ts";
import { instructionOf, parseInstruction } from "./table.ts";

/** The most stages in a Dockerfile; each may wait for the one before (pains-and-security.md S77). */
export const MAX_STAGES = 1_000;

/** One stage as written. */
export interface StageText {
  /** Position among the stages, from 0: what `COPY --from=0` means. */
  readonly index: number;
  /** Lower case. */
  readonly name?: string;
  readonly from: FromNode;
  readonly nodes: readonly Node[];
}

/** A Dockerfile, read. */
export interface Dockerfile {
  readonly escape: Escape;
  /** ARG lines in front of the first FROM. */
  readonly globals: readonly ArgNode[];
  /** At least one. */
  readonly stages: readonly StageText[];
}

/**
 * Reads a Dockerfile; `file` is its name in positions.
 *
 * @throws {KilnError} kind `dockerfile`, with the position of the instruction at fault.
 */
export function parseDockerfile(source: Uint8Array | string, file: string): Dockerfile {
  return parseStages(readLines(source, file), file);
}

/** Reads the lines of a Dockerfile; `onNode` is told each instruction in turn. Throws likewise. */
export function parseStages(
  { lines, escape }: SourceLines,
  file: string,
  onNode: (node: Node) => void = () => {},
): Dockerfile {
  const globals: ArgNode[] = [];
  const stages: { index: number; name?: string; from: FromNode; nodes: Node[] }[] = [];
  for (const line of lines) {
    locate(line.range, () => {
      const stage = stages.at(-1);
      if (line.keyword === "FROM") {
        if (stages.length === MAX_STAGES) {
          throw new KilnError("dockerfile", `Cannot build "${file}": it has more than ${MAX_STAGES} stages`);
        }
        const from = FROM.parse(line);
        onNode(from);
        stages.push({ index: stages.length, ...(from.name === undefined ? {} : { name: from.name }), from, nodes: [] });
      } else if (stage !== undefined) {
        const node = parseInstruction(line);
        onNode(node);
        stage.nodes.push(node);
      } else if (line.keyword === "ARG") {
        const node = ARG.parse(line);
        onNode(node);
        globals.push(node);
      } else throw noStage(line);
    });
  }
  if (stages.length === 0) {
    throw new KilnError("dockerfile", `Cannot build "${file}": it has no stages`, { hint: "a stage starts with FROM" });
  }
  return { escape, globals, stages };
}

/**
 * Returns the stage that the text of a FROM means, among those in front of it: the last one whose lower-case name is
 * exactly the text. So `FROM Base` does not find `base`, and an index finds nothing.
 */
export function findBaseStage<S extends Pick<StageText, "name">>(base: string, before: readonly S[]): S | undefined {
  return before.findLast(({ name }) => name === base);
}

/**
 * Returns the stage that `--from`, a mount or `--target` means: by name in any case, the last of that name. `stages`
 * are those to be looked at.
 */
export function findStage<S extends Pick<StageText, "name">>(text: string, stages: readonly S[]): S | undefined {
  const wanted = text.toLowerCase();
  return stages.findLast(({ name }) => name === wanted);
}

/** Returns the number that `COPY --from=0` gives, or undefined if it is a name. */
export function stageIndex(from: string): number | undefined {
  return /^[-+]?[0-9]+$/.test(from) ? Number(from) : undefined;
}

/** Unknown words are reported as such, also where no instruction but ARG may stand. */
function noStage(line: LogicalLine): KilnError {
  const { keyword } = instructionOf(line);
  return new KilnError("dockerfile", `Cannot run ${keyword}: no stage has been started`, {
    hint: "a stage starts with FROM; only ARG may stand in front of it",
  });
}
