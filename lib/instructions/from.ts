/**
 * FROM: starts a stage from an image, an earlier stage or nothing (dockerfile.md 3.1). What the name stands for is
 * decided by the plan; here it is text.
 *
 * @module
 */
import { badArgument, parseWords } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import type { LogicalLine } from "../dockerfile/line.ts";
import { KilnError } from "../errors.ts";
import { parsePlatform, type Platform } from "../oci/platform.ts";
import type { Instruction, Node } from "./instruction.ts";

/** A parsed FROM. */
export interface FromNode extends Node {
  readonly keyword: "FROM";
  /** An image reference, the name of a stage, or `scratch`. */
  readonly base: string;
  /** `--platform`, as text. */
  readonly platform?: string;
  /** The name behind AS, lower case. */
  readonly name?: string;
}

const STAGE_NAME = /^[a-z][a-z0-9_.-]*$/;

/** `FROM [--platform=P] base [AS name]`. Its expander sees global ARGs only. */
export const FROM: Instruction<FromNode> = {
  keyword: "FROM",
  parse(line): FromNode {
    const words = parseWords(line.rest);
    const [base] = words;
    const name = stageName(line, words);
    const { platform } = parseFlags(line, { platform: "text" });
    return {
      keyword: "FROM",
      line,
      base: base ?? "",
      ...(platform === undefined || platform === "" ? {} : { platform }),
      ...(name === undefined ? {} : { name }),
    };
  },
  expand(node, expander): FromNode {
    const base = expander.word(node.base);
    if (base === "") throw new KilnError("dockerfile", `Cannot start a stage from "${node.base}": the name is empty`);
    if (node.platform === undefined) return { ...node, base };
    const platform = expander.word(node.platform);
    if (platform === "") {
      throw new KilnError("dockerfile", `Cannot use the platform "${node.platform}": it expands to nothing`);
    }
    readPlatform(platform);
    return { ...node, base, platform };
  },
  history(): undefined {
    return undefined;
  },
};

/** Returns the platform an expanded FROM asks for. */
export function platformOf(node: FromNode): Platform | undefined {
  return node.platform === undefined ? undefined : readPlatform(node.platform);
}

function stageName(line: LogicalLine, words: readonly string[]): string | undefined {
  const [, as, typed, ...more] = words;
  if (words.length === 1) return undefined;
  if (typed === undefined || more.length > 0 || as?.toLowerCase() !== "as") {
    const hint = words.some((word) => word.startsWith("#")) ? "comments stand on lines of their own" : undefined;
    throw badArgument(line, "it needs an image, or an image, AS and a name", hint);
  }
  const name = typed.toLowerCase();
  if (STAGE_NAME.test(name)) return name;
  throw badArgument(
    line,
    `"${typed}" is not a name for a stage`,
    "names are a letter, then letters, digits, - _ and .",
  );
}

function readPlatform(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    // The same fault is a usage error where it comes from the command line.
    if (!(error instanceof KilnError)) throw error;
    throw new KilnError("dockerfile", error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}
