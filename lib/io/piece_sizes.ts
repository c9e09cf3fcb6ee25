/**
 * Sizes of the pieces decompressors work on.
 *
 * @module
 */

/**
 * Compressed bytes fed at a time. Deflate expands up to 1,032 times and zstd far more, but output is taken in pieces of
 * its own, so this bounds only what is read ahead (pains-and-security.md D03).
 */
export const INPUT_PIECE_BYTES = 65_536;

/** Decompressed bytes handed out at a time. */
export const OUTPUT_PIECE_BYTES = 65_536;
