/**
 * Running one command to its end: start, output, signals, exit code, and nothing left behind.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, displayPath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import { AT_FDCWD, close, makeMemoryFile, makePipe, O, openAt, writeAll } from "../sys/file.ts";
import { makeGuardianProgram } from "../sys/guardian_program.ts";
import { makeInitProgram, REPORT_BYTES } from "../sys/init_program.ts";
import { checked, libc } from "../sys/libc.ts";
import { CLONE, StartError, startProcess } from "../sys/start_process.ts";
import { startRunner } from "../sys/step_runner.ts";
import type { FailedStep, SyscallScript } from "../sys/syscall_script.ts";
import type { Abilities } from "./abilities.ts";
import {
  type ChildDescriptors,
  chrootScript,
  entryScript,
  guardianScript,
  inPlaceScript,
  setUpScript,
  wholeScript,
} from "./command_script.ts";
import { childrenOf, killDescendants, killProcessesIn, signalCommand, type StartedKind } from "./process_tree.ts";
import type { ExecResult, ExecSpec } from "./spec.ts";

/** Where a command's output goes and what can end it early. */
export interface ExecIo {
  /** Takes what the command writes, chunk by chunk; the chunk is only valid during the call. */
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  /** Aborting asks the command to end (SIGTERM) and ends it after `graceMs`. */
  readonly signal: AbortSignal;
  readonly graceMs: number;
  /** Aborting, after `signal`, ends the command at once. */
  readonly force?: AbortSignal;
  /** How long the command may take, in milliseconds, before it is ended the same way. */
  readonly timeoutMs?: number;
}

/**
 * Runs `spec` in the rootfs at `root` and resolves when the command and every process it started are gone.
 *
 * @throws {KilnError} kind `run`, if the command cannot be executed (code 127 or 126, as a shell has it).
 */
export async function launch(root: BytePath, spec: ExecSpec, io: ExecIo, abilities: Abilities): Promise<ExecResult> {
  assertPossible(spec, abilities);
  const fds = new Descriptors();
  // Who has our own root is told from others by being our descendant, and none of those there are already.
  const others = root === "/" ? childrenOf(Deno.pid) : [];
  try {
    const stdout = fds.pipe();
    const stderr = fds.pipe();
    const report = fds.pipe();
    const child = {
      stdin: fds.keep(openAt(AT_FDCWD, "/dev/null", O.RDONLY)),
      stdout: stdout.writeEnd,
      stderr: stderr.writeEnd,
      report: report.writeEnd,
      init: -1,
    };
    const started = start(root, spec, { child, abilities, keep: (fd) => fds.keep(fd) });
    fds.closeNow(child.stdin, stdout.writeEnd, stderr.writeEnd, report.writeEnd, child.init);
    return await attend({ root, spec, io, abilities, others, ...started, stdout, stderr, report });
  } finally {
    fds.closeAll();
  }
}

/** @throws {KilnError} kind `denied`, if there is no way here to run the command as the Dockerfile wants it */
function assertPossible({ user }: ExecSpec, { root, inPlace, ids }: Abilities): void {
  if (!root && !inPlace) {
    throw new KilnError("denied", "Cannot run a command: this process may neither make namespaces nor call chroot", {
      hint: "without RUN the image can be built here",
    });
  }
  const lacking = [
    ...ids.users.has(user.uid) ? [] : [`user ${user.uid}`],
    // What root may by its further groups, it may anyhow.
    ...(ids.isPowerless ? [user.gid] : [user.gid, ...user.groups]).filter((gid) => !ids.groups.has(gid))
      .map((gid) => `group ${gid}`),
  ];
  if (lacking[0] === undefined) return;
  if (ids.isPowerless) {
    throw new KilnError("denied", `Cannot run as ${lacking[0]}: this process has no CAP_SETUID and CAP_SETGID`, {
      hint: "give the container the capabilities SETUID and SETGID, or leave out USER",
    });
  }
  const there = ids.users.count === 1 ? "one user and group only, root" : `${ids.users.count} ids`;
  throw new KilnError("denied", `Cannot run as ${lacking[0]}: this user namespace has ${there}`, {
    hint: MORE_IDS,
  });
}

const MORE_IDS = "ranges in /etc/subuid and /etc/subgid and the package uidmap (newuidmap, newgidmap) give it more";
const ONE_USER = `there is one user and group only, so changing owners fails; ${MORE_IDS}`;

interface StartOptions {
  readonly child: ChildDescriptors & { init: number };
  readonly abilities: Abilities;
  readonly keep: (fd: number) => number;
}

/** A process that is the command or has it for a child. */
interface Started {
  readonly pid: number;
  readonly kind: StartedKind;
  /** The calls that its report counts. */
  readonly entry: SyscallScript;
}

/** Starts the command, or the process that will. */
function start(root: BytePath, spec: ExecSpec, { child, abilities, keep }: StartOptions): Started {
  const network = spec.network === "none" ? CLONE.NEWNET : 0;
  const flags = abilities.namespaces ? CLONE.NEWNS | CLONE.NEWPID | CLONE.NEWIPC | CLONE.NEWUTS | network : 0;
  const options = { fds: child, abilities };
  const scriptWithout = abilities.inPlace ? inPlaceScript : chrootScript;
  if (abilities.start === "runner") {
    const entry = abilities.namespaces ? wholeScript(root, spec, options) : scriptWithout(root, spec, options);
    const { report, stdin, stdout, stderr } = child;
    const pid = startRunner(flags, entry, { report, inherited: [stdin, stdout, stderr] });
    return { pid, entry, kind: abilities.namespaces ? "init" : "command" };
  }
  try {
    if (!abilities.namespaces) {
      const entry = scriptWithout(root, spec, { abilities });
      child.init = keep(makeMemoryFile("guardian"));
      writeAll(child.init, makeGuardianProgram(entry, Deno.pid));
      const guardian = startGuardian(child);
      if (guardian !== undefined) return { pid: guardian, entry, kind: "guardian" };
      const whole = scriptWithout(root, spec, options);
      return { pid: startProcess(flags, whole), entry: whole, kind: "command" };
    }
    const entry = entryScript(spec, abilities);
    child.init = keep(makeMemoryFile("init"));
    writeAll(child.init, makeInitProgram(entry));
    return { pid: startProcess(flags, setUpScript(root, spec, options)), entry, kind: "init" };
  } catch (error) {
    throw error instanceof StartError ? explainFailedStep(error.failed, spec) : error;
  }
}

/** Starts a guardian, and returns undefined where the host forbids a program made in memory. */
function startGuardian(child: ChildDescriptors): number | undefined {
  try {
    return startProcess(0, guardianScript(child));
  } catch (error) {
    if (error instanceof StartError && error.failed.step.name === "execveat") return undefined;
    throw error;
  }
}

interface Running extends Started {
  readonly root: BytePath;
  readonly spec: ExecSpec;
  readonly io: ExecIo;
  readonly abilities: Abilities;
  /** Children of ours that the command has nothing to do with. */
  readonly others: readonly number[];
  readonly stdout: { readonly readEnd: number };
  readonly stderr: { readonly readEnd: number };
  readonly report: { readonly readEnd: number };
}

async function attend(running: Running): Promise<ExecResult> {
  const { pid, io, abilities } = running;
  const watch = endOnAbort(running, io);
  const output = Promise.all([
    pump(running.stdout.readEnd, (chunk) => io.stdout(chunk)),
    pump(running.stderr.readEnd, (chunk) => io.stderr(chunk)),
  ]);
  try {
    const status = new Int32Array(1);
    const waited = await libc.waitpid(pid, new Uint8Array(status.buffer), 0);
    if (waited !== pid) throw new Error(`Unreachable: process ${pid} was reaped by somebody else`);
    // Orphans hold the pipes open: with a process namespace they are gone with init, else the guardian has ended them,
    // unless there is none, or the command has ended it.
    if (running.root === "/") await killDescendants(Deno.pid, running.others);
    else if (!abilities.namespaces) await killProcessesIn(running.root);
    await output;
    const ended = readReport(running, status[0] ?? 0);
    const result = ended.code !== 0 && abilities.singleUser !== undefined ? { ...ended, limits: ONE_USER } : ended;
    return watch.timedOut() ? { ...result, timedOut: true } : result;
  } finally {
    watch.stop();
  }
}

/** Reads from a descriptor to its end. Reading happens on a thread of Deno's pool. */
async function pump(fd: number, take: (chunk: Uint8Array) => void): Promise<void> {
  using file = await Deno.open(`/proc/self/fd/${fd}`);
  const buffer = new Uint8Array(65_536);
  for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
    take(buffer.subarray(0, count));
  }
}

/** Ends the command when the build is interrupted or its time is over. */
function endOnAbort({ pid, kind }: Started, io: ExecIo): { stop(): void; timedOut(): boolean } {
  let killing: ReturnType<typeof setTimeout> | undefined;
  let timedOut = false;
  const kill = (): void => signalCommand(pid, "SIGKILL", kind);
  const end = (): void => {
    signalCommand(pid, "SIGTERM", kind);
    killing ??= setTimeout(kill, io.graceMs);
  };
  const timeout = io.timeoutMs === undefined ? undefined : setTimeout(() => {
    timedOut = true;
    end();
  }, io.timeoutMs);
  if (io.signal.aborted) end();
  else io.signal.addEventListener("abort", end, { once: true });
  if (io.force?.aborted) kill();
  else io.force?.addEventListener("abort", kill, { once: true });
  return {
    stop(): void {
      clearTimeout(killing);
      clearTimeout(timeout);
      io.signal.removeEventListener("abort", end);
      io.force?.removeEventListener("abort", kill);
    },
    timedOut: () => timedOut,
  };
}

/**
 * The report says how the command ended, or why it never started. What was waited for is the command itself where there
 * is none.
 */
function readReport(running: Running, status: number): ExecResult {
  const report = new Uint8Array(REPORT_BYTES * 2);
  const length = checked("read", libc.read(running.report.readEnd, report, report.length));
  if (length < REPORT_BYTES) return resultOf(status);
  const view = new DataView(report.buffer);
  const index = Number(view.getBigInt64(0, true));
  const value = Number(view.getBigInt64(8, true));
  if (index === -1) return resultOf(value & 0xffff);
  if (index === -2) throw explainSysErrno("fork", -value, running.spec);
  const step = running.entry.steps[index];
  if (step === undefined) throw new Error(`Unreachable: init reports step ${index}`);
  throw explainFailedStep({ step, errno: -value }, running.spec);
}

function resultOf(status: number): ExecResult {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff } : { code: 128 + signal, signal };
}

function explainFailedStep(failed: FailedStep, spec: ExecSpec): unknown {
  const { step, errno } = failed;
  const error = new SysError(step.name, errno);
  if (step.name !== "execve") return explainSysErrno(step.purpose, errno, spec);
  const command = displayPath(spec.argv[0] ?? "");
  if (error.is("ENOENT", "ENOTDIR")) {
    const where = command.includes("/")
      ? "it is not in the image, or its interpreter is not"
      : "it is not in the image's PATH";
    const isShell = spec.argv[1] === "-c" && command.endsWith("/sh");
    return new KilnError("run", `Cannot run "${command}": ${where}`, {
      exitCode: 127,
      cause: error,
      ...(isShell
        ? { hint: 'without a shell in the image only the exec form works: RUN ["/program", "argument"]' }
        : {}),
    });
  }
  const why = error.is("EACCES")
    ? "it is not executable for this user"
    : error.is("ENOEXEC")
    ? "it is not a program for this machine"
    : error.message;
  return new KilnError("run", `Cannot run "${command}": ${why}`, { exitCode: 126, cause: error });
}

function explainSysErrno(purpose: string, errno: number, spec: ExecSpec): KilnError {
  const error = new SysError(purpose, errno);
  const command = displayPath(spec.argv[0] ?? "");
  const message = `Cannot run "${command}": the step "${displayPath(error.message)}" failed`;
  return new KilnError("run", message, { exitCode: 126, cause: error });
}

/** Descriptors of one launch, each closed exactly once. Numbers below 10 are moved up: the child uses those. */
class Descriptors {
  readonly #open = new Set<number>();

  keep(fd: number): number {
    if (fd >= 10) {
      this.#open.add(fd);
      return fd;
    }
    const F_DUPFD_CLOEXEC = 1030;
    const moved = checked("fcntl", libc.fcntl(fd, F_DUPFD_CLOEXEC, 10));
    close(fd);
    this.#open.add(moved);
    return moved;
  }

  pipe(): { readEnd: number; writeEnd: number } {
    const { readEnd, writeEnd } = makePipe();
    return { readEnd: this.keep(readEnd), writeEnd: this.keep(writeEnd) };
  }

  closeNow(...fds: readonly number[]): void {
    for (const fd of fds) if (this.#open.delete(fd)) close(fd);
  }

  closeAll(): void {
    this.closeNow(...this.#open);
  }
}
