/**
 * A program of a few hundred bytes that does nothing but become another one: `/kaniko/executor` where the executor is
 * not compiled (decisions 21). It needs no shell, no loader and no library.
 *
 * It calls `execve(argv[0], [...argv, ...its own arguments], [...env, ...its own environment])`. What stands in `env`
 * comes first, and so counts before what the environment says about the same name. Should the kernel refuse, it says
 * `failure` on stderr and ends with exit code 70.
 *
 * The file is a static ELF program with one read-only segment: headers, a table of addresses and lengths, machine code
 * that finds everything through the table, the vectors, the strings. The code was written for this and assembled with
 * GNU as; its source stands beside it.
 *
 * @module
 */

/** An architecture the launcher exists for, as Deno names it. */
export type LauncherArchitecture = typeof Deno.build.arch;

/** What a launcher is to do. */
export interface Launcher {
  readonly architecture: LauncherArchitecture;
  /** The program's path and its first arguments. */
  readonly argv: readonly [path: string, ...args: string[]];
  /** Variables, each `NAME=VALUE`. */
  readonly env: readonly string[];
  /** What to say when the program cannot be started, without a final newline. */
  readonly failure: string;
}

/** Where the file stands in memory. */
const ADDRESS = 0x400000;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
/** The table: address and length of argv, of env, of the message; the code knows it stands here. */
const TABLE = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
const TABLE_BYTES = 6 * 8;

const ARCHITECTURES: Readonly<Record<LauncherArchitecture, { readonly machine: number; readonly code: string }>> = {
  x86_64: {
    machine: 62,
    code: `
      4889e5          mov rbp, rsp              # argc, argv, NULL, envp, NULL
      41b8b0004000    mov r8d, 0x4000b0         # the table
      488b4d00        mov rcx, [rbp]
      488d5ccd10      lea rbx, [rbp+rcx*8+16]   # envp
      31d2            xor edx, edx
      48833cd300   1: cmp qword ptr [rbx+rdx*8], 0
      488d5201        lea rdx, [rdx+1]
      75f5            jne 1b                    # rdx: variables, the NULL behind them too
      488d441102      lea rax, [rcx+rdx+2]
      49034008        add rax, [r8+8]
      49034018        add rax, [r8+24]
      48c1e003        shl rax, 3
      4829c4          sub rsp, rax              # room for both vectors
      4883e4f0        and rsp, -16
      4889e7          mov rdi, rsp
      498b30          mov rsi, [r8]             # argv: ours,
      498b4808        mov rcx, [r8+8]
      f348a5          rep movsq
      488d7510        lea rsi, [rbp+16]         # then the caller's from the second on
      488b4d00        mov rcx, [rbp]
      e306            jrcxz 2f
      48ffc9          dec rcx
      f348a5          rep movsq
      31c0         2: xor eax, eax
      48ab            stosq
      4989fc          mov r12, rdi              # env: ours,
      498b7010        mov rsi, [r8+16]
      498b4818        mov rcx, [r8+24]
      f348a5          rep movsq
      4889de          mov rsi, rbx              # then the caller's
      4889d1          mov rcx, rdx
      f348a5          rep movsq
      488b3c24        mov rdi, [rsp]
      4889e6          mov rsi, rsp
      4c89e2          mov rdx, r12
      b83b000000      mov eax, 59               # execve
      0f05            syscall
      bf02000000      mov edi, 2
      498b7020        mov rsi, [r8+32]
      498b5028        mov rdx, [r8+40]
      b801000000      mov eax, 1                # write
      0f05            syscall
      bf46000000      mov edi, 70
      b8e7000000      mov eax, 231              # exit_group
      0f05            syscall`,
  },
  aarch64: {
    machine: 183,
    code: `
      f3030091        mov x19, sp               // argc, argv, NULL, envp, NULL
      141680d2        movz x20, #0xb0           // the table
      1408a0f2        movk x20, #0x40, lsl #16
      750240f9        ldr x21, [x19]
      760e158b        add x22, x19, x21, lsl #3
      d6420091        add x22, x22, #16         // envp
      170080d2        mov x23, #0
      c07a77f8     1: ldr x0, [x22, x23, lsl #3]
      f7060091        add x23, x23, #1
      c0ffffb5        cbnz x0, 1b               // x23: variables, the NULL behind them too
      980640f9        ldr x24, [x20, #8]
      990e40f9        ldr x25, [x20, #24]
      a002178b        add x0, x21, x23
      0000188b        add x0, x0, x24
      0000198b        add x0, x0, x25
      000c0091        add x0, x0, #3
      00f87f92        and x0, x0, #~1           // the stack stays aligned to 16
      610e00cb        sub x1, x19, x0, lsl #3
      3f000091        mov sp, x1                // room for both vectors
      fa0301aa        mov x26, x1
      820240f9        ldr x2, [x20]             // argv: ours,
      e30318aa        mov x3, x24
      1b000094        bl copy
      62420091        add x2, x19, #16          // then the caller's from the second on
      bf0200f1        cmp x21, #0
      a30600d1        sub x3, x21, #1
      e303839a        csel x3, xzr, x3, eq
      16000094        bl copy
      3f8400f8        str xzr, [x1], #8
      fb0301aa        mov x27, x1               // env: ours,
      820a40f9        ldr x2, [x20, #16]
      e30319aa        mov x3, x25
      11000094        bl copy
      e20316aa        mov x2, x22               // then the caller's
      e30317aa        mov x3, x23
      0e000094        bl copy
      400340f9        ldr x0, [x26]
      e1031aaa        mov x1, x26
      e2031baa        mov x2, x27
      a81b80d2        mov x8, #221              // execve
      010000d4        svc #0
      400080d2        mov x0, #2
      811240f9        ldr x1, [x20, #32]
      821640f9        ldr x2, [x20, #40]
      080880d2        mov x8, #64               // write
      010000d4        svc #0
      c00880d2        mov x0, #70
      c80b80d2        mov x8, #94               // exit_group
      010000d4        svc #0
      a30000b4  copy: cbz x3, 2f
      448440f8     1: ldr x4, [x2], #8
      248400f8        str x4, [x1], #8
      630400d1        sub x3, x3, #1
      a3ffffb5        cbnz x3, 1b
      c0035fd6     2: ret`,
  },
};

/** Returns the launcher, a whole ELF file. */
export function makeLauncher({ architecture, argv, env, failure }: Launcher): Uint8Array<ArrayBuffer> {
  const { machine, code } = ARCHITECTURES[architecture];
  const text = machineCode(code);
  const vectors = align(TABLE + TABLE_BYTES + text.length, 8);
  const strings = [...argv, ...env, `${failure}\n`].map((line) => new TextEncoder().encode(`${line}\0`));
  const addresses: number[] = [];
  let end = vectors + (argv.length + env.length) * 8;
  for (const bytes of strings) {
    addresses.push(ADDRESS + end);
    end += bytes.length;
  }
  const file = new Uint8Array(end);
  const words = new DataView(file.buffer);
  const quad = (at: number, value: number): void => words.setBigUint64(at, BigInt(value), true);
  writeHeaders(file, machine);
  file.set(text, TABLE + TABLE_BYTES);
  const table = [
    [ADDRESS + vectors, argv.length],
    [ADDRESS + vectors + argv.length * 8, env.length],
    [addresses.at(-1) ?? 0, (strings.at(-1)?.length ?? 1) - 1],
  ];
  table.flat().forEach((value, at) => quad(TABLE + at * 8, value));
  addresses.slice(0, -1).forEach((address, at) => quad(vectors + at * 8, address));
  strings.forEach((bytes, at) => file.set(bytes, (addresses[at] ?? 0) - ADDRESS));
  return file;
}

/** The ELF header, one segment with the whole file, and a stack that is not executable. */
function writeHeaders(file: Uint8Array<ArrayBuffer>, machine: number): void {
  const view = new DataView(file.buffer);
  const quad = (at: number, value: number): void => view.setBigUint64(at, BigInt(value), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  quad(24, ADDRESS + TABLE + TABLE_BYTES);
  quad(32, HEADER_BYTES);
  [HEADER_BYTES, PROGRAM_HEADER_BYTES, 2, 64, 0, 0].forEach((value, at) => view.setUint16(52 + at * 2, value, true));
  const [READ, WRITE, EXECUTE] = [4, 2, 1];
  const segment = (index: number, type: number, flags: number, values: readonly number[]): void => {
    const at = HEADER_BYTES + index * PROGRAM_HEADER_BYTES;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    values.forEach((value, word) => quad(at + 8 + word * 8, value));
  };
  // Offset, address, physical address, size in the file, size in memory, alignment (64 KiB: the largest arm64 page).
  segment(0, 1, READ | EXECUTE, [0, ADDRESS, ADDRESS, file.length, file.length, 0x10000]);
  segment(1, 0x6474e551, READ | WRITE, [0, 0, 0, 0, 0, 16]);
}

/** Takes the first word of every line. */
function machineCode(listing: string): Uint8Array {
  const hex = listing.trim().split("\n").map((line) => line.trim().split(" ", 1)[0] ?? "").join("");
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
