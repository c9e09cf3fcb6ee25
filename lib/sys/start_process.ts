/**
 * Starting a child that runs a syscall script: clone(2) of a few bytes of machine code.
 *
 * The child shares the builder's memory and suspends the calling thread until it execs or exits (CLONE_VM,
 * CLONE_VFORK), so it costs half a millisecond whatever the size of the heap. It runs no JavaScript and touches
 * nothing but its own stack and the script.
 *
 * @module
 */
import { ERRNO, SysError } from "./errno.ts";
import { addressOf, checked, lastErrno, libc } from "./libc.ts";
import { type FailedStep, failedStep, resultOfStep, type SyscallScript } from "./syscall_script.ts";

/** Namespace flags of clone(2). */
export const CLONE = {
  NEWNS: 0x20000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;

const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
const SIGCHLD = 17;
const STACK_BYTES = 65_536;

/**
 * x86-64 machine code, called with the script's address in rdi:
 *
 * ```asm
 *        mov  r12, rdi
 * next:  mov  rax, [r12]
 *        cmp  rax, -1
 *        je   end
 *        mov  rdi, [r12+8]
 *        mov  rsi, [r12+16]
 *        mov  rdx, [r12+24]
 *        mov  r10, [r12+32]
 *        mov  r8,  [r12+40]
 *        mov  r9,  [r12+48]
 *        syscall
 *        mov  [r12+64], rax         ; the parent reads which call failed
 *        test rax, rax
 *        jns  good
 *        cmp  qword [r12+56], 0     ; optional?
 *        je   bad
 * good:  add  r12, 72
 *        jmp  next
 * bad:   mov  edi, 126
 *        jmp  leave
 * end:   xor  edi, edi
 * leave: mov  eax, 231              ; exit_group
 *        syscall
 * ```
 */
const CODE = "4989fc498b04244883f8ff743f498b7c2408498b742410498b5424184d8b5424204d8b4424284d8b4c24300f05498944244048" +
  "85c0790849837c24380074064983c448ebbebf7e000000eb0231ffb8e70000000f05";

/** A child could not be brought to its execve. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly failed: FailedStep;

  constructor(failed: FailedStep) {
    super(`${failed.step.purpose}: ${new SysError(failed.step.name, failed.errno).message}`);
    this.failed = failed;
  }
}

/** Whether the machine code is for this machine; see `step_runner.ts` for the other way. */
export function hasStub(): boolean {
  return Deno.build.arch === "x86_64";
}

/**
 * Starts a child in new namespaces (`flags` of {@link CLONE}) and returns its process id once it has exec'd.
 *
 * @throws {StartError} if a call of the script failed; the child is gone and reaped then.
 * @throws {SysError} if clone itself failed (EPERM: the namespaces are not allowed here).
 */
export function startProcess(flags: number, script: SyscallScript): number {
  if (!hasStub()) throw new SysError("clone", ERRNO.ENOSYS);
  const place = codeAndStack();
  const arena = new Uint8Array(script.encode(0n).length);
  const address = addressOf(arena);
  arena.set(script.encode(address));
  const pid = withSignalsBlocked(() =>
    libc.clone(place.code, place.stackTop, flags | CLONE_VM | CLONE_VFORK | SIGCHLD, address)
  );
  const failed = failedStep(script, arena);
  if (failed === undefined) return pid;
  libc.try_waitpid(pid, new Uint8Array(4), 0);
  throw new StartError(failed);
}

interface CodeAndStack {
  readonly code: Deno.PointerValue;
  readonly stackTop: bigint;
}

/** A child that runs its script while this thread goes on. */
export interface BesideProcess {
  readonly pid: number;
  /** Returns what a call of the script came to: its result, or its errno below zero. Only once the child has made it. */
  result(index: number): number;
}

/**
 * Starts a child that the caller has to help with something from outside, such as id maps (decisions 23: without
 * CLONE_VFORK). Its script makes system calls only and ends; it is the caller's to end and to wait for.
 *
 * @throws {SysError} if clone failed.
 */
export function startBeside(flags: number, script: SyscallScript): BesideProcess {
  if (!hasStub()) throw new SysError("clone", ERRNO.ENOSYS);
  const place = mapCodeAndStack();
  const arena = new Uint8Array(script.encode(0n).length);
  const address = addressOf(arena);
  arena.set(script.encode(address));
  const pid = withSignalsBlocked(() => libc.clone(place.code, place.stackTop, flags | CLONE_VM | SIGCHLD, address));
  // The child reads and writes the arena for as long as it lives.
  beside.push(arena);
  return { pid, result: (index) => resultOfStep(arena, index) };
}

const beside: Uint8Array[] = [];

/** Until its execve the child would run the builder's signal handlers on shared memory: it starts with all blocked. */
function withSignalsBlocked(clone: () => number): number {
  const blocked = blockSignals();
  let pid: number;
  let errno = 0;
  try {
    pid = clone();
    if (pid < 0) errno = lastErrno();
  } finally {
    restoreSignals(blocked);
  }
  if (pid < 0) throw new SysError("clone", errno);
  return pid;
}

/** One page of code and one stack; CLONE_VFORK makes sure that only one child at a time uses them. */
let mapped: CodeAndStack | undefined;

function codeAndStack(): CodeAndStack {
  return mapped ??= mapCodeAndStack();
}

function mapCodeAndStack(): CodeAndStack {
  const [PROT_READ, PROT_WRITE, PROT_EXEC] = [1, 2, 4];
  const [MAP_PRIVATE, MAP_ANONYMOUS] = [0x02, 0x20];
  const size = 4096 + STACK_BYTES;
  const page = libc.mmap(null, BigInt(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n);
  if (page === null || Deno.UnsafePointer.value(page) === 0xffff_ffff_ffff_ffffn) {
    throw new SysError("mmap", lastErrno());
  }
  const memory = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(page, size));
  memory.set(Uint8Array.from(CODE.match(/../g) ?? [], (byte) => parseInt(byte, 16)));
  checked("mprotect", libc.mprotect(page, 4096n, PROT_READ | PROT_EXEC));
  return { code: page, stackTop: Deno.UnsafePointer.value(page) + BigInt(size) - 64n };
}

function blockSignals(): Uint8Array<ArrayBuffer> {
  const before = new Uint8Array(128);
  const SIG_SETMASK = 2;
  checked("sigprocmask", libc.sigprocmask(SIG_SETMASK, new Uint8Array(128).fill(0xff), before));
  return before;
}

function restoreSignals(before: Uint8Array<ArrayBuffer>): void {
  const SIG_SETMASK = 2;
  checked("sigprocmask", libc.sigprocmask(SIG_SETMASK, before, null));
}
