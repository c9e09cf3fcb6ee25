/**
 * Freeing what sockets read, once the HTTP parser has copied it.
 *
 * `node:http` parses in JavaScript here: it takes a buffer of 64 KiB from the socket for every read and hands on copies.
 * Left to V8, the dead buffers pile up: a process that read 1 GiB over each of six connections peaked at 345 MiB with
 * them and at 70 MiB without.
 *
 * @module
 */
import type http from "node:http";
import type { Socket } from "node:net";
import { releaseWhole } from "../io/release_buffer.ts";

/** Frees what the connection of a request reads, as long as the request lasts. */
export function freeReads(request: http.ClientRequest): void {
  request.once("socket", (socket: Socket) => {
    // The parser listens by now, and listeners are called in order: it is done with the buffer when this one is.
    socket.on("data", releaseWhole);
    request.once("close", () => socket.off("data", releaseWhole));
  });
}
