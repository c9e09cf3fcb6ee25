/**
 * A canonical listing of a file tree: what `flatten.ts` makes of an image and `tree_listing.ts` of a folder, so that
 * the two can be compared.
 *
 * @module
 */

/** One file of a tree. Names and link targets are byte strings: one character per byte. */
export interface ListedFile {
  readonly type: "file" | "directory" | "symlink" | "character" | "block" | "fifo" | "socket";
  /** Four octal digits; symlinks always have `0777`. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970 with nine decimals. */
  readonly mtime: string;
  /** Of files: bytes and digest of the content. */
  readonly size?: number;
  readonly sha256?: string;
  /** Of symlinks: the target. */
  readonly target?: string;
  /** Of devices: `MAJOR,MINOR`. */
  readonly device?: string;
  /** Of files with several names: the first of them in byte order. */
  readonly sameAs?: string;
  /** Values in hexadecimal. */
  readonly xattrs?: Readonly<Record<string, string>>;
}

/** Paths start with `/`; the root itself is `/`. */
export type Listing = ReadonlyMap<string, ListedFile>;

/** What a comparison may leave out. */
export interface Comparison {
  /** Fields that may differ. */
  readonly ignore?: readonly (keyof ListedFile)[];
  /** Paths that may differ, be missing or be there. */
  readonly except?: (path: string) => boolean;
}

/** Returns one line per difference, in byte order of the paths; none when the trees are the same. */
export function compareListings(left: Listing, right: Listing, options: Comparison = {}): readonly string[] {
  const paths = [...new Set([...left.keys(), ...right.keys()])].filter((path) => !(options.except?.(path) ?? false));
  return paths.sort(byBytes).flatMap((path) => {
    const [one, other] = [left.get(path), right.get(path)];
    if (one === undefined || other === undefined) return [`${path}: only ${one === undefined ? "right" : "left"}`];
    return differences(one, other, options.ignore ?? []).map((text) => `${path}: ${text}`);
  });
}

/** The listing as text, one file a line, for golden files and for people. */
export function formatListing(listing: Listing, options: Comparison = {}): string {
  const ignored = new Set(options.ignore ?? []);
  return [...listing].filter(([path]) => !(options.except?.(path) ?? false)).sort(([a], [b]) => byBytes(a, b)).map(
    ([path, file]) => {
      const fields = Object.entries(file).filter(([field]) => !ignored.has(field as keyof ListedFile));
      return `${path} ${fields.map(([field, value]) => `${field}=${JSON.stringify(value)}`).join(" ")}\n`;
    },
  ).join("");
}

function differences(left: ListedFile, right: ListedFile, ignore: readonly (keyof ListedFile)[]): readonly string[] {
  const fields = new Set([...Object.keys(left), ...Object.keys(right)]);
  for (const field of ignore) fields.delete(field);
  const [a, b]: Readonly<Record<string, unknown>>[] = [{ ...left }, { ...right }];
  return [...fields].sort().flatMap((field) => {
    const [one, other] = [text(a?.[field]), text(b?.[field])];
    return one === other ? [] : [`${field} is ${one} left, ${other} right`];
  });
}

function text(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "absent";
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => byBytes(a, b)));
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
