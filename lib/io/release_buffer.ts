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
