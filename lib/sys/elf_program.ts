/**
 * Static ELF programs of a few hundred bytes, made in memory: what must run without the builder's runtime.
 *
 * @module
 */

const CODE_OFFSET = 0x1000;
const CODE_ADDRESS = 0x401000n;
const DATA_OFFSET = 0x2000;
/** Where a program finds its data. */
export const DATA_ADDRESS = 0x500000n;

/** Returns the file of a program: x86-64 machine code in hexadecimal that starts at its first byte, and its data. */
export function makeProgram(codeHex: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const code = Uint8Array.from(codeHex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
  const file = new Uint8Array(DATA_OFFSET + data.length);
  const view = new DataView(file.buffer);
  // ELF64 header: little endian, EXEC, x86-64.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, CODE_ADDRESS, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 3, true);
  const [X, W, R] = [1, 2, 4];
  segment(view, 64, { type: 1, flags: R | X, offset: CODE_OFFSET, address: CODE_ADDRESS, size: code.length });
  segment(view, 120, { type: 1, flags: R | W, offset: DATA_OFFSET, address: DATA_ADDRESS, size: data.length });
  segment(view, 176, { type: 0x6474e551, flags: R | W, offset: 0, address: 0n, size: 0 }); // PT_GNU_STACK
  file.set(code, CODE_OFFSET);
  file.set(data, DATA_OFFSET);
  return file;
}

function segment(
  view: DataView,
  at: number,
  s: { type: number; flags: number; offset: number; address: bigint; size: number },
): void {
  view.setUint32(at, s.type, true);
  view.setUint32(at + 4, s.flags, true);
  view.setBigUint64(at + 8, BigInt(s.offset), true);
  view.setBigUint64(at + 16, s.address, true);
  view.setBigUint64(at + 24, s.address, true);
  view.setBigUint64(at + 32, BigInt(s.size), true);
  view.setBigUint64(at + 40, BigInt(s.size), true);
  view.setBigUint64(at + 48, 0x1000n, true);
}
