/**
 * Freeing what sockets read, once it was taken over.
 *
 * `node:http` parses in JavaScript here: it takes a buffer of 64 KiB from the socket for every read and hands on copies.
 * Below TLS there is another one, with what was encrypted. Left to V8, the dead buffers pile up: a process that read
 * 1 GiB over each of six connections peaked at 345 MiB with them and at 70 MiB without, over one with TLS at 290 and 72.
 *
 * @module
 */
import type http from "node:http";
import type { Socket } from "node:net";
import { releaseBuffer, releaseWhole } from "../io/release_buffer.ts";

/** Frees what the connection of a request reads, as long as the request lasts. */
export function freeReads(request: http.ClientRequest): void {
  request.once("socket", (socket: Socket) => {
    freeCiphertext(socket);
    // The parser listens by now, and listeners are called in order: it is done with the buffer when this one is.
    socket.on("data", releaseWhole);
    request.once("close", () => socket.off("data", releaseWhole));
  });
}

/** The part of Deno's TLS handle that takes what came from the network, and copies it. */
interface TlsHandle {
  receive(bytes: Uint8Array): unknown;
}

const seen = new WeakSet<TlsHandle>();

/** There is no public way to these buffers; where the runtime's handles look different, they are left to V8. */
function freeCiphertext(socket: Socket): void {
  const handle = "_handle" in socket ? socket._handle : undefined;
  if (!isTlsHandle(handle) || seen.has(handle)) return;
  seen.add(handle);
  const receive = handle.receive.bind(handle);
  handle.receive = (bytes) => {
    const result = receive(bytes);
    // A view of all that was read, of a buffer that may be longer.
    if (bytes.byteOffset === 0 && bytes.buffer instanceof ArrayBuffer) releaseBuffer(bytes.buffer);
    return result;
  };
}

function isTlsHandle(handle: unknown): handle is TlsHandle {
  return typeof handle === "object" && handle !== null && "receive" in handle && typeof handle.receive === "function";
}
