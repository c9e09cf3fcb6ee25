/**
 * Giving memory back at once.
 *
 * V8 lets some 64 MB of dead buffers pile up before it collects them, in every Worker of its own.
 *
 * @module
 */

/** Frees a buffer's memory; all views of it become empty. Only for buffers nobody else can hold. */
export function releaseBuffer(buffer: ArrayBuffer): void {
  buffer.transfer(0);
}

/**
 * Frees the memory of a piece of a stream whose consumer is done with it, if the piece is all of its buffer: one that is
 * a part of it shares it with others.
 */
export function releaseWhole({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) releaseBuffer(buffer);
}

/**
 * Frees the buffer that an engine of `node:zlib` has filled, after the piece at its end: the engine hands out what it
 * writes as views, in order, and goes on in a new buffer. Buffers of another size are not the engine's own.
 */
export function releaseFilled({ buffer, byteOffset, byteLength }: Uint8Array, engineBytes: number): void {
  const isFilled = buffer.byteLength === engineBytes && byteOffset + byteLength === engineBytes;
  if (buffer instanceof ArrayBuffer && isFilled) releaseBuffer(buffer);
}
