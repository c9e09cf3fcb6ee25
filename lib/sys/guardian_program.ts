/**
 * The guardian of a command that has no process namespace: a static ELF program of some 500 bytes, made in memory.
 *
 * It forks; the child walks a syscall script that ends in execve of the command. The guardian is the parent of all that the
 * command leaves running (it is a subreaper), and kills it all when the command has ended, or the builder is gone, which
 * its parent-death signal tells: so nothing outlives a builder that was killed. Then it reports as init does
 * (`init_program.ts`).
 *
 * It is started with all signals blocked and takes them one by one. Where /proc does not list children it can end
 * the command alone; what is left becomes the builder's.
 *
 * @module
 */
import { bytesOf } from "../io/byte_path.ts";
import { DATA_ADDRESS, makeProgram } from "./elf_program.ts";
import type { SyscallScript } from "./syscall_script.ts";

/**
 * x86-64 machine code; the data segment is at 0x500000: wait status of the command at +0, report at +8, signals at +24,
 * the builder's process id at +32, any wait status at +40, a path at +48, a buffer at +128, script at +0x1080.
 *
 * ```asm
 *          mov  r15d, 0x500000
 *          mov  edi, 1
 *          mov  esi, 15
 *          xor  edx, edx
 *          xor  r10d, r10d
 *          xor  r8d, r8d
 *          mov  eax, 157                ; prctl(PR_SET_PDEATHSIG, SIGTERM)
 *          syscall
 *          mov  eax, 110                ; getppid: is the builder gone already?
 *          syscall
 *          mov  edi, 126
 *          cmp  rax, [r15+32]
 *          jne  leave
 *          mov  eax, 257                ; openat(AT_FDCWD, "/proc/thread-self/children", O_CLOEXEC)
 *          mov  rdi, -100
 *          lea  rsi, [r15+48]
 *          mov  edx, 0x80000
 *          xor  r10d, r10d
 *          syscall
 *          mov  r14, rax
 *          mov  eax, 57                 ; fork
 *          syscall
 *          test rax, rax
 *          jz   child
 *          js   failed
 *          mov  rbx, rax
 *          xor  r12d, r12d              ; whether everything is to go
 *          xor  ebp, ebp                ; whether the command has ended
 * wait:    lea  rdi, [r15+24]
 *          xor  esi, esi
 *          xor  edx, edx
 *          mov  r10d, 8
 *          mov  eax, 128                ; rt_sigtimedwait(SIGCHLD and SIGTERM, NULL, NULL, 8)
 *          syscall
 *          cmp  eax, 15
 *          jne  reap
 *          mov  r12d, 1
 * reap:    mov  rdi, -1
 *          lea  rsi, [r15+40]
 *          mov  edx, 1
 *          xor  r10d, r10d
 *          mov  eax, 61                 ; wait4(-1, &status, WNOHANG, NULL)
 *          syscall
 *          test rax, rax
 *          jz   look
 *          js   done
 *          cmp  rax, rbx
 *          jne  reap
 *          mov  eax, [r15+40]
 *          mov  [r15], rax
 *          mov  r12d, 1
 *          mov  ebp, 1
 *          jmp  reap
 * look:    test r12d, r12d
 *          jz   wait
 *          test r14, r14
 *          jns  list
 *          test ebp, ebp
 *          jnz  done
 *          mov  rdi, rbx
 *          mov  esi, 9
 *          mov  eax, 62
 *          syscall
 *          jmp  wait
 * list:    mov  rdi, r14
 *          lea  rsi, [r15+128]
 *          mov  edx, 4096
 *          xor  r10d, r10d
 *          mov  eax, 17                 ; pread64(children, buffer, 4096, 0)
 *          syscall
 *          test rax, rax
 *          jle  wait
 *          lea  r13, [r15+128]
 *          lea  r9, [r13+rax]
 *          xor  edi, edi
 * digit:   cmp  r13, r9
 *          jae  wait
 *          movzx eax, byte [r13]
 *          inc  r13
 *          sub  eax, 48
 *          cmp  eax, 9
 *          ja   space                   ; a number without a space behind it may be cut short
 *          imul edi, edi, 10
 *          add  edi, eax
 *          jmp  digit
 * space:   test edi, edi
 *          jz   digit
 *          mov  esi, 9
 *          mov  eax, 62
 *          syscall
 *          xor  edi, edi
 *          jmp  digit
 * done:    mov  qword [r15+8], -1
 *          mov  rax, [r15]
 *          mov  [r15+16], rax
 *          call report
 *          mov  eax, [r15]
 *          mov  edi, eax
 *          and  edi, 0x7f
 *          jz   exited
 *          add  edi, 128
 *          jmp  leave
 * exited:  movzx edi, ah
 *          jmp  leave
 * failed:  mov  qword [r15+8], -2
 *          mov  [r15+16], rax
 *          call report
 *          mov  edi, 126
 * leave:   mov  eax, 231                ; exit_group
 *          syscall
 * report:  mov  edi, 3
 *          lea  rsi, [r15+8]
 *          mov  edx, 16
 *          mov  eax, 1
 *          syscall
 *          ret
 * child:   mov  r12d, 0x501080
 *          xor  r13d, r13d
 * next:    mov  rax, [r12]
 *          cmp  rax, -1
 *          je   end
 *          mov  rdi, [r12+8]
 *          mov  rsi, [r12+16]
 *          mov  rdx, [r12+24]
 *          mov  r10, [r12+32]
 *          mov  r8,  [r12+40]
 *          mov  r9,  [r12+48]
 *          syscall
 *          test rax, rax
 *          jns  good
 *          cmp  qword [r12+56], 0
 *          je   bad
 * good:    add  r12, 72
 *          inc  r13
 *          jmp  next
 * bad:     mov  [r15+8], r13
 *          mov  [r15+16], rax
 *          call report
 * end:     mov  edi, 126
 *          jmp  leave
 * ```
 */
const CODE =
  "41bf00005000bf01000000be0f00000031d24531d24531c0b89d0000000f05b86e0000000f05bf7e000000493b47200f855d010000" +
  "b80101000048c7c79cffffff498d7730ba000008004531d20f054989c6b8390000000f054885c00f844d0100000f88140100004889" +
  "c34531e431ed498d7f1831f631d241ba08000000b8800000000f0583f80f750641bc0100000048c7c7ffffffff498d7728ba010000" +
  "004531d2b83d0000000f054885c0741f0f889c0000004839d875d6418b472849890741bc01000000bd01000000ebc24585e4749d4d" +
  "85f6791585ed75754889dfbe09000000b83e0000000f05eb834c89f7498db780000000ba001000004531d2b8110000000f054885c0" +
  "0f8e61ffffff4d8daf800000004d8d4c050031ff4d39cd0f834affffff410fb6450049ffc583e83083f80977076bff0a01c7ebe085" +
  "ff74dcbe09000000b83e0000000f0531ffebcc49c74708ffffffff498b0749894710e834000000418b0789c783e77f740881c78000" +
  "0000eb1b0fb6fceb1649c74708feffffff49894710e80c000000bf7e000000b8e70000000f05bf03000000498d7708ba10000000b8" +
  "010000000f05c341bc801050004531ed498b04244883f8ff7443498b7c2408498b742410498b5424184d8b5424204d8b4424284d8b" +
  "4c24300f054885c0790849837c24380074094983c44849ffc5ebc04d896f0849894710e894ffffffbf7e000000eb86";

const SIGNALS_OFFSET = 24;
const BUILDER_OFFSET = 32;
const PATH_OFFSET = 48;
const SCRIPT_OFFSET = 0x1080;
const [SIGTERM, SIGCHLD] = [15, 17];
const CHILDREN = "/proc/thread-self/children\0";

/** Asks a guardian to end everything. */
export const GUARDIAN_SIGNAL: number = SIGTERM;

/** Returns the ELF file of a guardian whose child runs `script`. `builder`: the process to start it. */
export function makeGuardianProgram(script: SyscallScript, builder: number): Uint8Array<ArrayBuffer> {
  const encoded = script.encode(DATA_ADDRESS + BigInt(SCRIPT_OFFSET));
  const data = new Uint8Array(SCRIPT_OFFSET + encoded.length);
  const view = new DataView(data.buffer);
  view.setBigUint64(SIGNALS_OFFSET, 1n << BigInt(SIGTERM - 1) | 1n << BigInt(SIGCHLD - 1), true);
  view.setBigUint64(BUILDER_OFFSET, BigInt(builder), true);
  data.set(bytesOf(CHILDREN), PATH_OFFSET);
  data.set(encoded, SCRIPT_OFFSET);
  return makeProgram(CODE, data);
}
