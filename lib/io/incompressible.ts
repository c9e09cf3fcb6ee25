/**
 * Telling content that deflate cannot make smaller: media, archives, encrypted and random data.
 *
 * Deflate spends the most time on just that content. Two looks decide: how evenly byte values are spread in a sample,
 * which costs next to nothing and clears ordinary content, and then a pass of zstd's fastest level over the whole block,
 * which also finds repetitions of incompressible pieces.
 *
 * @module
 */
import { compressZstdBlock } from "./block_zstd.ts";
import { releaseBuffer } from "./release_buffer.ts";

/** Bits of information per byte above which a sample may be incompressible; text has 4 to 6, machine code 6 to 7. */
const SUSPICIOUS_ENTROPY = 7.8;
/** One piece of this size is looked at in every `SAMPLE_STRIDE` bytes. */
const SAMPLE_BYTES = 4096;
const SAMPLE_STRIDE = 32_768;
/** zstd gains less than this on what deflate would gain nothing on. */
const MIN_GAIN = 0.01;
/** Below this a look costs more than it saves. */
const MIN_BYTES = 65_536;

/** Tells whether compressing a block is not worth the time. Depends on its content only. */
export function isIncompressible(block: Uint8Array): boolean {
  if (block.length < MIN_BYTES || sampleEntropy(block) < SUSPICIOUS_ENTROPY) return false;
  const compressed = compressZstdBlock({ block, level: 1 });
  const { length } = compressed;
  // Given back at once: garbage of 400 blocks took 50 MB.
  releaseBuffer(compressed.buffer);
  return length > block.length * (1 - MIN_GAIN);
}

/** Returns the entropy of the byte values in samples of a block, in bits per byte. */
function sampleEntropy(block: Uint8Array): number {
  const counts = new Uint32Array(256);
  let total = 0;
  for (let start = 0; start < block.length; start += SAMPLE_STRIDE) {
    const end = Math.min(start + SAMPLE_BYTES, block.length);
    for (let at = start; at < end; at++) counts[block[at] ?? 0] = (counts[block[at] ?? 0] ?? 0) + 1;
    total += end - start;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= count * Math.log2(count / total);
  return bits / total;
}
