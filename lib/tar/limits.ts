/**
 * How much a tar archive may claim before it is taken for an attack (pains-and-security.md S22, S24, S26).
 *
 * Every limit is far above what real images hold; each can be overridden where an archive is opened.
 *
 * @module
 */

/** What the reader refuses to go beyond. All are inclusive. */
export interface TarLimits {
  /** Entries in one archive. */
  readonly maxEntries: number;
  /** Bytes of one PAX header or one GNU long name. Go's archive/tar has the same limit since CVE-2022-2879. */
  readonly maxExtensionBytes: number;
  /** Bytes of a name or link target. Linux resolves 4,095 at once; GNU tar makes longer ones step by step. */
  readonly maxNameBytes: number;
  /** Extended attributes of one entry. */
  readonly maxXattrs: number;
  /** Bytes of the value of one extended attribute. The kernel's XATTR_SIZE_MAX. */
  readonly maxXattrBytes: number;
  /** Data regions listed for one sparse file; each costs 16 bytes of memory. */
  readonly maxSparseRegions: number;
  /** Bytes of a sparse file after expansion: holes cost the sender nothing and the receiver everything. */
  readonly maxSparseBytes: number;
}

/** What holds unless a caller says otherwise. */
export const DEFAULT_TAR_LIMITS: TarLimits = {
  maxEntries: 4_194_304,
  maxExtensionBytes: 1_048_576,
  maxNameBytes: 65_536,
  maxXattrs: 1_024,
  maxXattrBytes: 65_536,
  maxSparseRegions: 1_000_000,
  maxSparseBytes: 64 * 1024 ** 3,
};
