/**
 * Starting a child that runs a syscall script without machine code of our own: this program itself, once more, makes the
 * calls by libc and becomes the command (decisions 23: on every architecture the stub of `start_process.ts` was not
 * written for).
 *
 * There is one process more for a command with a process namespace: a namespace is only for the children of who makes
 * it. The runner makes the namespaces and starts a second runner in them; that one is process 1, makes the calls and
 * becomes the command, which so is process 1 itself, as in BuildKit. The first waits for it and reports how it ended, as the
 * init of `init_program.ts` does. Each start of Deno takes some 20 ms.
 *
 * Runners know nothing of the build: their command line is that of the program without its arguments, their environment
 * a few variables Deno needs.
 *
 * @module
 */
import { bytePathOf } from "../io/byte_path.ts";
import { type Execution, ownWords } from "./execute.ts";
import * as files from "./file.ts";
import { addressOf, checked, lastErrno, libc } from "./libc.ts";
import { spawn } from "./spawn.ts";
import { CLONE } from "./start_process.ts";
import { formatScript, parseScript, RECORD_BYTES, type SyscallScript } from "./syscall_script.ts";

/** Tells a process that it is a runner: the descriptor of its plan and its part. */
const RUNNER_VARIABLE = "KILN_STEP_RUNNER";

/** What a runner does. */
interface Plan {
  /** Namespaces to be made first; flags of {@link CLONE}. */
  readonly flags: number;
  /** Where it reports, see `init_program.ts`; a descriptor above 9. */
  readonly report: number;
  /** Descriptors that the script needs. */
  readonly inherited: readonly number[];
  readonly script: string;
}

/** Variables that Deno starts with; none of them is secret. */
const KEPT_VARIABLES =
  /^(?:PATH|HOME|XDG_CACHE_HOME|DENO_DIR|DENO_NO_[A-Z_]+|DENO_V8_FLAGS|LD_LIBRARY_PATH|MALLOC_[A-Z_]+)=/;

/**
 * Starts a runner and returns its process id, which is that of the command unless there is a process namespace.
 *
 * @param report descriptor that a failed call is reported on, and with a process namespace the end of the command.
 * @throws {SysError} if it cannot be started
 */
export function startRunner(
  flags: number,
  script: SyscallScript,
  { report, inherited }: { readonly report: number; readonly inherited: readonly number[] },
): number {
  const all = [...inherited, report];
  const commandLine = ownWords("cmdline");
  return startAgain({ flags, report, inherited: all, script: formatScript(script) }, {
    part: "outer",
    path: bytePathOf(Deno.execPath()),
    argv: commandLine.slice(0, commandLine.length - Deno.args.length),
  });
}

/** Does the part of a runner; returns its exit code, unless it has become the command. */
export function runSteps(mark: string): number {
  const [part, descriptor = ""] = mark.split(" ");
  const plan: Plan = JSON.parse(readWhole(Number(descriptor)));
  const isLast = part === "inner" || (plan.flags & CLONE.NEWPID) === 0;
  // In a chroot our own path is another one as seen from a new namespace.
  const path = bytePathOf(Deno.execPath());
  if (!isLast) libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0n, 0n, 0n);
  if (part === "outer" && plan.flags !== 0 && libc.unshare(plan.flags) < 0) {
    sendReport(plan, NOT_STARTED, -lastErrno());
    return NOT_RUN;
  }
  if (isLast) {
    makeCalls(plan);
    return NOT_RUN;
  }
  const status = new Int32Array(1);
  const pid = startAgain(plan, { part: "inner", path, argv: ownWords("cmdline") });
  libc.try_waitpid(pid, new Uint8Array(status.buffer), 0);
  sendReport(plan, ENDED, status[0] ?? 0);
  return 0;
}

/** As of a shell that could not start a command. */
const NOT_RUN = 126;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9n;
/** In place of the index of a failed call. */
const ENDED = -1;
const NOT_STARTED = -2;

function startAgain(
  plan: Plan,
  { part, path, argv }: { readonly part: "outer" | "inner" } & Pick<Execution, "path" | "argv">,
): number {
  const memory = files.makeMemoryFile("steps");
  const fd = checked("fcntl", libc.fcntl(memory, F_DUPFD_CLOEXEC, 10));
  files.close(memory);
  try {
    files.writeAll(fd, new TextEncoder().encode(JSON.stringify(plan)));
    const again: Execution = {
      path,
      argv,
      environment: [
        ...ownWords("environ").filter((line) => KEPT_VARIABLES.test(line)),
        `${RUNNER_VARIABLE}=${part} ${fd}`,
      ],
    };
    return spawn(again, [...plan.inherited, fd]);
  } finally {
    files.close(fd);
  }
}

const F_DUPFD_CLOEXEC = 1030;

/** Returns when a call has failed and that is reported: the last one is an execve. */
function makeCalls(plan: Plan): void {
  const script = parseScript(plan.script);
  const arena = new Uint8Array(script.encode(0n).length);
  arena.set(script.encode(addressOf(arena)));
  const words = new BigInt64Array(arena.buffer);
  const perRecord = RECORD_BYTES / 8;
  for (const [index, { optional }] of script.steps.entries()) {
    const [number = 0n, a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = words.subarray(index * perRecord);
    const result = libc.syscall6(number, a, b, c, d, e, f);
    if (result >= 0n || optional) continue;
    return sendReport(plan, index, -lastErrno());
  }
}

function sendReport({ report }: Plan, index: number, value: number): void {
  files.writeAll(report, new Uint8Array(new BigInt64Array([BigInt(index), BigInt(value)]).buffer));
}

function readWhole(fd: number): string {
  const path = `/proc/self/fd/${fd}`;
  try {
    return Deno.readTextFileSync(path);
  } finally {
    files.close(fd);
  }
}
