/**
 * How near to us a server may be that another one names.
 *
 * @module
 */
import { localityOf, localityOfHost } from "../http/address.ts";
import type { Reach } from "../http/reach.ts";

/**
 * Returns the reach of what `namer` names: not nearer to us than it is itself (S49, S55).
 *
 * @param known how near the namer may be, and the address it answered from, if that is known.
 */
export function asNearAs(namer: URL, known: { readonly reach: Reach; readonly address: string | undefined }): Reach {
  if (known.reach !== "any") return known.reach;
  const { address } = known;
  const locality = localityOfHost(namer.hostname) ?? (address === undefined ? undefined : localityOf(address));
  return locality === "loopback" || locality === "private" ? locality : "public";
}
