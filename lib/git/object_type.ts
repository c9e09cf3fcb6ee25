/**
 * The types of objects, by the numbers they have in packs (gitformat-pack(5)).
 *
 * @module
 */

/** Numbers of types in a pack. */
export const TYPE = { COMMIT: 1, TREE: 2, BLOB: 3, TAG: 4, OFFSET_DELTA: 6, REFERENCE_DELTA: 7 } as const;

const NAMES: Readonly<Record<number, string>> = { 1: "commit", 2: "tree", 3: "blob", 4: "tag" };

/** Returns the name a type has in an object's header; undefined for deltas and for numbers without meaning. */
export function nameOfType(type: number): string | undefined {
  return NAMES[type];
}
