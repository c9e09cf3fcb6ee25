/**
 * A repository on a server, whatever the way to it: the contract between the protocol and its transports.
 *
 * @module
 */
import type { Reach } from "../http/reach.ts";
import type { Advertisement } from "./advertisement.ts";
import type { PacketReader } from "./packet.ts";

/** One repository of a server. */
export interface GitServer {
  /** For people, without credentials: `https://example.com/app.git`. */
  readonly name: string;
  /** Starts to talk to git-upload-pack. @throws as `explainFault` puts into words */
  open(signal: AbortSignal): Promise<GitConversation>;
}

/** A conversation with git-upload-pack. */
export interface GitConversation extends AsyncDisposable {
  readonly advertisement: Advertisement;
  /** How near the servers may be that this repository names. */
  readonly neighbours: Reach;
  /** Sends a request and returns its answer, which must be read before the next request. */
  exchange(request: Uint8Array): Promise<PacketReader>;
}
