/**
 * Where a server may send a download, and with what.
 *
 * The target of a redirect is text from outside. It must not get credentials meant for somebody else, not lead from https
 * to http, and not reach machines that are nearer to us than the server that was named (S41, S44, S52).
 *
 * @module
 */
import { localityOf, localityOfHost } from "./address.ts";
import type { Reach } from "./reach.ts";

/** One hop. */
export interface Hop {
  /** The URL the user named. */
  readonly named: URL;
  /** The address that answered for it; undefined behind a proxy. */
  readonly namedAddress: string | undefined;
  /** The URL that redirects. */
  readonly from: URL;
  readonly to: URL;
}

/** Whether to follow, and how near the target may be. */
export type HopVerdict =
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "followed"; readonly reach: Reach; readonly credentials: boolean };

/** Judges a hop. The credentials of the user belong to the host that was named, also where it moves on to https. */
export function judgeHop({ named, namedAddress, from, to }: Hop): HopVerdict {
  if (to.protocol !== "https:" && to.protocol !== "http:") return refused("it is neither https nor http");
  if (to.username !== "" || to.password !== "") return refused("it has a user or password in it");
  if (from.protocol === "https:" && to.protocol === "http:") return refused("it leads from https to http");
  if (to.origin === named.origin) return { kind: "followed", reach: "any", credentials: true };
  if (isUpgrade(named, to)) return { kind: "followed", reach: "any", credentials: true };
  const locality = localityOfHost(named.hostname) ?? localityOf(namedAddress ?? "");
  const reach = locality === "loopback" || locality === "private" ? locality : "public";
  return { kind: "followed", reach, credentials: false };
}

/** The same host by its usual ports. */
function isUpgrade(named: URL, to: URL): boolean {
  return named.protocol === "http:" && to.protocol === "https:" && named.hostname === to.hostname &&
    named.port === "" && to.port === "";
}

function refused(why: string): HopVerdict {
  return { kind: "refused", why };
}
