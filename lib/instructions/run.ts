/**
 * RUN: executes a command in the stage (dockerfile.md 3.2).
 *
 * @module
 */
import { badArgument, type Command, parseCommand } from "../dockerfile/arguments.ts";
import { parseFlags } from "../dockerfile/flags.ts";
import { parseHeredocWord } from "../dockerfile/heredoc.ts";
import type { Heredoc, LogicalLine } from "../dockerfile/line.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import { type DeviceSpec, parseDevice } from "../dockerfile/values/device.ts";
import { checkMount, type MountSpec, mountTarget, parseMount } from "../dockerfile/values/mount.ts";
import { KilnError } from "../errors.ts";
import { executeRun } from "./execute_run.ts";
import type { Entitlement, Instruction, Node, Origin, StageState } from "./instruction.ts";
import { shellOf } from "./state.ts";

const NETWORKS = ["default", "host", "none"] as const;
const SECURITIES = ["sandbox", "insecure"] as const;

/** A parsed RUN. */
export interface RunNode extends Node {
  readonly keyword: "RUN";
  /** Never expanded: variables are the shell's. */
  readonly command: Command;
  readonly heredocs: readonly Heredoc[];
  /** `--mount` as written. */
  readonly mountTexts: readonly string[];
  /** The same, read; empty until expanded. */
  readonly mounts: readonly MountSpec[];
  readonly network: typeof NETWORKS[number];
  readonly security: typeof SECURITIES[number];
  readonly devices: readonly DeviceSpec[];
}

/** What a RUN executes. */
export interface RunCommand {
  readonly argv: readonly string[];
  /** Read-only files that the command is handed by path, mode 0755. */
  readonly scripts: readonly { readonly target: string; readonly content: string }[];
}

/** `RUN [flags] text`, `RUN [flags] ["program", "argument", ...]` or `RUN [flags] <<EOF`. */
export const RUN: Instruction<RunNode> = {
  keyword: "RUN",
  parse(line): RunNode {
    const flags = parseFlags(line, { mount: "list", network: "text", security: "text", device: "list" });
    flags.mount.forEach(checkMount);
    const command = parseCommand(line.rest) ?? { form: "shell", text: "" };
    if (command.form === "exec" && command.argv.length === 0) throw badArgument(line, "the array is empty");
    return {
      keyword: "RUN",
      line,
      command,
      heredocs: line.heredocs,
      mountTexts: flags.mount,
      mounts: [],
      network: oneOf(line, flags.network ?? "default", { flag: "--network", words: NETWORKS }),
      security: oneOf(line, flags.security ?? "sandbox", { flag: "--security", words: SECURITIES }),
      devices: flags.device.map(parseDevice),
    };
  },
  expand(node, expander): RunNode {
    const mounts = node.mountTexts.map((text) => parseMount(text, (value) => expander.word(value)));
    return { ...node, mounts };
  },
  configure(node, state): StageState {
    // What is wrong with them is told before anything is run.
    for (const { type, target } of node.mounts) {
      // The others have targets of their own.
      if (type !== "secret" && type !== "ssh") mountTarget(target, state.config.WorkingDir || "/");
    }
    runCommand(node, state);
    return state;
  },
  history(node, state): string {
    const args = Array.from(state.args, ([name, value]) => `${name}=${state.environment.get(name) ?? value ?? ""}`);
    const count = args.length === 0 ? [] : [`|${args.length}`];
    return `${["RUN", ...count, ...args, ...runCommand(node, state).argv].join(" ")} # buildkit`;
  },
  origins(node): readonly Origin[] {
    return node.mountTexts.map(checkMount).flatMap(({ from, readsContext }): Origin[] => {
      if (from !== undefined) return [{ kind: "named", name: from, indexes: false }];
      return readsContext ? [{ kind: "context" }] : [];
    });
  },
  needs({ network, security, devices }): readonly Entitlement[] {
    return [
      ...(network === "host" ? [{ name: "network.host", flag: "--network=host" } as const] : []),
      ...(security === "insecure" ? [{ name: "security.insecure", flag: "--security=insecure" } as const] : []),
      ...devices.map(({ name }) => ({ name: "device", device: name, flag: `--device=${name}` } as const)),
    ];
  },
  run(node, step): Promise<void> {
    const { mounts, network, security, devices } = node;
    // Where commands have the container's own /dev, nothing can be put there for them.
    const scripts = step.rootfs.containerPlaces.includes("dev") ? "/.pipes" : SCRIPTS;
    return executeRun({ ...runCommand(node, step.state, scripts), mounts, network, security, devices }, step);
  },
};

/** Where BuildKit puts a heredoc that is a script. */
const SCRIPTS = "/dev/pipes";

/**
 * Returns what is executed: the exec form as it is, any other text as one argument of the shell.
 *
 * A command that is nothing but one heredoc is that heredoc's content; the shell need not know heredocs. If the content
 * starts with `#!` it becomes a file and the shell is asked to run that. With anything else in the command, it is put
 * together again as it stood in the Dockerfile, for the shell to read.
 */
export function runCommand(node: RunNode, state: StageState, scripts = SCRIPTS): RunCommand {
  if (node.command.form === "exec") return { argv: node.command.argv, scripts: [] };
  const { text } = node.command;
  const [first] = node.heredocs;
  if (first === undefined) return { argv: [...shellOf(state), text], scripts: [] };
  if (!isHeredocWord(text)) {
    const whole = text + node.heredocs.map(({ raw, name }) => `\n${raw}${name}`).join("");
    return { argv: [...shellOf(state), whole], scripts: [] };
  }
  if (!first.body.startsWith("#!") || state.platform.os === "windows") {
    return { argv: [...shellOf(state), first.body], scripts: [] };
  }
  if (first.name.includes("/") || first.name === "." || first.name === "..") {
    throw new KilnError("dockerfile", `Cannot run the heredoc "${first.name}": its name is not a file name`);
  }
  const target = `${scripts}/${first.name}`;
  return { argv: [...shellOf(state), target], scripts: [{ target, content: first.body }] };
}

function isHeredocWord(text: string): boolean {
  try {
    return parseHeredocWord(text) !== undefined;
  } catch (error) {
    if (error instanceof KilnError) return false;
    throw error;
  }
}

function oneOf<T extends string>(
  line: LogicalLine,
  text: string,
  { flag, words }: { readonly flag: string; readonly words: readonly T[] },
): T {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const { hint } = { hint: `one of ${words.join(", ")}`, ...didYouMean(text, words) };
  throw badArgument(line, `${flag}="${text}" is not known`, hint);
}
