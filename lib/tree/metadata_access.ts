/**
 * Reading and writing the metadata of entries as they are meant, whatever the host allows.
 *
 * What cannot be written (a foreign owner where a user namespace has no such id, a device node, an attribute of a kind
 * only root may write) is left out on disk and kept in the side record; reading puts both together. Where the host
 * refuses nothing, nothing is ever recorded, and the calls are those of the kernel.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { type ErrnoName, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { mappedIds } from "../sys/id_map.ts";
import { libc } from "../sys/libc.ts";
import { hasCapabilities } from "../sys/own_capabilities.ts";
import { S, type Stat, statAt, tryStatAt } from "../sys/stat.ts";
import { readXattrs, removeXattr, setXattr, type Xattrs } from "../sys/xattr.ts";
import { isOverlayXattr } from "./overlay_marks.ts";
import { asMeant, type Device, type Ids, type Instead, type Recorded } from "./recorded.ts";
import { type Place, SideRecord } from "./side_record.ts";

/** What an entry is to be like, apart from content and times. */
export interface WantedMetadata {
  /** Type and permission bits. */
  readonly mode: number;
  readonly owner: Ids;
  /** Attributes it gets besides those it has. */
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
  /** What `makeNode` could not make. */
  readonly missing?: Device | undefined;
  /** Set for an entry that was just made: what it is like already. */
  readonly made?: {
    /** Permission bits; absent: unknown. */
    readonly mode?: number;
    /** Whether user and group are those of this process. */
    readonly isOurs: boolean;
  };
}

const SETID_BITS = 0o6000;
/** What an owner without CAP_DAC_OVERRIDE needs for reading and changing an entry. */
const [FILE_BITS, DIRECTORY_BITS] = [0o600, 0o700];
/** Leaves a user or group as it is. */
const UNCHANGED = 0xffff_ffff;

/** Why an owner cannot be had: files may not be given away, or the user namespace has no such id. */
const OWNER_REFUSED = ["EPERM", "EINVAL"] as const;
/**
 * Why an attribute cannot be had: its kind is not ours to write, or unknown here, there is no room for it, or it is about
 * ids that the user namespace does not have.
 */
const XATTR_REFUSED = ["EPERM", "EACCES", "EOPNOTSUPP", "ENOSPC", "E2BIG", "ERANGE", "EINVAL"] as const;
/** Without a record a file system without attributes loses them, as BuildKit has it. */
const XATTR_LOST = ["EPERM", "EOPNOTSUPP"] as const;

/** The metadata of trees of one build, as one job reads and writes it. */
export class Metadata implements Disposable {
  readonly #record: SideRecord | undefined;

  /** @param record of the build, from `makeSideRecord`; undefined: what is not on disk does not count. */
  constructor(record: BytePath | undefined) {
    this.#record = record === undefined ? undefined : new SideRecord(record);
  }

  /** Returns the status of an entry, of the link itself for a symlink. @throws {SysError} */
  statAt(directory: number, name: BytePath): Stat {
    return this.#meant({ directory, name }, statAt(directory, name));
  }

  /** Returns the status of an entry, or undefined if there is none. @throws {SysError} */
  tryStatAt(directory: number, name: BytePath): Stat | undefined {
    const stat = tryStatAt(directory, name);
    return stat === undefined ? undefined : this.#meant({ directory, name }, stat);
  }

  /**
   * Returns the attributes that belong to the file, not to the host it lies on: no overlayfs bookkeeping, and of the
   * `security.*` ones only file capabilities (labels of SELinux, IMA and the like are the host's policy).
   */
  xattrsAt(directory: number, name: BytePath): Xattrs {
    const onDisk = readXattrs(directory, name);
    const recorded = this.#recordedOf({ directory, name }, onDisk)?.xattrs;
    if (onDisk.size === 0) return recorded ?? onDisk;
    return new Map([...recorded ?? [], ...[...onDisk].filter(([key]) => this.#belongsToFile(key))]);
  }

  /**
   * Makes a FIFO or a device. Where the host allows no such device an empty file stands in its place, and what it should
   * be is returned, for `apply`. @throws {SysError}
   */
  makeNode({ directory, name }: Place, node: { mode: number; major: number; minor: number }): Device | undefined {
    const type = node.mode & S.IFMT;
    try {
      files.makeNode(directory, name, node);
      return undefined;
    } catch (error) {
      const canWait = this.#record !== undefined && (type === S.IFCHR || type === S.IFBLK);
      if (!canWait || !(error instanceof SysError && error.is("EPERM"))) throw error;
      files.makeNode(directory, name, { mode: S.IFREG | FILE_BITS, major: 0, minor: 0 });
      return { type, major: node.major, minor: node.minor };
    }
  }

  /** Gives an entry its metadata, in place of what it had; attributes it had, it keeps. @throws {SysError} */
  apply(place: Place, { mode, owner, xattrs, missing, made }: WantedMetadata): void {
    const before = made === undefined ? this.#recordedAt(place) : undefined;
    const refusedOwner = made?.isOurs === true && isRoot(owner) ? undefined : this.#tryOwner(place, owner);
    const wanted = mode & 0o7777;
    const onDisk = this.#bitsOnDisk(mode, refusedOwner !== undefined);
    if ((mode & S.IFMT) !== S.IFLNK && made?.mode !== onDisk) files.changeMode(place.directory, place.name, onDisk);
    const lacking = new Map([...before?.xattrs ?? [], ...this.#tryXattrs(place, xattrs)]);
    this.#keep(place, {
      ...refusedOwner === undefined ? {} : { owner: refusedOwner },
      ...onDisk === wanted ? {} : { mode: { meant: wanted, onDisk } },
      ...missing === undefined ? {} : { device: missing },
      ...lacking.size === 0 ? {} : { xattrs: lacking },
    });
  }

  /** Gives an entry that was just made its owner. @throws {SysError} */
  setOwner(place: Place, owner: Ids): void {
    const refused = this.#tryOwner(place, owner);
    this.#keep(place, refused === undefined ? {} : { owner: refused });
  }

  /** Gives an entry attributes. @throws {SysError} */
  addXattrs(place: Place, xattrs: Xattrs): void {
    const refused = this.#tryXattrs(place, xattrs);
    if (refused.size === 0) return;
    const before = this.#recordedAt(place);
    this.#keep(place, { ...before, xattrs: new Map([...before?.xattrs ?? [], ...refused]) });
  }

  /** Takes from an entry the attributes that belong to it, but for those of these names. @throws {SysError} */
  dropXattrs(place: Place, but: ReadonlyMap<string, unknown> = new Map()): void {
    for (const key of readXattrs(place.directory, place.name).keys()) {
      if (this.#belongsToFile(key) && !but.has(key)) removeXattr(place.directory, place.name, key);
    }
    const { xattrs, ...rest } = this.#recordedAt(place) ?? {};
    if (xattrs === undefined) return;
    const left = new Map([...xattrs].filter(([key]) => but.has(key)));
    this.#keep(place, left.size === 0 ? rest : { ...rest, xattrs: left });
  }

  /** Gives an entry that nothing is recorded of the record of another one, of which it is a copy. */
  adopt(place: Place, from: Place): void {
    if (this.#recordedAt(place) !== undefined) return;
    const recorded = this.#recordedAt(from);
    if (recorded !== undefined) this.#keep(place, recorded);
  }

  [Symbol.dispose](): void {
    this.#record?.[Symbol.dispose]();
  }

  #meant(place: Place, stat: Stat): Stat {
    const recorded = this.#record?.find(place, stat);
    const seen = asOurs(stat);
    return recorded === undefined ? seen : asMeant(seen, recorded);
  }

  /** What is recorded of an entry with these attributes. */
  #recordedOf(place: Place, onDisk: Xattrs): Recorded | undefined {
    const record = this.#record;
    if (record === undefined || record.isEmpty) return undefined;
    const carried = record.findCarried(onDisk.get(record.attribute));
    if (carried !== undefined || !record.hasInodes) return carried;
    return record.findInode(place, statAt(place.directory, place.name));
  }

  #recordedAt(place: Place): Recorded | undefined {
    if (this.#record === undefined || this.#record.isEmpty) return undefined;
    return this.#record.find(place, statAt(place.directory, place.name));
  }

  #keep(place: Place, recorded: Recorded): void {
    const record = this.#record;
    const isNothing = Object.keys(recorded).length === 0;
    if (record === undefined || (isNothing && record.isEmpty)) return;
    const stat = statAt(place.directory, place.name);
    if (isNothing) record.forget(place, stat);
    else record.keep(place, stat, recorded);
  }

  #belongsToFile(key: string): boolean {
    if (key.startsWith("security.")) return key === "security.capability";
    return !isOverlayXattr(key) && key !== this.#record?.attribute;
  }

  /** Sets the owner as far as possible; returns what is there in its place, if it is another. */
  #tryOwner({ directory, name }: Place, { uid, gid }: Ids): Instead<Ids> | undefined {
    const owner = { uid, gid };
    if (this.#record === undefined) return void files.changeOwner(directory, name, owner);
    const { isRoot: haveRoot, givesAway, ids } = host();
    if (!haveRoot) return isRoot(owner) ? undefined : { meant: owner, onDisk: ROOT };
    // To ask what there is takes a tenth of the time of being refused.
    const [hasUser, hasGroup] = [givesAway && ids.users.has(uid), givesAway && ids.groups.has(gid)];
    if (hasUser && hasGroup && tryChangeOwner(directory, name, owner)) return undefined;
    // Half of it may be possible: a group, and not the user.
    if (hasUser) tryChangeOwner(directory, name, { uid, gid: UNCHANGED });
    if (hasGroup) tryChangeOwner(directory, name, { uid: UNCHANGED, gid });
    const found = statAt(directory, name);
    if (found.uid === uid && found.gid === gid) return undefined;
    return { meant: owner, onDisk: { uid: found.uid, gid: found.gid } };
  }

  #bitsOnDisk(mode: number, isOwnerRefused: boolean): number {
    const { overridesModes, severalUsers } = host();
    let bits = mode & 0o7777;
    // A setuid program of one user must not become one of another, which commands may have become.
    if (isOwnerRefused && severalUsers) bits &= ~SETID_BITS;
    if (!overridesModes && this.#record !== undefined) bits |= (mode & S.IFMT) === S.IFDIR ? DIRECTORY_BITS : FILE_BITS;
    return bits;
  }

  /** Sets attributes, and returns those that could not be. */
  #tryXattrs({ directory, name }: Place, xattrs: WantedMetadata["xattrs"]): Xattrs {
    const refused = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const [key, bytes] of xattrs ?? []) {
      // overlayfs reads its own attributes from the layers; an image must not steer it (attack S22).
      if (isOverlayXattr(key)) continue;
      const value = new Uint8Array(bytes);
      const expected = this.#record === undefined ? XATTR_LOST : XATTR_REFUSED;
      const isSet = key !== this.#record?.attribute &&
        succeeds(expected, () => setXattr(directory, name, { key, value }));
      if (!isSet) refused.set(key, value);
    }
    return refused;
  }
}

/** For trees that nothing is recorded of. */
export const ON_DISK: Metadata = new Metadata(undefined);

const ROOT: Ids = { uid: 0, gid: 0 };

function isRoot({ uid, gid }: Ids): boolean {
  return uid === 0 && gid === 0;
}

function tryChangeOwner(directory: number, name: BytePath, owner: Ids): boolean {
  return succeeds(OWNER_REFUSED, () => files.changeOwner(directory, name, owner));
}

function succeeds(expected: readonly ErrnoName[], call: () => void): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof SysError && error.is(...expected)) return false;
    throw error;
  }
}

/** A builder that is not root can give nothing to root: what is its own stands for root's. */
function asOurs(stat: Stat): Stat {
  const { isRoot, uid, gid } = host();
  if (isRoot) return stat;
  return { ...stat, uid: stat.uid === uid ? 0 : stat.uid, gid: stat.gid === gid ? 0 : stat.gid };
}

/** What this process is and may do; it never changes. */
interface HostFacts extends Ids {
  readonly isRoot: boolean;
  /** Whether it may give files to others. */
  readonly givesAway: boolean;
  /** What they may be given to. */
  readonly ids: ReturnType<typeof mappedIds>;
  readonly overridesModes: boolean;
  /** Whether commands may run as different users. */
  readonly severalUsers: boolean;
}

let facts: HostFacts | undefined;

function host(): HostFacts {
  return facts ??= lookAtHost();
}

function lookAtHost(): HostFacts {
  const ids = mappedIds();
  return {
    uid: libc.geteuid(),
    gid: libc.getegid(),
    isRoot: libc.geteuid() === 0,
    givesAway: hasCapabilities("CHOWN"),
    ids,
    overridesModes: hasCapabilities("DAC_OVERRIDE"),
    severalUsers: ids.users.count > 1 && hasCapabilities("SETUID"),
  };
}
