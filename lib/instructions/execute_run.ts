/**
 * Executing a RUN: user, working directory, environment, mounts, command, exit code (dockerfile.md 3.2).
 *
 * @module
 */
import { posix } from "node:path";
import { mountId, type MountSpec, mountTarget, secretTarget } from "../dockerfile/values/mount.ts";
import type { DeviceSpec } from "../dockerfile/values/device.ts";
import { KilnError } from "../errors.ts";
import { CommandMounts, type TypedMountRequest } from "../exec/command_mounts.ts";
import { type MemoryState, memoryState } from "../exec/memory_kills.ts";
import type { DeviceEdits } from "../exec/devices/device_edits.ts";
import type { ExecResult } from "../exec/spec.ts";
import type { RunUser } from "../exec/users.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { withDirectory } from "../sys/file.ts";
import type { StageState } from "./instruction.ts";
import { findRunUser } from "./run_user.ts";
import { runEnvironment } from "./state.ts";
import type { StepContext } from "./step.ts";

/** A RUN with everything about its text decided. Strings are text. */
export interface RunRequest {
  readonly argv: readonly string[];
  /** Files the command is handed by path. */
  readonly scripts: readonly { readonly target: string; readonly content: string }[];
  readonly mounts: readonly MountSpec[];
  readonly network: "default" | "host" | "none";
  readonly security: "sandbox" | "insecure";
  readonly devices: readonly DeviceSpec[];
}

/** Runs the command. @throws {KilnError} kind `run` with the command's exit code, unless it is 0 */
export async function executeRun(request: RunRequest, step: StepContext): Promise<void> {
  const { state, rootfs } = step;
  if (request.network === "none" && !rootfs.canMount) {
    throw new KilnError("denied", "Cannot run with --network=none: this host allows no network namespace");
  }
  const devices = step.devices(request.devices);
  const user = withGroups(
    withDirectory(rootfs.path, (root) => findRunUser(root, state.config.User ?? "")),
    devices.groups,
  );
  // As it is made: the config has the path as written, and "/app/../srv" may be where no /app is.
  const workingDirectory = bytePathOf(posix.normalize(state.config.WorkingDir || "/"));
  const directory = { root: rootfs.path, path: workingDirectory, how: { owner: { uid: user.uid, gid: user.gid } } };
  await step.pool.run("makeWorkingDirectory", directory);
  // The runtime of BuildKit makes what is in front of each ".." as it goes there.
  for (const path of passedThrough(state.config.WorkingDir ?? "")) {
    await step.pool.run("makeWorkingDirectory", { root: rootfs.path, path, how: {} });
  }
  const mounts = await CommandMounts.prepare({
    root: rootfs.path,
    canMount: rootfs.canMount,
    containerPlaces: rootfs.containerPlaces,
    mounts: resolveMounts(request.mounts, state),
    devices,
    scripts: request.scripts.map(({ target, content }) => ({
      target: bytePathOf(target),
      content: bytePathOf(content),
    })),
    hostname: step.hostname,
    sources: step.mounts,
    workingDirectory,
  });
  const before = memoryState();
  const result = await execute(request, step, { user, workingDirectory, mounts, devices });
  if (step.io.signal.aborted) throw interrupted(step.io.signal.reason);
  if (result.timedOut) throw timedOut(request, step.io.timeoutMs ?? 0);
  if (result.code !== 0) throw failed(request, result, before);
}

function passedThrough(path: string): readonly BytePath[] {
  return [...path.matchAll(/\/\.\.(?=\/|$)/g)].map(({ index }) =>
    bytePathOf(posix.normalize(path.slice(0, index) || "/"))
  );
}

/** What a command needs, ready. */
interface PreparedRun {
  readonly user: RunUser;
  readonly workingDirectory: BytePath;
  readonly mounts: CommandMounts;
  readonly devices: DeviceEdits;
}

function withGroups(user: RunUser, groups: readonly number[]): RunUser {
  return { ...user, groups: [...new Set([...user.groups, ...groups])] };
}

async function execute(
  request: RunRequest,
  { rootfs, state, hostname, io }: StepContext,
  { user, workingDirectory, mounts, devices }: PreparedRun,
): Promise<ExecResult> {
  try {
    return await rootfs.exec({
      argv: request.argv.map(bytePathOf),
      environment: lastOfEachName([...environmentOf(state, user), ...mounts.environment, ...devices.environment]),
      workingDirectory,
      user,
      hostname: bytePathOf(hostname),
      network: request.network === "none" ? "none" : "host",
      confined: request.security === "sandbox",
      devices: devices.nodes,
      mounts: mounts.mounts,
    }, io);
  } finally {
    rootfs.noteRestored(await mounts.release());
  }
}

const SSH_SOCKET = "SSH_AUTH_SOCK";

/** Fills in the defaults that depend on the state and on the other mounts. */
function resolveMounts(
  mounts: readonly MountSpec[],
  { config, environment }: StageState,
): readonly TypedMountRequest[] {
  const agents = mounts.filter(({ type }) => type === "ssh");
  return mounts.map((mount) => {
    const resolved = resolveMount(mount, config.WorkingDir || "/", agents.indexOf(mount));
    // The first agent is the one that programs ask, unless the Dockerfile says otherwise.
    const isAsked = mount === agents[0] && !environment.has(SSH_SOCKET);
    return isAsked ? { ...resolved, env: SSH_SOCKET } : resolved;
  });
}

/** Fills in the defaults that depend on the mount's type and the working directory. */
function resolveMount(mount: MountSpec, workingDirectory: string, agentIndex: number): TypedMountRequest {
  const written = defaultTarget(mount, agentIndex);
  const target = written === undefined || written === "" ? undefined : mountTarget(written, workingDirectory);
  return {
    type: mount.type,
    readOnly: mount.readOnly,
    required: mount.required,
    sharing: mount.sharing ?? "shared",
    id: mountId(mount),
    ...(target === undefined ? {} : { target: bytePathOf(posix.normalize(target)) }),
    ...(mount.from === undefined ? {} : { from: mount.from }),
    ...(mount.source === undefined ? {} : { source: mount.source }),
    ...(mount.size === undefined || mount.size === 0 ? {} : { sizeBytes: mount.size }),
    ...(mount.env === undefined || mount.type !== "secret" ? {} : { env: mount.env }),
    ...(mount.mode === undefined ? {} : { mode: mount.mode }),
    ...(mount.uid === undefined ? {} : { uid: mount.uid }),
    ...(mount.gid === undefined ? {} : { gid: mount.gid }),
  };
}

function defaultTarget(mount: MountSpec, agentIndex: number): string | undefined {
  if (mount.type === "secret") return secretTarget(mount);
  if (mount.type === "ssh") return mount.target || `/run/buildkit/ssh_agent.${agentIndex}`;
  return mount.target;
}

/** Of `NAME=value` lines those that count: a program may take the first of a name or the last. */
function lastOfEachName(lines: readonly BytePath[]): readonly BytePath[] {
  return [...new Map(lines.map((line) => [line.slice(0, line.indexOf("=")), line])).values()];
}

/** HOME comes from the image's /etc/passwd when nothing sets it, as container runtimes have it. */
function environmentOf(state: StageState, user: RunUser): readonly BytePath[] {
  const own = [...new Map(runEnvironment(state))];
  const lines = own.map(([name, value]) => bytePathOf(`${name}=${value}`));
  return own.some(([name]) => name === "HOME") ? lines : [...lines, `HOME=${user.home}`];
}

function timedOut(request: RunRequest, timeoutMs: number): KilnError {
  const message = `Cannot complete "${shownCommand(request)}": it took longer than ${timeoutMs / 1000} s`;
  return new KilnError("interrupted", message, { hint: "--step-timeout says how long a command may take" });
}

function failed(request: RunRequest, result: ExecResult, before: MemoryState | undefined): KilnError {
  const { code, signal } = result;
  const shown = shownCommand(request);
  const how = signal === undefined ? `it returned exit code ${code}` : `it was ended by ${signalName(signal)}`;
  const hint = hintOf(result, before);
  return new KilnError("run", `Cannot complete "${shown}": ${how}`, {
    exitCode: code,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** What the codes that shells give a meaning to mean. */
function hintOf({ code, signal, limits }: ExecResult, before: MemoryState | undefined): string | undefined {
  // A shell returns 137 for a command of its own that was killed.
  if (signal === SIGKILL || code === 128 + SIGKILL) return hintOfKill(before);
  if (signal !== undefined || limits !== undefined) return limits;
  if (code === 127) return "a shell returns 127 when it does not find a command: is it installed, and in PATH?";
  return code === 126
    ? "a shell returns 126 when it may not execute a file: is it a program, and has it the mode for it?"
    : undefined;
}

function hintOfKill(before: MemoryState | undefined): string {
  const now = memoryState();
  const isKnown = now !== undefined && before !== undefined && now.kills > before.kills;
  if (!isKnown) return "the kernel may have run out of memory";
  const limit = now.limitBytes === undefined
    ? "the machine"
    : `the control group, ${Math.round(now.limitBytes / 2 ** 20)} MiB,`;
  return `the kernel killed it because the memory of ${limit} was used up`;
}

function shownCommand({ argv }: RunRequest): string {
  const command = argv.join(" ").trimEnd();
  const line = command.split("\n", 1)[0]?.slice(0, MOST_SHOWN) ?? "";
  return line === command ? command : `${line}...`;
}

/** Characters of a command that an error shows. */
const MOST_SHOWN = 200;

const SIGKILL = 9;
const SIGNAL_NAMES: Readonly<Record<number, string>> = {
  1: "SIGHUP",
  2: "SIGINT",
  3: "SIGQUIT",
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  13: "SIGPIPE",
  14: "SIGALRM",
  15: "SIGTERM",
  31: "SIGSYS",
};

function signalName(signal: number): string {
  return SIGNAL_NAMES[signal] ?? `signal ${signal}`;
}

function interrupted(reason: unknown): unknown {
  return reason instanceof Error ? reason : new KilnError("interrupted", "Cannot go on: the build was interrupted");
}
