/**
 * A program of a few hundred bytes that becomes another one: `/kaniko/executor` where the executor is not compiled
 * (decisions 21). It needs no shell, no loader and no library.
 *
 * First it moves into a mount namespace of its own, where it may, as `lib/sys/private_mounts.ts` would do: the program
 * need not be started a second time for that, which takes 30 ms of a small build. `namespaceVariable` then names the
 * namespace. Then it calls `execve(argv[0], [...argv, ...its own arguments], [...env, ...its own environment])`. What
 * stands in `env` comes first, and so counts before what the environment says about the same name. Should the kernel
 * refuse, it says `failure` on stderr and ends with exit code 70.
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
  /** The program's path and its first arguments; with none the launcher's own arguments are the program's argv. */
  readonly argv: readonly string[];
  /** Variables, each `NAME=VALUE`. */
  readonly env: readonly string[];
  /** The name of the variable that says which mount namespace the program was put in. */
  readonly namespaceVariable: string;
  /** What to say when the program cannot be started, without a final newline. */
  readonly failure: string;
}

/** Where the file stands in memory. */
const ADDRESS = 0x400000;
const HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;
/**
 * The table; the code knows that it stands here. Address and length of argv, of env and of the message; the addresses
 * of "none", "/" and the link that names the mount namespace; address and length of `namespaceVariable=`.
 */
const TABLE = HEADER_BYTES + 2 * PROGRAM_HEADER_BYTES;
const TABLE_BYTES = 11 * 8;

/** How long the name may be: the code has 128 bytes for it, a namespace and a NUL. */
const MOST_NAME_BYTES = 60;

const ARCHITECTURES: Readonly<Record<LauncherArchitecture, { readonly machine: number; readonly code: string }>> = {
  x86_64: {
    machine: 62,
    code: `
      4889e5               mov rbp, rsp             # argc, argv, NULL, envp, NULL
      41bfb0004000         mov r15d, 0x4000b0       # the table
      4881ec80000000       sub rsp, 128             # room for the variable
      4989e5               mov r13, rsp
      4531f6               xor r14d, r14d           # 1 once it is there
      bf00000200           mov edi, 0x20000
      b810010000           mov eax, 272             # unshare(CLONE_NEWNS)
      0f05                 syscall
      85c0                 test eax, eax
      754c                 jnz 3f
      498b7f30             mov rdi, [r15+48]
      498b7738             mov rsi, [r15+56]
      31d2                 xor edx, edx
      41ba00400400         mov r10d, 0x44000
      4531c0               xor r8d, r8d
      b8a5000000           mov eax, 165             # mount(none, /, MS_REC | MS_PRIVATE)
      0f05                 syscall
      85c0                 test eax, eax
      752e                 jnz 3f
      498b7748             mov rsi, [r15+72]
      498b4f50             mov rcx, [r15+80]
      4c89ef               mov rdi, r13
      f3a4                 rep movsb                # NAME=
      4889fb               mov rbx, rdi
      4889fe               mov rsi, rdi
      498b7f40             mov rdi, [r15+64]
      ba40000000           mov edx, 64
      b859000000           mov eax, 89              # readlink
      0f05                 syscall
      85c0                 test eax, eax
      7e07                 jle 3f
      c6040300             mov byte ptr [rbx+rax], 0
      41ffc6               inc r14d
      488b4d00          3: mov rcx, [rbp]
      488d5ccd10           lea rbx, [rbp+rcx*8+16]  # envp
      31d2                 xor edx, edx
      48833cd300        1: cmp qword ptr [rbx+rdx*8], 0
      488d5201             lea rdx, [rdx+1]
      75f5                 jne 1b                   # rdx: variables, the NULL behind them too
      488d441103           lea rax, [rcx+rdx+3]
      49034708             add rax, [r15+8]
      49034718             add rax, [r15+24]
      48c1e003             shl rax, 3
      4829c4               sub rsp, rax             # room for both vectors
      4883e4f0             and rsp, -16
      4889e7               mov rdi, rsp
      498b37               mov rsi, [r15]           # argv: ours,
      498b4f08             mov rcx, [r15+8]
      f348a5               rep movsq
      488d7510             lea rsi, [rbp+16]        # then the caller's from the second on
      488b4d00             mov rcx, [rbp]
      e306                 jrcxz 2f
      48ffc9               dec rcx
      f348a5               rep movsq
      31c0              2: xor eax, eax
      48ab                 stosq
      4989fc               mov r12, rdi             # env: ours,
      498b7710             mov rsi, [r15+16]
      498b4f18             mov rcx, [r15+24]
      f348a5               rep movsq
      4585f6               test r14d, r14d
      7405                 jz 4f
      4c89e8               mov rax, r13             # the variable,
      48ab                 stosq
      4889de            4: mov rsi, rbx             # then the caller's
      4889d1               mov rcx, rdx
      f348a5               rep movsq
      488b3c24             mov rdi, [rsp]
      4889e6               mov rsi, rsp
      4c89e2               mov rdx, r12
      b83b000000           mov eax, 59              # execve
      0f05                 syscall
      bf02000000           mov edi, 2
      498b7720             mov rsi, [r15+32]
      498b5728             mov rdx, [r15+40]
      b801000000           mov eax, 1               # write
      0f05                 syscall
      bf46000000           mov edi, 70
      b8e7000000           mov eax, 231             # exit_group
      0f05                 syscall`,
  },
  aarch64: {
    machine: 183,
    code: `
      f3030091             mov x19, sp              // argc, argv, NULL, envp, NULL
      141680d2             movz x20, #0xb0          // the table
      1408a0f2             movk x20, #0x40, lsl #16
      ff0302d1             sub sp, sp, #128         // room for the variable
      1c0080d2             mov x28, #0              // its address once it is there
      4000a0d2             mov x0, #0x20000
      280c80d2             mov x8, #97              // unshare(CLONE_NEWNS)
      010000d4             svc #0
      800300b5             cbnz x0, 3f
      801a40f9             ldr x0, [x20, #48]
      811e40f9             ldr x1, [x20, #56]
      020080d2             mov x2, #0
      030088d2             movz x3, #0x4000
      8300a0f2             movk x3, #4, lsl #16
      040080d2             mov x4, #0
      080580d2             mov x8, #40              // mount(none, /, MS_REC | MS_PRIVATE)
      010000d4             svc #0
      600200b5             cbnz x0, 3f
      e1030091             mov x1, sp
      822640f9             ldr x2, [x20, #72]
      832a40f9             ldr x3, [x20, #80]
      44144038          5: ldrb w4, [x2], #1        // NAME=
      24140038             strb w4, [x1], #1
      630400d1             sub x3, x3, #1
      a3ffffb5             cbnz x3, 5b
      fb0301aa             mov x27, x1
      e20301aa             mov x2, x1
      600c8092             mov x0, #-100
      812240f9             ldr x1, [x20, #64]
      030880d2             mov x3, #64
      c80980d2             mov x8, #78              // readlinkat
      010000d4             svc #0
      1f0000f1             cmp x0, #0
      6d000054             b.le 3f
      7f6b2038             strb wzr, [x27, x0]
      fc030091             mov x28, sp
      750240f9          3: ldr x21, [x19]
      760e158b             add x22, x19, x21, lsl #3
      d6420091             add x22, x22, #16        // envp
      170080d2             mov x23, #0
      c07a77f8          1: ldr x0, [x22, x23, lsl #3]
      f7060091             add x23, x23, #1
      c0ffffb5             cbnz x0, 1b              // x23: variables, the NULL behind them too
      980640f9             ldr x24, [x20, #8]
      990e40f9             ldr x25, [x20, #24]
      a002178b             add x0, x21, x23
      0000188b             add x0, x0, x24
      0000198b             add x0, x0, x25
      004c0091             add x0, x0, #19
      00f87f92             and x0, x0, #~1          // the stack stays aligned to 16
      610e00cb             sub x1, x19, x0, lsl #3
      3f000091             mov sp, x1               // room for both vectors
      fa0301aa             mov x26, x1
      820240f9             ldr x2, [x20]            // argv: ours,
      e30318aa             mov x3, x24
      1d000094             bl copy
      62420091             add x2, x19, #16         // then the caller's from the second on
      bf0200f1             cmp x21, #0
      a30600d1             sub x3, x21, #1
      e303839a             csel x3, xzr, x3, eq
      18000094             bl copy
      3f8400f8             str xzr, [x1], #8
      fb0301aa             mov x27, x1              // env: ours,
      820a40f9             ldr x2, [x20, #16]
      e30319aa             mov x3, x25
      13000094             bl copy
      5c0000b4             cbz x28, 4f
      3c8400f8             str x28, [x1], #8        // the variable,
      e20316aa          4: mov x2, x22              // then the caller's
      e30317aa             mov x3, x23
      0e000094             bl copy
      400340f9             ldr x0, [x26]
      e1031aaa             mov x1, x26
      e2031baa             mov x2, x27
      a81b80d2             mov x8, #221             // execve
      010000d4             svc #0
      400080d2             mov x0, #2
      811240f9             ldr x1, [x20, #32]
      821640f9             ldr x2, [x20, #40]
      080880d2             mov x8, #64              // write
      010000d4             svc #0
      c00880d2             mov x0, #70
      c80b80d2             mov x8, #94              // exit_group
      010000d4             svc #0
      a30000b4       copy: cbz x3, 2f
      448440f8          1: ldr x4, [x2], #8
      248400f8             str x4, [x1], #8
      630400d1             sub x3, x3, #1
      a3ffffb5             cbnz x3, 1b
      c0035fd6          2: ret`,
  },
};

/** Returns the launcher, a whole ELF file. */
export function makeLauncher(launcher: Launcher): Uint8Array<ArrayBuffer> {
  const { architecture, argv, env, namespaceVariable, failure } = launcher;
  if (namespaceVariable.length > MOST_NAME_BYTES) throw new Error("Cannot make a launcher: the name is too long");
  const { machine, code } = ARCHITECTURES[architecture];
  const text = machineCode(code);
  const texts = [`${failure}\n`, "none", "/", "/proc/thread-self/ns/mnt", `${namespaceVariable}=`];
  const strings = [...argv, ...env, ...texts].map((line) => new TextEncoder().encode(`${line}\0`));
  const vectors = align(TABLE + TABLE_BYTES + text.length, 8);
  let end = vectors + (argv.length + env.length) * 8;
  const addresses = strings.map((bytes) => {
    end += bytes.length;
    return ADDRESS + end - bytes.length;
  });
  const file = new Uint8Array(end);
  writeHeaders(file, machine);
  file.set(text, TABLE + TABLE_BYTES);
  const [message, none, root, link, prefix] = addresses.slice(-texts.length);
  const lengths = strings.slice(-texts.length).map((bytes) => bytes.length - 1);
  const table = [
    ...[ADDRESS + vectors, argv.length],
    ...[ADDRESS + vectors + argv.length * 8, env.length],
    ...[message, lengths[0], none, root, link, prefix, lengths[4]],
  ];
  const view = new DataView(file.buffer);
  const write = (at: number, value = 0): void => view.setBigUint64(at, BigInt(value), true);
  table.forEach((value, index) => write(TABLE + index * 8, value));
  addresses.slice(0, -texts.length).forEach((address, index) => write(vectors + index * 8, address));
  strings.forEach((bytes, index) => file.set(bytes, (addresses[index] ?? 0) - ADDRESS));
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
