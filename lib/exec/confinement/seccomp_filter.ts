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
import { AARCH64_CALLS, ARM_CALLS, type CallNumbers, I386_CALLS, X86_64_CALLS } from "./call_numbers.ts";

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

/** Flags of clone(2) that make namespaces; without CAP_SYS_ADMIN only a user namespace could be made anyway. */
const CLONE_NAMESPACES = 0x7e02_0000;
/** Sockets of the kernel's cryptography and to the machine's host, which Docker refuses as well. */
const [AF_ALG, AF_VSOCK] = [38, 40];
/** Linux, UNAME26, ADDR_NO_RANDOMIZE is not among them; 0xffffffff asks for the present one. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/** Verdicts that most calls share; spans of one verdict are told by identity. */
const ALLOWED: readonly Instruction[] = [allow()];
const REFUSED: readonly Instruction[] = [fail(EPERM)];
const UNKNOWN: readonly Instruction[] = [fail(ENOSYS)];

/** Calls that are judged by their first argument. */
const BY_ARGUMENT: Readonly<Record<string, readonly Instruction[]>> = {
  clone: [load(FIRST_ARGUMENT_OFFSET), [JUMP_IF_ANY_BIT, 0, 1, CLONE_NAMESPACES], fail(EPERM), allow()],
  clone3: [fail(ENOSYS)],
  socket: [
    load(FIRST_ARGUMENT_OFFSET),
    [JUMP_IF_EQUAL, 1, 0, AF_ALG],
    [JUMP_IF_EQUAL, 0, 1, AF_VSOCK],
    fail(EPERM),
    allow(),
  ],
  personality: [
    load(FIRST_ARGUMENT_OFFSET),
    ...PERSONALITIES.map((value, at): Instruction => [JUMP_IF_EQUAL, PERSONALITIES.length - at, 0, value]),
    fail(EPERM),
    allow(),
  ],
};

/** A machine: its 64-bit programs and the 32-bit ones that it may run as well. */
interface Machine {
  readonly wide: { readonly architecture: number; readonly calls: CallNumbers };
  readonly narrow: { readonly architecture: number; readonly calls: CallNumbers };
}

const MACHINES: Readonly<Record<typeof Deno.build.arch, Machine>> = {
  x86_64: {
    wide: { architecture: 0xc000_003e, calls: X86_64_CALLS },
    narrow: { architecture: 0x4000_0003, calls: I386_CALLS },
  },
  aarch64: {
    wide: { architecture: 0xc000_00b7, calls: AARCH64_CALLS },
    narrow: { architecture: 0x4000_0028, calls: ARM_CALLS },
  },
};

/** Returns the filter for the programs of a machine, this one unless told: 8 bytes an instruction. */
export function seccompFilter(machine = Deno.build.arch): Uint8Array<ArrayBuffer> {
  const { wide, narrow } = MACHINES[machine];
  const [forWide, forNarrow] = [judge(wide.calls), judge(narrow.calls)];
  const program: readonly Instruction[] = [
    load(ARCHITECTURE_OFFSET),
    [JUMP_IF_EQUAL, 0, 1, wide.architecture],
    [JUMP_ALWAYS, 0, 0, 3],
    [JUMP_IF_EQUAL, 0, 1, narrow.architecture],
    [JUMP_ALWAYS, 0, 0, forWide.length + 2],
    fail(EPERM),
    load(NUMBER_OFFSET),
    ...forWide,
    load(NUMBER_OFFSET),
    ...forNarrow,
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

/** From here on are calls that only ARM has. */
const PRIVATE_CALLS = 0xf_0000;

/** Cuts all call numbers there will ever be into spans of one verdict. */
function spans(calls: CallNumbers): readonly Span[] {
  const verdicts = new Map([...calls].map(([name, number]) => [number, BY_ARGUMENT[name] ?? ALLOWED]));
  const numbers = [...verdicts.keys()].toSorted((a, b) => a - b);
  const last = Math.max(...numbers.filter((number) => number < PRIVATE_CALLS));
  const found: Span[] = [];
  const add = (from: number, verdict: readonly Instruction[]): void => {
    if (found.at(-1)?.verdict !== verdict) found.push({ from, verdict });
  };
  let next = 0;
  for (const number of numbers) {
    if (number > next) add(next, next > last ? UNKNOWN : REFUSED);
    add(number, verdicts.get(number) ?? REFUSED);
    next = number + 1;
  }
  add(next, UNKNOWN);
  return found;
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
