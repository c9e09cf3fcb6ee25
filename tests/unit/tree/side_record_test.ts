/**
 * The side record by itself; what whole builds make of it is in tests/executor/metadata_matrix_test.ts.
 *
 * The guards against forged references are in lib/tree/side_record.ts: each test was seen red without the check of the
 * random number, of the place, of the time of birth, and of the attribute's name in metadata_access.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AT_FDCWD, changeMode, makeLink, makeNode, makeSymlink, renameAt, unlinkAt } from "../../../lib/sys/file.ts";
import { S, type Stat, statAt } from "../../../lib/sys/stat.ts";
import { readXattr, setXattr } from "../../../lib/sys/xattr.ts";
import { Metadata } from "../../../lib/tree/metadata_access.ts";
import type { Recorded } from "../../../lib/tree/recorded.ts";
import { hasInodeRows, makeSideRecord, type Place, SideRecord } from "../../../lib/tree/side_record.ts";
import { memoryDirectory } from "../../support/executor_site.ts";

const OWNER: Recorded = { owner: { meant: { uid: 70_000, gid: 5 }, onDisk: { uid: 0, gid: 5 } } };
const DEVICE: Recorded = { device: { type: S.IFCHR, major: 1, minor: 3 }, mode: { meant: 0o666, onDisk: 0o600 } };
const XATTRS: Recorded = { xattrs: new Map([["trusted.x", new Uint8Array([0, 255, 10])]]) };

/** A directory with a record in it; gone at the end of the block. */
class Room implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "kiln-record-", ...memoryDirectory() });
  readonly location = makeSideRecord(this.path);
  readonly record = new SideRecord(this.location);

  place(name: string): Place {
    return { directory: AT_FDCWD, name: `${this.path}/${name}` };
  }

  make(name: string, kind: "file" | "directory" | "symlink" | "pipe"): Place {
    const { name: path } = this.place(name);
    if (kind === "file") Deno.writeTextFileSync(path, "");
    else if (kind === "directory") Deno.mkdirSync(path);
    else if (kind === "symlink") makeSymlink("nowhere", AT_FDCWD, path);
    else makeNode(AT_FDCWD, path, { mode: S.IFIFO | 0o644, major: 0, minor: 0 });
    return this.place(name);
  }

  keep(place: Place, recorded: Recorded): void {
    this.record.keep(place, statOf(place), recorded);
  }

  find(place: Place, record = this.record): Recorded | undefined {
    return record.find(place, statOf(place));
  }

  [Symbol.dispose](): void {
    this.record[Symbol.dispose]();
    Deno.removeSync(this.path, { recursive: true });
  }
}

function statOf({ directory, name }: Place): Stat {
  return statAt(directory, name);
}

for (const kind of ["file", "directory", "symlink", "pipe"] as const) {
  Deno.test(`the side record of a ${kind}, is found again, by other names too, until it is forgotten`, () => {
    using room = new Room();
    assert.ok(room.record.isEmpty);
    const place = room.make("a", kind);
    room.keep(place, OWNER);
    assert.deepEqual(room.find(place), OWNER);
    room.keep(place, DEVICE);
    assert.deepEqual(room.find(place), DEVICE);
    using other = new SideRecord(room.location);
    assert.deepEqual(room.find(place, other), DEVICE);

    const moved = room.place("b");
    renameAt(place, moved);
    assert.deepEqual(room.find(moved), DEVICE);
    if (kind !== "directory") {
      makeLink(moved, room.place("c"));
      assert.deepEqual(room.find(room.place("c")), DEVICE);
    }
    assert.equal(room.find(room.make("a", kind)), undefined);

    room.record.forget(moved, statOf(moved));
    assert.equal(room.find(moved), undefined);
    assert.deepEqual(room.find(moved, other), undefined);
  });
}

Deno.test("the side record, keeps values of any kind and length apart", () => {
  using room = new Room();
  const large: Recorded = { xattrs: new Map([["trusted.large", new Uint8Array(65_536).fill(7)]]) };
  const values = [OWNER, XATTRS, large, DEVICE, XATTRS];
  const places = values.map((value, at) => {
    const place = room.make(`f${at}`, at % 2 === 0 ? "file" : "symlink");
    room.keep(place, value);
    return place;
  });
  assert.deepEqual(places.map((place) => room.find(place)), values);
});

Deno.test("the side record, is only used through inodes where attributes cannot be had", () => {
  using room = new Room();
  room.keep(room.make("f", "file"), OWNER);
  assert.ok(!hasInodeRows(room.location));
  room.keep(room.make("l", "symlink"), OWNER);
  assert.ok(hasInodeRows(room.location));
});

Deno.test("the side record, does not take a new file for the one that had its inode number", () => {
  using room = new Room();
  const old = room.make("old", "symlink");
  const { inoLow, inoHigh } = statOf(old);
  room.keep(old, OWNER);
  unlinkAt(old.directory, old.name);
  const young = room.make("young", "symlink");
  assert.equal(room.record.find(young, { ...statOf(young), inoLow, inoHigh }), undefined);
});

Deno.test("the side record, tells inodes apart that share a slot", () => {
  using room = new Room();
  const [one, other] = [room.make("one", "pipe"), room.make("other", "pipe")];
  const inSlotOf = (place: Place): Stat => ({ ...statOf(place), inoLow: (statOf(one).inoLow ^ (1 << 30)) >>> 0 });
  room.record.keep(one, statOf(one), OWNER);
  room.record.keep(other, inSlotOf(other), DEVICE);
  assert.deepEqual(room.find(one), OWNER);
  assert.deepEqual(room.record.find(other, inSlotOf(other)), DEVICE);
});

Deno.test("the side record, is not misled by what a command writes into the attribute", () => {
  using room = new Room();
  const mine = room.make("mine", "file");
  room.keep(mine, XATTRS);
  const { attribute } = room.record;
  const genuine = readXattr(mine.directory, mine.name, attribute) ?? new Uint8Array(0);
  const forged = room.make("forged", "file");
  const [place = 0n, nonce = 0n] = new BigUint64Array(genuine.buffer);
  const attempts = [
    [place, nonce + 1n],
    [place + 8n, nonce],
    [place + 24n, nonce],
    [0n, 0n],
    [1n << 63n, nonce],
    [0xffff_ffff_ffff_ffffn, nonce],
  ];
  for (const words of attempts) {
    const value = new Uint8Array(new BigUint64Array(words).buffer);
    setXattr(forged.directory, forged.name, { key: attribute, value });
    assert.equal(room.find(forged), undefined, String(words));
  }
  for (const length of [0, 15, 17, 1000]) {
    setXattr(forged.directory, forged.name, { key: attribute, value: new Uint8Array(length) });
    assert.equal(room.find(forged), undefined, `${length} bytes`);
  }
});

Deno.test("metadata, an attribute that has the record's name by chance is kept like any other", () => {
  using room = new Room();
  using metadata = new Metadata(room.location);
  const place = room.make("f", "file");
  const value = new Uint8Array([1, 2, 3]);
  const key = room.record.attribute;
  metadata.apply(place, { mode: S.IFREG | 0o644, owner: { uid: 0, gid: 0 }, xattrs: new Map([[key, value]]) });
  assert.deepEqual([...metadata.xattrsAt(place.directory, place.name)], [[key, value]]);
  assert.notDeepEqual(readXattr(place.directory, place.name, key), value);
});

Deno.test("metadata, what a command changed counts, not what was recorded before", () => {
  using room = new Room();
  const place = room.make("f", "file");
  changeMode(place.directory, place.name, 0o600);
  const { uid, gid } = statOf(place);
  room.keep(place, {
    owner: { meant: { uid: 70_000, gid: 70_001 }, onDisk: { uid, gid } },
    mode: { meant: 0o4711, onDisk: 0o600 },
  });
  const seen = (): readonly number[] => {
    using again = new Metadata(room.location);
    const stat = again.statAt(place.directory, place.name);
    return [stat.mode & 0o7777, stat.uid, stat.gid];
  };
  assert.deepEqual(seen(), [0o4711, 70_000, 70_001]);
  changeMode(place.directory, place.name, 0o640);
  assert.deepEqual(seen(), [0o640, 70_000, 70_001]);
  Deno.chownSync(place.name, uid, gid + 1);
  assert.deepEqual(seen(), [0o640, uid, gid + 1]);
});
