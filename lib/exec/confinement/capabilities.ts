/**
 * The capabilities of a RUN: Docker's default set, as far as the builder itself has them.
 *
 * @module
 */
import { ownCapabilities } from "../../sys/own_capabilities.ts";
import type { SyscallScript } from "../../sys/syscall_script.ts";

/** Numbers of the capabilities a command may have (capability.h). */
const CAPABILITIES = {
  CHOWN: 0,
  DAC_OVERRIDE: 1,
  FOWNER: 3,
  FSETID: 4,
  KILL: 5,
  SETGID: 6,
  SETUID: 7,
  SETPCAP: 8,
  NET_BIND_SERVICE: 10,
  NET_RAW: 13,
  SYS_CHROOT: 18,
  MKNOD: 27,
  AUDIT_WRITE: 29,
  SETFCAP: 31,
} as const;

/** A bit for every capability that a command may have. */
export const DEFAULT_CAPABILITIES: number = bits(Object.values(CAPABILITIES));

/**
 * The same without the one that leads out of a plain chroot. Without it the command cannot trace the builder either:
 * that takes every capability the builder has.
 */
export const CHROOT_CAPABILITIES: number = bits(
  Object.values(CAPABILITIES).filter((number) => number !== CAPABILITIES.SYS_CHROOT),
);

/** More than any kernel has; asking for one it lacks fails and changes nothing. */
const CAPABILITY_NUMBERS = 64;
const PR_CAPBSET_DROP = 24;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
const CAPABILITY_VERSION_3 = 0x2008_0522;

/** Takes all other capabilities from the process for good, and everything inheritable (CVE-2022-24769). */
export function limitCapabilities(script: SyscallScript, allowed: number): void {
  for (let number = 0; number < CAPABILITY_NUMBERS; number++) {
    if (number < 32 && (allowed >>> number & 1) === 1) continue;
    script.attempt("give up a capability", "prctl", PR_CAPBSET_DROP, number, 0, 0, 0);
  }
  // None of those above 31 are ever allowed.
  const kept = Number(BigInt(allowed) & ownCapabilities("permitted"));
  const header = new Uint32Array([CAPABILITY_VERSION_3, 0]);
  const data = new Uint32Array([kept, kept, 0, 0, 0, 0]); // effective, permitted, inheritable; the upper halves
  script
    .attempt("clear the ambient capabilities", "prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    .call("limit capabilities", "capset", new Uint8Array(header.buffer), new Uint8Array(data.buffer));
}

function bits(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all | 1 << number, 0) >>> 0;
}
