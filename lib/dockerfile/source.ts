/**
 * Positions in a Dockerfile.
 *
 * @module
 */

/** Lines of a source file, 1-based, both ends included. */
export interface SourceRange {
  /** The file as the user named it. */
  readonly file: string;
  readonly startLine: number;
  readonly endLine: number;
}
