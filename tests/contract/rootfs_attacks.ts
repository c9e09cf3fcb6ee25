/**
 * Attacks by archives, part of the contract of every backend: forged layers, and the same archives given to ADD, must
 * not read, write, link or change anything outside the tree they are for.
 *
 * Beside every tree lies a canary (`{OUT}` in names and targets, `{UP}` for the way to it by `..`): its content, owner,
 * mode, times, attributes and link counts must be as before. Names begin with the case of the catalogue of attacks.
 * Every guard was disabled once to see its tests fail; `guard` says which one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { lstatSync } from "node:fs";
import { assertListing } from "../support/disk.ts";
import type { Listing } from "../support/environment/listing.ts";
import { type DefineTest, failureOf, type Lab, withoutRoot } from "../support/rootfs_lab.ts";
import { archive, entry, type ForgedHeader, gnuLong, join, pax } from "../support/tar_forge.ts";
import { character, dir, file } from "../support/tree.ts";

/** Parts of one archive. */
type Parts = readonly Uint8Array[];

/** One attack. */
interface Attack {
  readonly name: string;
  /** The file, and what in it, that stops the attack. */
  readonly guard: string;
  /** Archives, lowest first, made for the place of the canary. */
  readonly layers: (canary: Canary) => readonly Parts[];
  /** What the error says, or the paths that must be in the tree then; absent: either, as long as nothing leaves. */
  readonly refused?: RegExp;
  readonly paths?: readonly string[];
  /** ADD has no layers below and no whiteouts: nothing to try there. */
  readonly add?: "not";
}

/** The canary's directory: its absolute path, and a relative one from any tree on the disk. */
interface Canary {
  readonly out: string;
  readonly up: string;
}

const DOT_DOT = /its name has a "\.\." component/;
const NAMES = "lib/tree/extract.ts, cleanName";
const IN_ROOT = "lib/sys/resolve.ts, RESOLVE_IN_ROOT";
const INSTEAD = "lib/tree/extract.ts, #makeInstead and O_EXCL|O_NOFOLLOW";

const ATTACKS: readonly Attack[] = [
  ...["../x", "/../x", "a/../../x", "..", "./../x", "a/.."].map((name): Attack => ({
    name: `S01 the name "${name}"`,
    guard: NAMES,
    layers: () => [[f(name)]],
    refused: DOT_DOT,
  })),
  {
    name: "S01 a way out by .. to a file that is there",
    guard: NAMES,
    layers: ({ up }) => [[f(`${up}/secret`)]],
    refused: DOT_DOT,
  },
  {
    name: "S01 .. in a PAX path",
    guard: NAMES,
    layers: ({ up }) => [[pax([["path", `${up}/secret`]]), entry({ name: "harmless" }, "evil")]],
    refused: DOT_DOT,
  },
  {
    name: "S01 .. in a GNU long name",
    guard: NAMES,
    layers: ({ up }) => [[gnuLong("L", `${up}/secret`), entry({ name: "harmless" }, "evil")]],
    refused: DOT_DOT,
  },
  {
    name: "S02 a sibling whose name begins like the tree's",
    guard: NAMES,
    layers: () => [[h("grab", "../tree-evil/secret"), f("../tree-evil/x")]],
    refused: /"\.\." component/,
  },
  {
    name: "S03 writing through an absolute symlink",
    guard: IN_ROOT,
    layers: ({ out }) => [[l("a", out), f("a/secret")]],
  },
  {
    name: "S03 making a directory through a relative symlink",
    guard: IN_ROOT,
    layers: ({ up }) => [[l("a", up), d("a/d/"), f("a/d/x")]],
  },
  {
    name: "S03 a link in one layer, the write in the next",
    guard: IN_ROOT,
    layers: ({ out }) => [[l("a", out)], [f("a/secret"), d("a/new/"), f("a/new/x")]],
    add: "not",
  },
  {
    name: "S03 a link two layers below",
    guard: IN_ROOT,
    layers: ({ out }) => [[l("a", out)], [f("unrelated")], [f("a/secret")]],
    add: "not",
  },
  {
    name: "S03 a file over a symlink replaces the link",
    guard: INSTEAD,
    layers: ({ out }) => [[l("a", `${out}/secret`), f("a")]],
    paths: ["/a"],
  },
  {
    name: "S03 a file over a symlink of the layer below replaces the link",
    guard: INSTEAD,
    layers: ({ out }) => [[l("a", `${out}/secret`)], [f("a")]],
    paths: ["/a"],
    add: "not",
  },
  {
    name: "S04 a chain of links, each harmless",
    guard: IN_ROOT,
    layers: ({ up }) => [[d("inner/"), l("inner/up", ".."), l("inner/up/esc", up), f("inner/up/esc/secret")]],
  },
  {
    name: "S04 a way up before an absolute link",
    guard: IN_ROOT,
    layers: ({ out }) => [[l("escape", ".."), l("absolute", out), f("escape/absolute/secret")]],
  },
  {
    name: "S04 links in a circle",
    guard: "the kernel, ELOOP",
    layers: () => [[l("a", "b"), l("b", "a"), f("a/x")]],
    refused: /too many levels of symbolic links/,
  },
  {
    name: "S04 a link to itself",
    guard: "the kernel, ELOOP",
    layers: () => [[l("a", "a/a"), f("a/x")]],
    refused: /too many levels of symbolic links/,
  },
  {
    name: "S04 links to places that do not exist, growing",
    guard: "the kernel, ELOOP",
    layers: () => [[l("a", "b/x"), l("b", "a/x"), f("a/x")]],
    refused: /too many levels of symbolic links/,
  },
  {
    name: "S06 a hard link by .. to a file outside",
    guard: NAMES,
    layers: ({ up }) => [[h("x", `${up}/secret`)]],
    refused: /"\.\." component/,
  },
  {
    name: "S06 a hard link by an absolute path stays inside",
    guard: `${IN_ROOT}; lib/tree/extract.ts, cleanName of the target`,
    layers: ({ out }) => [[h("x", `${out}/secret`)]],
    refused: /hard link target ".*\/secret" does not exist/,
  },
  {
    name: "S06 a hard link by an absolute path to a file inside",
    guard: "none: old layers have such links",
    layers: () => [[f("etc/shadow"), h("x", "/etc/shadow")]],
    paths: ["/etc", "/etc/shadow", "/x"],
  },
  {
    name: "S06 a hard link to a directory",
    guard: "lib/tree/extract.ts, isDirectory in #hardLink",
    layers: () => [[d("d/"), h("x", "d"), f("x/f")]],
    refused: /hard link to a directory/,
  },
  {
    name: "S06 a hard link to a directory of the layer below",
    guard: "lib/tree/settle_layer.ts, isDirectory in linkBelow; lib/tree/extract.ts",
    layers: () => [[d("d/")], [h("x", "d")]],
    refused: /hard link/,
    add: "not",
  },
  {
    name: "S06 a hard link to the root",
    guard: "lib/tree/extract.ts, #hardLink",
    layers: () => [[h("x", "/")]],
    refused: /hard link to the root directory/,
  },
  {
    name: "S07 a hard link through symlinks",
    guard: IN_ROOT,
    layers: ({ up }) => [[
      d("a/b/c/"),
      l("a/b/c/up", "../.."),
      l("a/b/escape", `c/up/../${up}`),
      h("exfil", "a/b/escape/secret"),
    ]],
  },
  {
    name: "S07 a hard link through a symlink of the layer below",
    guard: "lib/tree/layer_directory.ts, O_NOFOLLOW; lib/sys/resolve.ts, RESOLVE_IN_ROOT",
    layers: ({ out }) => [[l("a", out)], [h("exfil", "a/secret")]],
    add: "not",
  },
  {
    name: "S07 a hard link to a file below, made through a symlink",
    guard: "lib/tree/settle_layer.ts, openInRoot in inParent",
    layers: ({ out }) => [[f("target")], [l("a", out), h("a/d/new", "target")]],
    add: "not",
  },
  {
    name: "S07 a hard link to a file below that has a second name, made through a symlink",
    guard: "lib/tree/settle_layer.ts, openInRoot in inParent",
    layers: ({ out }) => [[f("target"), h("other", "target")], [l("a", out), h("a/d/new", "target")]],
    add: "not",
  },
  {
    name: "S08 a hard link to a symlink, then an entry that changes it",
    guard: INSTEAD,
    layers: ({ out }) => [[l("pw", `${out}/secret`), h("dup", "pw"), f("dup", { mode: 0o777, uid: 1000 })]],
    paths: ["/dup", "/pw"],
  },
  {
    name: "S08 a hard link before its target",
    guard: "none: there is nothing to link yet",
    layers: () => [[h("dup", "late"), f("late")]],
    refused: /hard link target "late" does not exist/,
  },
  {
    name: "S09 owner, mode, time and attributes of a symlink",
    guard:
      "lib/sys/file.ts, AT_SYMLINK_NOFOLLOW of changeOwner and setTime; lib/tree/extract.ts, no changeMode of links",
    layers: ({ out }) => [[
      pax([["SCHILY.xattr.trusted.evil", "1"], ["mtime", "5.5"]]),
      l("s", `${out}/secret`, { mode: 0o4777, uid: 1000, gid: 1000 }),
      l("p", out, { mode: 0o4777, uid: 1000 }),
      h("k", "p"),
    ]],
    paths: ["/k", "/p", "/s"],
  },
  ...(["2", "0", "1", "3"] as const).map((typeFlag): Attack => ({
    name: `S10 the root as an entry of type ${typeFlag}`,
    guard: "lib/tree/extract.ts, #rootEntry",
    layers: ({ out }) => [[entry({ name: ".", typeFlag, linkName: typeFlag === "0" ? "" : out })]],
    refused: /its root is a|hard link/,
  })),
  {
    name: "S10 whiteouts of the root and of nothing",
    guard: "lib/tree/extract.ts, #whiteout",
    layers: () => [[f("keep")], [f(".wh..")]],
    refused: /whiteout of nothing/,
    add: "not",
  },
  ...[".wh.", ".wh...", "etc/.wh..", "etc/.wh...", "etc/.wh."].map((name): Attack => ({
    name: `S16 the illegal whiteout "${name}"`,
    guard: "lib/tree/extract.ts, #whiteout",
    layers: () => [[f("etc/keep")], [f(name)]],
    refused: /whiteout of nothing/,
    add: "not",
  })),
  {
    name: "S11 names with slashes, dots, control characters and backslashes",
    guard: "none: they are defined names",
    layers: () => [[f("./a//b"), f("nl\nin"), f("esc\x1b[31m"), f("back\\slash"), f("C:\\x"), d("./"), d("//")]],
    paths: ["/C:\\x", "/a", "/a/b", "/back\\slash", "/esc\x1b[31m", "/nl\nin"],
  },
  {
    name: "S11 a component of 256 bytes, shown escaped",
    guard: "the kernel",
    layers: () => [[pax([["path", `${"\x1b".repeat(256)}`]]), entry({ name: "x" })]],
    refused: /the name is too long/,
  },
  {
    name: "S11 a path of 5,000 bytes",
    guard: "refuseLong in lib/tree/extract.ts",
    layers: () => [[pax([["path", `${"d/".repeat(2500)}f`]]), entry({ name: "x" })]],
    refused: /the name is too long/,
  },
  {
    name: "S12 names that differ by a byte that is not UTF-8",
    guard: "names are bytes everywhere",
    layers: () => [[f("caf\xe9"), f("caf\xea"), f("caf\xc3\xa9"), f("cafe\xcc\x81")]],
    paths: ["/cafe\xcc\x81", "/caf\xc3\xa9", "/caf\xe9", "/caf\xea"],
  },
  {
    name: "S13 a directory, then a symlink in its place, then entries below it",
    guard: `${IN_ROOT}; lib/tree/extract.ts, retire in #remove`,
    layers: ({ out }) => [[d("foo/"), f("foo/tmp/b"), l("foo", out), f("foo/secret"), f("foo/tmp/b")]],
  },
  {
    name: "S13 a directory, a symlink to the root in its place, and a directory again",
    guard: "lib/tree/extract.ts, retire in #remove: what was open is another directory now",
    layers: () => [[
      d("foo/"),
      f("foo/tmp/b"),
      l("foo", "/"),
      f("foo/tmp/c"),
      d("foo/"),
      d("foo/tmp/"),
      f("foo/tmp/e"),
    ]],
    paths: ["/foo", "/foo/tmp", "/foo/tmp/e", "/tmp", "/tmp/c"],
  },
  {
    name: "S13 a symlink, then a directory in its place",
    guard: "lib/tree/extract.ts, #directory replaces what is no directory",
    layers: ({ out }) => [[l("localetc", out)], [d("localetc/", { mode: 0o777, uid: 9 }), f("localetc/secret")]],
    paths: ["/localetc", "/localetc/secret"],
    add: "not",
  },
  {
    name: "S14 a hard link, then the first name again: the other keeps its content",
    guard: INSTEAD,
    layers: () => [[entry({ name: "a" }, "old"), h("b", "a"), entry({ name: "a" }, "new!!")]],
    paths: ["/a", "/b"],
  },
  {
    name: "S14 one name 500 times",
    guard: INSTEAD,
    layers: ({ out }) => [
      Array.from({ length: 500 }, (_, at) => at % 2 === 0 ? l("a", `${out}/secret`) : f("a")),
    ],
    paths: ["/a"],
  },
  {
    name: "S17 a whiteout through a symlink to where there is nothing to hide",
    guard: "lib/tree/settle_layer.ts, openInRoot in inParent",
    layers: ({ out }) => [[f("x")], [l("a", out), f("a/d/.wh.whiteout"), f("a/d/.wh.x")]],
    add: "not",
  },
  {
    name: "S17 a whiteout through a symlink",
    guard: IN_ROOT,
    layers: ({ out }) => [[l("l", out)], [f("l/.wh.secret")]],
    add: "not",
  },
  {
    name: "S17 an opaque marker through a symlink",
    guard: IN_ROOT,
    layers: ({ out }) => [[l("l", out)], [f("l/.wh..wh..opq")]],
    add: "not",
  },
  {
    name: "S17 a whiteout of a symlink deletes the link alone",
    guard: "lib/tree/remove.ts, unlinkat first",
    layers: ({ out }) => [[l("l", out), f("kept")], [f(".wh.l")]],
    paths: ["/kept"],
    add: "not",
  },
  {
    name: "S17 a whiteout below a dead symlink, and one by ..",
    guard: NAMES,
    layers: () => [[l("dead", "nowhere"), f("etc")], [f("dne/../.wh.etc")]],
    refused: DOT_DOT,
    add: "not",
  },
  {
    name: "S18 markers of aufs",
    guard: "none: they mean nothing",
    layers: () => [[f("a")], [f(".wh..wh.plnk"), f(".wh..wh.aufs"), f(".wh..wh.orph")]],
    paths: ["/a"],
    add: "not",
  },
  {
    name: "S21 setuid, owner and capabilities together",
    guard: "lib/tree/extract.ts, chown before chmod before setxattr",
    layers: () => [[
      pax([["SCHILY.xattr.security.capability", CAPABILITY]]),
      entry({ name: "bin", mode: 0o6755, uid: 1000 }, "x"),
    ]],
    paths: ["/bin"],
  },
  {
    name: "S22 an overlay's attributes: a redirect to elsewhere",
    guard: "lib/tree/extract.ts, isOverlayXattr",
    layers: ({ out }) => [[f("d/kept"), d("e/")], [
      pax([
        ["SCHILY.xattr.trusted.overlay.redirect", out],
        ["SCHILY.xattr.user.overlay.redirect", out],
        ["SCHILY.xattr.trusted.overlay.metacopy", ""],
        ["SCHILY.xattr.trusted.overlay.origin", "x"],
      ]),
      d("e/"),
      f("e/f"),
    ]],
    paths: ["/d", "/d/kept", "/e", "/e/f"],
    add: "not",
  },
];

/** CAP_NET_RAW, permitted and effective. */
const CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/** Registers the tests. */
export function testAttacks(test: DefineTest): void {
  for (const attack of ATTACKS) {
    test(`by a layer: ${attack.name}`, async (lab) => {
      await checkAttack(lab, attack, async (tars) => await lab.view(await lab.unpackTars(...tars)));
    });
    if (attack.add === "not") continue;
    test(`by ADD: ${attack.name}`, async (lab) => {
      await checkAttack(lab, attack, async ([tar]) => {
        const context = await lab.workshop.disk.write();
        Deno.writeFileSync(`${context}/evil.tar`, tar ?? new Uint8Array());
        await using rootfs = await lab.open({});
        const from = { root: context, kind: "context", description: "the build context" } as const;
        await lab.copy(rootfs, { from, sources: ["evil.tar"], destination: "/", unpack: true });
        return await lab.read(rootfs.path);
      });
    });
  }

  test("by a layer: S21 all of setuid, owner and capabilities are there", async (lab) => {
    const tar = archive(
      pax([["SCHILY.xattr.security.capability", CAPABILITY]]),
      entry({ name: "bin", mode: 0o6755, uid: 1000 }, "x"),
    );
    const found = (await lab.view(await lab.unpackTars(tar))).get("/bin");
    assert.deepEqual([found?.mode, found?.uid, Object.keys(found?.xattrs ?? {})], ["6755", 1000, [
      "security.capability",
    ]]);
  });

  test("by a layer: S14 the other name of an overwritten file keeps its content", async (lab) => {
    const tar = archive(entry({ name: "a" }, "old"), h("b", "a"), entry({ name: "a" }, "new!!"));
    const found = await lab.view(await lab.unpackTars(tar));
    assert.deepEqual([found.get("/a")?.size, found.get("/b")?.size], [5, 3]);
  });
}

async function checkAttack(
  lab: Lab,
  { layers, refused, paths }: Attack,
  unpack: (tars: readonly Uint8Array<ArrayBuffer>[]) => Promise<Listing>,
): Promise<void> {
  const { disk } = lab.workshop;
  const out = await disk.write({
    secret: file("secret", { mode: 0o600, uid: 5 }),
    d: dir({ mode: 0o700 }),
    // What an overlay's layer has for a deleted file.
    "d/whiteout": character(0, 0),
  });
  const changedAt = (): readonly bigint[] =>
    ["", "/secret", "/d", "/d/whiteout"].map((name) => lstatSync(out + name, { bigint: true }).ctimeNs);
  const untouched = changedAt();
  // Enough steps up from wherever the tree is; ".." of "/" is "/".
  const canary = { out, up: `${"../".repeat(20)}${out.slice(1)}` };
  const before = await disk.read(out);
  const tars = layers(canary).map((parts) => archive(...parts));
  if (refused === undefined) {
    const found: Listing = await unpack(tars).catch((error: unknown) => {
      if (paths !== undefined) throw error;
      return new Map();
    });
    if (paths !== undefined) assert.deepEqual([...withoutRoot(found).keys()].sort(), [...paths]);
    for (const [path, { sha256 }] of found) assert.notEqual(sha256, before.get("/secret")?.sha256, `${path} leaks`);
  } else {
    const failure = await failureOf(unpack(tars));
    assert.match(failure.message, refused);
    assert.notEqual(failure.kind, "internal");
    assert.ok(!failure.message.includes("\x1b"), "names are shown escaped");
  }
  assertListing(await disk.read(out), before);
  assert.deepEqual(changedAt(), untouched, "something of the canary was set, if only to what it was");
  assert.equal(Deno.lstatSync(`${out}/secret`).nlink, 1);
}

function f(name: string, fields: ForgedHeader = {}): Uint8Array {
  if (name.length > 100) return join(pax([["path", name]]), entry({ ...fields }, "evil"));
  return entry({ name, ...fields }, name.includes(".wh.") ? "" : "evil");
}

function d(name: string, fields: ForgedHeader = {}): Uint8Array {
  return entry({ name, typeFlag: "5", mode: 0o755, ...fields });
}

function l(name: string, linkName: string, fields: ForgedHeader = {}): Uint8Array {
  if (linkName.length <= 100) return entry({ name, typeFlag: "2", linkName, ...fields });
  return join(pax([["linkpath", linkName]]), entry({ name, typeFlag: "2", ...fields }));
}

function h(name: string, linkName: string): Uint8Array {
  if (linkName.length <= 100) return entry({ name, typeFlag: "1", linkName });
  return join(pax([["linkpath", linkName]]), entry({ name, typeFlag: "1" }));
}
