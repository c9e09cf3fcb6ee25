/**
 * ConsistentInstructionCasing: a keyword of mixed case, or in another case than most of the file. Only what stands in
 * stages counts; a draw is upper case.
 *
 * @module
 */
import type { LogicalLine } from "../dockerfile/line.ts";
import type { Rule } from "./rule.ts";

export const CONSISTENT_INSTRUCTION_CASING: Rule = {
  name: "ConsistentInstructionCasing",
  description: "All commands within the Dockerfile should use the same casing (either upper or lower)",
  file({ stages }, tell): void {
    const lines = stages.flatMap(({ from, nodes }): readonly LogicalLine[] => [from, ...nodes].map(({ line }) => line));
    const count = (fold: (word: string) => string): number => lines.filter(({ typed }) => typed === fold(typed)).length;
    const isLower = count((word) => word.toLowerCase()) > count((word) => word.toUpperCase());
    for (const line of lines) {
      const { typed } = line;
      if (typed === (isLower ? typed.toLowerCase() : typed.toUpperCase())) continue;
      const casing = isLower ? "lowercase" : "uppercase";
      tell(`Command '${typed}' should match the case of the command majority (${casing})`, line);
    }
  },
};
