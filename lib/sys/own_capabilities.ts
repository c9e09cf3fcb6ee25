/**
 * The capabilities of this process.
 *
 * @module
 */

/** Numbers of the capabilities that are asked for (capability.h). */
export const CAP = { CHOWN: 0, DAC_OVERRIDE: 1, SETGID: 6, SETUID: 7, SYS_CHROOT: 18, SYS_ADMIN: 21 } as const;

/** What the kernel lists about this process, as bits. */
export function ownCapabilities(set: "permitted" | "effective"): bigint {
  const name = set === "permitted" ? "CapPrm" : "CapEff";
  const line = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(Deno.readTextFileSync("/proc/self/status"));
  return line === null ? 0n : BigInt(`0x${line[1]}`);
}

/** Tells whether all of these capabilities may be used now. */
export function hasCapabilities(...names: readonly (keyof typeof CAP)[]): boolean {
  const effective = ownCapabilities("effective");
  return names.every((name) => (effective >> BigInt(CAP[name]) & 1n) === 1n);
}
