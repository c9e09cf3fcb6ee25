/**
 * The seccomp filter of a RUN: Docker's default profile as a program of classic BPF.
 *
 * A call outside the profile fails with EPERM; one newer than the profile with ENOSYS, so that C libraries fall back
 * to an older one, as under runc. `clone3` fails with ENOSYS too: its flags are behind a pointer, which a filter cannot
 * read. The kernel finds the verdict of a call number once and keeps it (5.11 and newer), so the length of the program
 * does not slow down the command.
 *
 * @module
 */
import { type CallNumbers, I386_CALLS, X86_64_CALLS } from "./call_numbers.ts";

/** One instruction of classic BPF: what, where to go if it holds and if not, and a constant. */
type Instruction = readonly [code: number, onTrue: number, onFalse: number, constant: number];

const LOAD_WORD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_ALWAYS = 0x05; // BPF_JMP | BPF_JA
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_AT_LEAST = 0x35;
const JUMP_IF_ANY_BIT = 0x45;
const RETURN = 0x06;

const ALLOW = 0x7fff_0000;
const FAIL = 0x0005_0000; // SECCOMP_RET_ERRNO
const EPERM = 1;
const ENOSYS = 38;

/** Offsets in `struct seccomp_data`. */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
const FIRST_ARGUMENT_OFFSET = 16;

const AUDIT_ARCH_X86_64 = 0xc000_003e;
const AUDIT_ARCH_I386 = 0x4000_0003;

/** Flags of clone(2) that make namespaces; without CAP_SYS_ADMIN only a user namespace could be made anyway. */
const CLONE_NAMESPACES = 0x7e02_0000;
const AF_VSOCK = 40;
/** Linux, UNAME26, ADDR_NO_RANDOMIZE is not among them; 0xffffffff asks for the present one. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** Verdicts that most calls share; spans of one verdict are told by identity. */
const ALLOWED: readonly Instruction[] = [allow()];
const REFUSED: readonly Instruction[] = [fail(EPERM)];

/** Calls that are judged by their first argument. */
const BY_ARGUMENT: Readonly<Record<string, readonly Instruction[]>> = {
  clone: [load(FIRST_ARGUMENT_OFFSET), [JUMP_IF_ANY_BIT, 0, 1, CLONE_NAMESPACES], fail(EPERM), allow()],
  clone3: [fail(ENOSYS)],
  socket: [load(FIRST_ARGUMENT_OFFSET), [JUMP_IF_EQUAL, 0, 1, AF_VSOCK], fail(EPERM), allow()],
  personality: [
    load(FIRST_ARGUMENT_OFFSET),
    ...PERSONALITIES.map((value, at): Instruction => [JUMP_IF_EQUAL, PERSONALITIES.length - at, 0, value]),
    fail(EPERM),
    allow(),
  ],
};

/** Returns the filter for 64-bit programs and the 32-bit ones that the machine runs as well: 8 bytes an instruction. */
export function seccompFilter(): Uint8Array<ArrayBuffer> {
  const wide = judge(X86_64_CALLS);
  const narrow = judge(I386_CALLS);
  const program: readonly Instruction[] = [
    load(ARCHITECTURE_OFFSET),
    [JUMP_IF_EQUAL, 0, 1, AUDIT_ARCH_X86_64],
    [JUMP_ALWAYS, 0, 0, 3],
    [JUMP_IF_EQUAL, 0, 1, AUDIT_ARCH_I386],
    [JUMP_ALWAYS, 0, 0, wide.length + 2],
    fail(EPERM),
    load(NUMBER_OFFSET),
    ...wide,
    load(NUMBER_OFFSET),
    ...narrow,
  ];
  return encode(program);
}

interface Span {
  readonly from: number;
  readonly verdict: readonly Instruction[];
}

/** Returns the instructions that judge the loaded call number. */
function judge(calls: CallNumbers): readonly Instruction[] {
  return decide(spans(calls));
}

/** Cuts the call numbers into spans of one verdict, from 0 up to all that the architecture will ever have. */
function spans(calls: CallNumbers): readonly Span[] {
  const verdicts = new Map([...calls].map(([name, number]) => [number, BY_ARGUMENT[name] ?? ALLOWED]));
  const end = Math.max(...verdicts.keys()) + 1;
  const found: Span[] = [];
  for (let number = 0; number < end; number++) {
    const verdict = verdicts.get(number) ?? REFUSED;
    if (found.at(-1)?.verdict !== verdict) found.push({ from: number, verdict });
  }
  return [...found, { from: end, verdict: [fail(ENOSYS)] }];
}

/** A binary search over spans in ascending order. A jump reaches 255 instructions, so longer ones take two. */
function decide(spans: readonly Span[]): readonly Instruction[] {
  const [only] = spans;
  if (only === undefined) throw new Error("Unreachable: a decision without spans");
  if (spans.length === 1) return only.verdict;
  const middle = spans.length >> 1;
  const below = decide(spans.slice(0, middle));
  const above = decide(spans.slice(middle));
  const boundary = spans[middle]?.from ?? 0;
  if (below.length <= 255) return [[JUMP_IF_AT_LEAST, below.length, 0, boundary], ...below, ...above];
  return [[JUMP_IF_AT_LEAST, 0, 1, boundary], [JUMP_ALWAYS, 0, 0, below.length], ...below, ...above];
}

function load(offset: number): Instruction {
  return [LOAD_WORD, 0, 0, offset];
}

function allow(): Instruction {
  return [RETURN, 0, 0, ALLOW];
}

function fail(errno: number): Instruction {
  return [RETURN, 0, 0, FAIL | errno];
}

function encode(program: readonly Instruction[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, onTrue, onFalse, constant], at) => {
    view.setUint16(at * 8, code, true);
    view.setUint8(at * 8 + 2, onTrue);
    view.setUint8(at * 8 + 3, onFalse);
    view.setUint32(at * 8 + 4, constant, true);
  });
  return bytes;
}
