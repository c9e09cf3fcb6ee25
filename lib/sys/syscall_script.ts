/**
 * A list of system calls that a child process makes before it becomes the command: mounts, root, ids, execve.
 *
 * fork() in JavaScript crashes (V8's heap is not copied), so the child runs no JavaScript at all: 85 bytes of machine
 * code walk this list (deno.md 4). A script is encoded for the address it will stand at, because its records hold
 * pointers to the strings behind them.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";

/** System call numbers, by architecture. */
const NUMBERS = {
  x86_64: {
    read: 0,
    write: 1,
    rt_sigaction: 13,
    rt_sigprocmask: 14,
    ioctl: 16,
    socket: 41,
    execve: 59,
    fcntl: 72,
    chdir: 80,
    umask: 95,
    setuid: 105,
    setgid: 106,
    setsid: 112,
    setgroups: 116,
    capset: 126,
    pivot_root: 155,
    prctl: 157,
    chroot: 161,
    mount: 165,
    umount2: 166,
    sethostname: 170,
    openat: 257,
    mkdirat: 258,
    mknodat: 259,
    fchownat: 260,
    unlinkat: 263,
    symlinkat: 266,
    unshare: 272,
    dup3: 292,
    prlimit64: 302,
    setns: 308,
    seccomp: 317,
    execveat: 322,
    close: 3,
    close_range: 436,
    mount_setattr: 442,
  },
  aarch64: {
    read: 63,
    write: 64,
    openat: 56,
    rt_sigaction: 134,
    rt_sigprocmask: 135,
    ioctl: 29,
    socket: 198,
    execve: 221,
    fcntl: 25,
    chdir: 49,
    umask: 166,
    setuid: 146,
    setgid: 144,
    setsid: 157,
    setgroups: 159,
    capset: 91,
    pivot_root: 41,
    prctl: 167,
    chroot: 51,
    mount: 40,
    umount2: 39,
    sethostname: 161,
    mkdirat: 34,
    mknodat: 33,
    fchownat: 54,
    unlinkat: 35,
    symlinkat: 36,
    unshare: 97,
    dup3: 24,
    prlimit64: 261,
    setns: 268,
    seccomp: 277,
    execveat: 281,
    close: 57,
    close_range: 436,
    mount_setattr: 442,
  },
} as const;

/** A system call a script can make. */
export type SyscallName = keyof typeof NUMBERS.x86_64;

/** Returns the number of a call on this machine. */
export function callNumber(name: SyscallName): number {
  return NUMBERS[Deno.build.arch][name];
}

/** An argument: a number, a NUL-terminated string, a block of bytes, a vector of strings, a record, or null. */
export type SyscallArgument = number | bigint | BytePath | Uint8Array | readonly BytePath[] | PointingRecord | null;

/** Two words: a number and the address of a block of bytes, like `struct sock_fprog`. */
export interface PointingRecord {
  readonly number: number;
  readonly block: Uint8Array;
}

/** One call of a script. */
export interface SyscallStep {
  readonly name: SyscallName;
  readonly arguments: readonly SyscallArgument[];
  /** What the call is for, in words, for the error message if it fails: "mount /proc". */
  readonly purpose: string;
  /** Whether the script goes on when the call fails. */
  readonly optional: boolean;
}

/** Bytes of a record: number, six arguments, the optional flag, the result; eight each. */
export const RECORD_BYTES = 72;
const RESULT_OFFSET = 64;

/** Collects the calls of one script. */
export class SyscallScript {
  readonly #steps: SyscallStep[] = [];

  /** The calls so far. */
  get steps(): readonly SyscallStep[] {
    return this.#steps;
  }

  /** Appends a call that must succeed. */
  call(purpose: string, name: SyscallName, ...args: readonly SyscallArgument[]): this {
    this.#steps.push({ name, arguments: args, purpose, optional: false });
    return this;
  }

  /** Appends a call that may fail. */
  attempt(purpose: string, name: SyscallName, ...args: readonly SyscallArgument[]): this {
    this.#steps.push({ name, arguments: args, purpose, optional: true });
    return this;
  }

  /** Returns the script's bytes, with pointers that are right when it stands at `address`. */
  encode(address: bigint): Uint8Array<ArrayBuffer> {
    const recordBytes = this.#steps.length * RECORD_BYTES + 8;
    const blocks: Uint8Array[] = [];
    let size = recordBytes;
    const place = (bytes: Uint8Array): bigint => {
      const at = size;
      blocks.push(bytes);
      size += Math.ceil(bytes.length / 8) * 8;
      return address + BigInt(at);
    };
    const words = new BigInt64Array(recordBytes / 8);
    this.#steps.forEach((step, index) => {
      const base = index * (RECORD_BYTES / 8);
      words[base] = BigInt(callNumber(step.name));
      step.arguments.forEach((argument, at) => words[base + 1 + at] = encodeArgument(argument, place));
      words[base + 7] = step.optional ? 1n : 0n;
    });
    words[words.length - 1] = -1n;
    const bytes = new Uint8Array(size);
    bytes.set(new Uint8Array(words.buffer));
    let at = recordBytes;
    for (const block of blocks) {
      bytes.set(block, at);
      at += Math.ceil(block.length / 8) * 8;
    }
    return bytes;
  }
}

/** Returns what a call of an encoded script came to: its result, or its errno below zero. */
export function resultOfStep(encoded: Uint8Array<ArrayBuffer>, index: number): number {
  const view = new DataView(encoded.buffer, encoded.byteOffset);
  return Number(view.getBigInt64(index * RECORD_BYTES + RESULT_OFFSET, true));
}

/** Returns the calls as text, for another process to read with {@link parseScript}. */
export function formatScript({ steps }: SyscallScript): string {
  return JSON.stringify(steps, (_key, value) => {
    if (typeof value === "bigint") return { bigint: String(value) };
    return value instanceof Uint8Array ? { bytes: [...value] } : value;
  });
}

/** Reads the text of {@link formatScript}. */
export function parseScript(text: string): SyscallScript {
  const steps: SyscallStep[] = JSON.parse(text, (_key, value) => {
    if (typeof value !== "object" || value === null) return value;
    if ("bigint" in value) return BigInt(value.bigint);
    return "bytes" in value ? Uint8Array.from(value.bytes) : value;
  });
  const script = new SyscallScript();
  for (const { name, purpose, optional, arguments: args } of steps) {
    if (optional) script.attempt(purpose, name, ...args);
    else script.call(purpose, name, ...args);
  }
  return script;
}

/** Returns the first call of an encoded script that failed and had to succeed, with its errno. */
export function failedStep(script: SyscallScript, encoded: Uint8Array<ArrayBuffer>): FailedStep | undefined {
  for (const [index, step] of script.steps.entries()) {
    const result = resultOfStep(encoded, index);
    if (result < 0 && !step.optional) return { step, errno: -result };
  }
  return undefined;
}

/** A call that failed in the child. */
export interface FailedStep {
  readonly step: SyscallStep;
  readonly errno: number;
}

function encodeArgument(argument: SyscallArgument, place: (bytes: Uint8Array) => bigint): bigint {
  if (argument === null) return 0n;
  if (typeof argument === "bigint") return argument;
  if (typeof argument === "number") return BigInt(argument);
  if (typeof argument === "string") return place(terminated(argument));
  if (argument instanceof Uint8Array) return place(argument);
  if ("block" in argument) {
    return place(new Uint8Array(new BigUint64Array([BigInt(argument.number), place(argument.block)]).buffer));
  }
  const pointers = new BigUint64Array(argument.length + 1);
  argument.forEach((text, at) => pointers[at] = place(terminated(text)));
  return place(new Uint8Array(pointers.buffer));
}

function terminated(text: BytePath): Uint8Array {
  const bytes = new Uint8Array(text.length + 1);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0 || code > 255) throw new TypeError("A string for the kernel holds a NUL or is not a byte string");
    bytes[at] = code;
  }
  return bytes;
}
