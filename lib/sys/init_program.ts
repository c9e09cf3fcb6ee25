/**
 * The init of a RUN's process namespace: a static ELF program of some 250 bytes, made in memory.
 *
 * It is process 1. It forks; the child walks a syscall script that ends in execve of the command; the parent reaps
 * every process until that child has ended, reports the child's wait status on descriptor 3 and exits, upon which the
 * kernel kills whatever the command left running. Being a program of its own, nothing of the builder's memory is in
 * its address space, the command is an ordinary process (default signal actions work, unlike for process 1), and
 * orphans are reaped.
 *
 * Reports are two 64-bit words: the index of the script's failed call and its negative errno; or -1 and the wait
 * status; or -2 and the errno of a failed fork.
 *
 * @module
 */
import { DATA_ADDRESS, makeProgram } from "./elf_program.ts";
import type { SyscallScript } from "./syscall_script.ts";

/**
 * x86-64 machine code; the data segment is at 0x500000: wait status at +0, report at +8, script at +32.
 *
 * ```asm
 *          mov  r15d, 0x500000
 *          mov  eax, 57              ; fork
 *          syscall
 *          test rax, rax
 *          jz   child
 *          js   failed
 *          mov  rbx, rax
 * wait:    mov  rdi, -1              ; wait4(-1, &status, 0, NULL) until it returns the child
 *          mov  rsi, r15
 *          xor  edx, edx
 *          xor  r10d, r10d
 *          mov  eax, 61
 *          syscall
 *          cmp  rax, rbx
 *          je   done
 *          cmp  rax, -10             ; ECHILD
 *          jne  wait
 * done:    mov  qword [r15+8], -1
 *          mov  eax, [r15]
 *          mov  [r15+16], rax
 *          call report
 *          mov  eax, [r15]           ; exit code: (status >> 8) & 255, or 128 + signal
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
 * leave:   mov  eax, 231             ; exit_group
 *          syscall
 * report:  mov  edi, 3               ; write(3, report, 16)
 *          lea  rsi, [r15+8]
 *          mov  edx, 16
 *          mov  eax, 1
 *          syscall
 *          ret
 * child:   lea  r12, [r15+32]
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
  "41bf00005000b8390000000f054885c00f8484000000784f4889c348c7c7ffffffff4c89fe31d24531d2b83d0000000f054839d874" +
  "064883f8f675df49c74708ffffffff418b0749894710e834000000418b0789c783e77f740881c780000000eb1b0fb6fceb1649c74708" +
  "feffffff49894710e80c000000bf7e000000b8e70000000f05bf03000000498d7708ba10000000b8010000000f05c34d8d67204531ed" +
  "498b04244883f8ff7443498b7c2408498b742410498b5424184d8b5424204d8b4424284d8b4c24300f054885c0790849837c24380074" +
  "094983c44849ffc5ebc04d896f0849894710e896ffffffbf7e000000eb88";

const SCRIPT_OFFSET = 32;

/** Size of a report on descriptor 3. */
export const REPORT_BYTES = 16;

/** Returns the ELF file of an init whose child runs `script`. */
export function makeInitProgram(script: SyscallScript): Uint8Array<ArrayBuffer> {
  const encoded = script.encode(DATA_ADDRESS + BigInt(SCRIPT_OFFSET));
  const data = new Uint8Array(SCRIPT_OFFSET + encoded.length);
  data.set(encoded, SCRIPT_OFFSET);
  return makeProgram(CODE, data);
}
