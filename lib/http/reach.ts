/**
 * How near to us a connection may end: checked after the name was resolved, so that no name can point past the check.
 *
 * @module
 */
import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";
import { type Locality, localityOf, localityOfHost } from "./address.ts";
import { TransportFault } from "./transport_fault.ts";

/** The nearest addresses that are allowed; `any` is for hosts the user named. */
export type Reach = "any" | "public" | "private" | "loopback";

const PERMITTED: Readonly<Record<Exclude<Reach, "any">, readonly Locality[]>> = {
  public: ["public"],
  private: ["public", "private"],
  loopback: ["public", "private", "loopback"],
};

/** Tells whether a connection with this reach may end at an address of this locality. */
export function isWithin(reach: Reach, locality: Locality): boolean {
  return reach === "any" || PERMITTED[reach].includes(locality);
}

/** Throws a fault if the host is an address (or `localhost`) beyond the reach. */
export function checkHost(url: URL, reach: Reach): void {
  const locality = localityOfHost(url.hostname);
  if (locality !== undefined && !isWithin(reach, locality)) throw beyond(url.host, locality);
}

/** Returns a resolver that drops addresses beyond the reach, and fails if none is left (DNS rebinding). */
export function lookupWithin(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const allowed = addresses.filter(({ address }) => isWithin(reach, localityOf(address) ?? "special"));
      const [first] = allowed;
      if (first === undefined) {
        const locality = localityOf(addresses[0]?.address ?? "") ?? "special";
        return callback(beyond(hostname, locality), []);
      }
      if (options.all === true) return callback(null, allowed);
      callback(null, first.address, first.family);
    });
  };
}

function beyond(host: string, locality: Locality): TransportFault {
  const kind = locality === "special" ? "link-local or reserved" : locality;
  return new TransportFault(`it has a ${kind} address`, { phase: "connect", host, code: "KILN_ADDRESS" });
}
