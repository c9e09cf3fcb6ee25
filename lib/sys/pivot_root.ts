/**
 * Whether pivot_root may be called. Docker's and containerd's default seccomp profiles forbid it even to a container
 * that was given CAP_SYS_ADMIN, with which it may mount.
 *
 * @module
 */
import { ERRNO } from "./errno.ts";
import { addressOf, cString, lastErrno, libc } from "./libc.ts";
import { callNumber } from "./syscall_script.ts";

/** Asks the kernel, with names that lead nowhere: a filter refuses the call before it looks at them. */
export function mayPivotRoot(): boolean {
  const nothing = cString("");
  const address = addressOf(nothing);
  libc.syscall(BigInt(callNumber("pivot_root")), BigInt.asIntN(64, address), address, 0n, 0n);
  return lastErrno() === ERRNO.ENOENT;
}
