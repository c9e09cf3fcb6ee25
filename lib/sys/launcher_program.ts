/**
 * The launcher: a program of one thread that this process becomes for a moment, to do what the kernel allows no process
 * with several threads, entering a user namespace; its last call executes what is to run there.
 *
 * @module
 */
import { DATA_ADDRESS, makeProgram } from "./elf_program.ts";
import type { SyscallScript } from "./syscall_script.ts";

/**
 * x86-64 machine code; the data segment is at 0x500000: address of the fallback script at +0, script at +16.
 *
 * ```asm
 *          mov  r15d, 0x500000
 *          lea  r12, [r15+16]
 * next:    mov  rax, [r12]
 *          cmp  rax, -1
 *          je   fail
 *          mov  rdi, [r12+8]
 *          mov  rsi, [r12+16]
 *          mov  rdx, [r12+24]
 *          mov  r10, [r12+32]
 *          mov  r8,  [r12+40]
 *          mov  r9,  [r12+48]
 *          syscall
 *          test rax, rax
 *          jns  good
 *          cmp  qword [r12+56], 0    ; optional?
 *          je   fail
 * good:    add  r12, 72
 *          jmp  next
 * fail:    mov  r12, [r15]           ; once
 *          mov  qword [r15], 0
 *          test r12, r12
 *          jnz  next
 *          mov  edi, 126
 *          mov  eax, 231             ; exit_group
 *          syscall
 * ```
 */
const CODE =
  "41bf000050004d8d6710498b04244883f8ff7433498b7c2408498b742410498b5424184d8b5424204d8b4424284d8b4c24300f05" +
  "4885c0790849837c24380074064983c448ebc34d8b2749c707000000004d85e475b4bf7e000000b8e70000000f05";

const SCRIPT_OFFSET = 16;

/**
 * Returns the ELF file of a program that runs `script`, which ends in execve, or `fallback` if one of its calls fails.
 */
export function makeLauncher(script: SyscallScript, fallback: SyscallScript): Uint8Array<ArrayBuffer> {
  const main = script.encode(DATA_ADDRESS + BigInt(SCRIPT_OFFSET));
  const fallbackAt = SCRIPT_OFFSET + main.length;
  const other = fallback.encode(DATA_ADDRESS + BigInt(fallbackAt));
  const data = new Uint8Array(fallbackAt + other.length);
  new DataView(data.buffer).setBigUint64(0, DATA_ADDRESS + BigInt(fallbackAt), true);
  data.set(main, SCRIPT_OFFSET);
  data.set(other, fallbackAt);
  return makeProgram(CODE, data);
}
