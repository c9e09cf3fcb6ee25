/**
 * A whole Dockerfile: its global arguments and its stages, as nodes.
 *
 * @module
 */
import {
  type CheckOptions,
  DEFAULT_CHECKS,
  isActive,
  parseCheckOptions,
  withComments,
} from "../dockerfile/check_options.ts";
import type { Directives } from "../dockerfile/directives.ts";
import type { Escape, LogicalLine } from "../dockerfile/line.ts";
import { locate } from "../dockerfile/locate.ts";
import { readLines } from "../dockerfile/read_lines.ts";
import type { Finding, Warning } from "../dockerfile/warning.ts";
import { KilnError } from "../errors.ts";
import { ARG, type ArgNode } from "./arg.ts";
import { FROM, type FromNode } from "./from.ts";
import type { Node } from "./instruction.ts";
import { instructionOf } from "./table.ts";

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
  readonly directives: Directives;
  readonly escape: Escape;
  /** Which rules warn in this file. */
  readonly checks: CheckOptions;
  /** ARG lines in front of the first FROM. */
  readonly globals: readonly ArgNode[];
  /** At least one. */
  readonly stages: readonly StageText[];
  /** Those that the check options do not silence. */
  readonly warnings: readonly Warning[];
}

/** How to read a Dockerfile. */
export interface DockerfileOptions {
  /** Replaces the `# check=` directive (`BUILDKIT_DOCKERFILE_CHECK`). */
  readonly check?: string;
}

/**
 * Reads a Dockerfile; `file` is its name in positions.
 *
 * @throws {KilnError} kind `dockerfile`, with the position of the instruction at fault.
 */
export function parseDockerfile(
  source: Uint8Array | string,
  file: string,
  options: DockerfileOptions = {},
): Dockerfile {
  const { lines, directives, escape, warnings } = readLines(source, file);
  const checks = readChecks(directives, options.check);
  const found: Warning[] = warnings.filter(({ rule }) => isActive(checks, rule));
  const notes: Notes = { checks, warnings: found };
  const globals: ArgNode[] = [];
  const stages: { index: number; name?: string; from: FromNode; nodes: Node[] }[] = [];
  for (const line of lines) {
    locate(line.range, () => {
      const stage = stages.at(-1);
      if (line.keyword === "FROM") {
        if (stages.length === MAX_STAGES) {
          throw new KilnError("dockerfile", `Cannot build "${file}": it has more than ${MAX_STAGES} stages`);
        }
        const from = noting(FROM, line, notes);
        noteDuplicate(from, { stages, notes });
        stages.push({ index: stages.length, ...(from.name === undefined ? {} : { name: from.name }), from, nodes: [] });
      } else if (stage !== undefined) stage.nodes.push(noting(instructionOf(line), line, notes));
      else if (line.keyword === "ARG") globals.push(noting(ARG, line, notes));
      else throw noStage(line);
    });
  }
  if (stages.length === 0) {
    throw new KilnError("dockerfile", `Cannot build "${file}": it has no stages`, { hint: "a stage starts with FROM" });
  }
  return { directives, escape, checks, globals, stages, warnings: found };
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

interface Notes {
  readonly checks: CheckOptions;
  readonly warnings: Warning[];
}

function readChecks(directives: Directives, given: string | undefined): CheckOptions {
  if (given !== undefined) return parseCheckOptions(given);
  const { check } = directives;
  if (check === undefined) return DEFAULT_CHECKS;
  return locate(check.range, () => parseCheckOptions(check.value.split(" ", 1)[0] ?? ""));
}

function noting<N extends Node>(
  instruction: { parse(line: LogicalLine): N; check?(node: N): readonly Finding[] },
  line: LogicalLine,
  notes: Notes,
): N {
  const node = instruction.parse(line);
  for (const finding of instruction.check?.(node) ?? []) note(finding, line, notes);
  return node;
}

function noteDuplicate(
  { name, line }: FromNode,
  { stages, notes }: { readonly stages: readonly Pick<StageText, "name">[]; readonly notes: Notes },
): void {
  if (name === undefined || findBaseStage(name, stages) === undefined) return;
  const message = `Duplicate stage name "${name}", stage names should be unique`;
  note({ rule: "DuplicateStageName", message }, line, notes);
}

function note(finding: Finding, line: LogicalLine, { checks, warnings }: Notes): void {
  if (!isActive(withComments(checks, line.comments, line.range), finding.rule)) return;
  warnings.push({ ...finding, range: line.range });
}

/** Unknown words are reported as such, also where no instruction but ARG may stand. */
function noStage(line: LogicalLine): KilnError {
  const { keyword } = instructionOf(line);
  return new KilnError("dockerfile", `Cannot run ${keyword}: no stage has been started`, {
    hint: "a stage starts with FROM; only ARG may stand in front of it",
  });
}
