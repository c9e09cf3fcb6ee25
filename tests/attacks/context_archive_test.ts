/**
 * Hostile archives as build context (pains-and-security.md S01 to S17, S21 to S24, S26, S31, S42): nothing outside the work
 * directory is written, read or changed, and an archive that cannot be unpacked honestly ends the build.
 *
 * Disabling the guard each case leans on makes it fail: RESOLVE_IN_ROOT in `sys/resolve.ts` (links), the `..` check of
 * `cleanName` (names), `readFileIn` in `cli/read_dockerfile.ts` and `contexts/directory.ts` (Dockerfile and ignore file).
 *
 * @module
 */
import assert from "node:assert/strict";
import { join as joinPath } from "node:path/posix";
import { gzipSync } from "node:zlib";
import { assertContextFails, buildFrom, COPY_ALL, imageFiles } from "../support/context_build.ts";
import { startArchiveServer } from "../support/archive_server.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { archive, entry, type ForgedHeader, paxRecord } from "../support/tar_forge.ts";

/** An archive; `{OUT}` in names and link targets stands for the directory that must stay as it is. */
interface Attack {
  readonly shows: string;
  readonly entries: readonly (readonly [header: ForgedHeader, body?: string])[];
  /** What the build must end with: the text of the error, or the files of the image. */
  readonly error?: RegExp;
  readonly code?: number;
  readonly files?: readonly string[];
}

const D = (name: string): readonly [ForgedHeader] => [{ name, typeFlag: "5", mode: 0o755 }];
const F = (name: string, body = "planted"): readonly [ForgedHeader, string] => [{ name }, body];
const L = (name: string, linkName: string): readonly [ForgedHeader] => [{ name, typeFlag: "2", linkName }];
const H = (name: string, linkName: string): readonly [ForgedHeader] => [{ name, typeFlag: "1", linkName }];
const DOCKERFILE = F("Dockerfile", COPY_ALL);

/** An extended header for the entry that follows. */
const X = (...records: readonly (readonly [key: string, value: string])[]): readonly [ForgedHeader, string] => [
  { name: "./PaxHeaders/x", typeFlag: "x" },
  records.map((record) => paxRecord(...record)).join(""),
];

const ATTACKS: readonly Attack[] = [
  ...["../x", "/../x", "a/../../x", "..", "./../x", "../../../../../../tmp/x"].map((name) => ({
    shows: `S01: a name with dots, ${name}`,
    entries: [DOCKERFILE, F(name)],
    error: /its name has a "\.\." component/,
  })),
  {
    shows: "S02: a hard link to a sibling whose name begins like the context's",
    entries: [DOCKERFILE, H("x", "../context-evil/secret")],
    error: /Cannot use the archive/,
  },
  {
    shows: "S03: a file through a planted absolute symlink, which stays inside",
    entries: [DOCKERFILE, L("a", "{OUT}"), F("a/x")],
  },
  {
    shows: "S03: a directory and a file through a planted relative symlink, which stays inside",
    entries: [DOCKERFILE, L("a", "../../../../out"), D("a/d"), F("a/d/x")],
  },
  {
    shows: "S03: a file over a symlink, which is replaced and not followed",
    entries: [DOCKERFILE, L("victim", "{OUT}/victim"), F("victim", "mine")],
    files: ["/Dockerfile", "/victim"],
  },
  {
    shows: "S04: a chain of symlinks, which stays inside",
    entries: [DOCKERFILE, D("inner"), L("inner/up", ".."), L("inner/up/esc", "../out"), F("inner/up/esc/x")],
  },
  {
    shows: "S04: a loop of symlinks",
    entries: [DOCKERFILE, L("a", "b"), L("b", "a"), F("a/x")],
    error: /Cannot use the archive/,
  },
  {
    shows: "S06: a hard link to a file outside",
    entries: [DOCKERFILE, H("x", "../../../../out/victim")],
    error: /Cannot use the archive/,
  },
  {
    shows: "S06: a hard link to an absolute path outside",
    entries: [DOCKERFILE, H("x", "{OUT}/victim")],
    error: /its hard link target ".*victim" does not exist/,
  },
  {
    shows: "S07: a hard link through a symlink",
    entries: [DOCKERFILE, L("s", "{OUT}"), H("x", "s/victim")],
    error: /does not exist/,
  },
  {
    shows: "S08: a hard link to a symlink, whose mode is then changed",
    entries: [DOCKERFILE, L("s", "{OUT}/victim"), H("dup", "s"), [{ name: "dup", mode: 0o777 }, "mine"]],
    files: ["/Dockerfile", "/dup", "/s"],
  },
  {
    shows: "S09: mode, owner and time of a symlink, which change nothing behind it",
    entries: [DOCKERFILE, [{ name: "s", typeFlag: "2", linkName: "{OUT}/victim", mode: 0o4777, uid: 7, mtime: 9 }]],
    files: ["/Dockerfile", "/s"],
  },
  {
    shows: "S10: a symlink in the place of the root",
    entries: [DOCKERFILE, L(".", "{OUT}")],
    error: /Cannot use the archive/,
  },
  { shows: "S10: a file in the place of the root", entries: [DOCKERFILE, F("./")], error: /Cannot use the archive/ },
  {
    shows: "S11: an absolute name, which is one below the root",
    entries: [DOCKERFILE, F("{OUT}/victim")],
  },
  {
    shows: "S11: a name of 300 bytes in one component",
    entries: [DOCKERFILE, F(`d/${"n".repeat(90)}`), [{
      name: "n".repeat(100),
      prefix: "",
      patch: (block) => block.fill(0x6e, 0, 100),
    }]],
  },
  {
    shows: "S12: names that are not UTF-8 and differ in one byte",
    entries: [DOCKERFILE, F("caf\xe9"), F("caf\xe8")],
    files: ["/Dockerfile", "/caf\xe8", "/caf\xe9"],
  },
  {
    shows: "S13: a directory over a symlink that leads out",
    entries: [DOCKERFILE, L("d", "{OUT}"), D("d"), F("d/x")],
    files: ["/Dockerfile", "/d/", "/d/x"],
  },
  {
    shows: "S14: one name many times, also as a hard link and a symlink",
    entries: [DOCKERFILE, F("a"), H("b", "a"), L("a", "{OUT}/victim"), F("a", "last"), D("d"), F("d", "x")],
    files: ["/Dockerfile", "/a", "/b", "/d"],
  },
  {
    shows: "S15: a device number that Linux does not have",
    entries: [DOCKERFILE, [{ name: "d", typeFlag: "3", devMajor: 4096, devMinor: 5 }]],
    error: /Cannot use the archive/,
  },
  {
    shows: "S15: a device that looks like a whiteout of overlayfs",
    entries: [DOCKERFILE, F("a"), [{ name: "gone", typeFlag: "3", devMajor: 0, devMinor: 0 }]],
    error: /^Cannot copy "\/gone": a device 0:0 stands for a deleted file/,
    code: 65,
  },
  {
    shows: "S17: a whiteout through a symlink",
    entries: [DOCKERFILE, L("l", "{OUT}"), F("l/.wh.victim")],
    error: /^Cannot put ".*\.wh\.victim" into a layer/,
    code: 65,
  },
  {
    shows: "S16: whiteouts, which mean nothing in an archive that is no layer",
    entries: [DOCKERFILE, F("a"), F(".wh.a")],
    error: /^Cannot put ".wh.a" into a layer/,
    code: 65,
  },
  {
    shows: "S21: setuid together with an owner, who is root in a context",
    entries: [DOCKERFILE, [{ name: "bin", mode: 0o6755, uid: 1000, gid: 1000 }, "x"]],
    files: ["/Dockerfile", "/bin"],
  },
  {
    shows: "S22: attributes that overlayfs reads",
    entries: [
      DOCKERFILE,
      X(["SCHILY.xattr.trusted.overlay.opaque", "y"], ["SCHILY.xattr.user.overlay.redirect", "{OUT}"]),
      D("d"),
      F("d/x"),
    ],
    files: ["/Dockerfile", "/d/", "/d/x"],
  },
  {
    shows: "S23: a size in an extended header that hides an inner archive",
    entries: [DOCKERFILE, X(["size", "0"]), [{ name: "outer", size: 1024 }, "x".repeat(1024)]],
    error: /Cannot use the archive/,
  },
  {
    shows: "S24: a header that announces more than any archive has",
    entries: [DOCKERFILE, [{ name: "x", typeFlag: "x", size: 8 * 1024 ** 3 - 1 }]],
    error: /Cannot read|cannot read/,
  },
  {
    shows: "S31: a Dockerfile that is a symlink to a file of the host",
    entries: [L("Dockerfile", "{OUT}/victim")],
    error: /Cannot find the Dockerfile/,
    code: 65,
  },
  {
    shows: "S31: a Dockerfile that is a symlink to a device",
    entries: [L("Dockerfile", "zero"), [{ name: "zero", typeFlag: "3", devMajor: 1, devMinor: 5 }]],
    error: /it is not a regular file/,
    code: 65,
  },
  {
    shows: "S42: a Dockerfile that is a FIFO",
    entries: [[{ name: "Dockerfile", typeFlag: "6" }]],
    error: /it is not a regular file/,
    code: 65,
  },
  {
    shows: "S42: an ignore file that is a symlink to a file of the host",
    entries: [DOCKERFILE, L(".dockerignore", "{OUT}/ignore"), F("a")],
    files: ["/.dockerignore", "/Dockerfile", "/a"],
  },
  {
    shows: "S42: an ignore file of the Dockerfile that is a symlink to a file of the host",
    entries: [DOCKERFILE, L("Dockerfile.dockerignore", "{OUT}/ignore"), F("a")],
    files: ["/Dockerfile", "/Dockerfile.dockerignore", "/a"],
  },
];

/** A site with a directory outside every root, and what it looks like. */
async function withCanary(body: (site: Site, out: string) => Promise<void>): Promise<void> {
  await using site = await startSite();
  const out = joinPath(site.path, "out");
  await Deno.mkdir(out);
  await Deno.writeTextFile(joinPath(out, "victim"), "FROM scratch\nLABEL stolen=yes\n", { mode: 0o600 });
  await Deno.writeTextFile(joinPath(out, "ignore"), "a\n");
  await Deno.utime(joinPath(out, "victim"), 1, 1);
  const before = describe(out);
  await body(site, out);
  assert.deepEqual(describe(out), before, "something outside was changed");
}

function describe(out: string): readonly unknown[] {
  return [...Deno.readDirSync(out)].sort((a, b) => a.name < b.name ? -1 : 1).map(({ name }) => {
    const { mode, uid, nlink, size, mtime } = Deno.lstatSync(joinPath(out, name));
    return { name, mode, uid, nlink, size, mtime, text: Deno.readTextFileSync(joinPath(out, name)) };
  });
}

function forge({ entries }: Attack, out: string): Uint8Array<ArrayBuffer> {
  const fill = (text: string): string => text.replaceAll("{OUT}", out);
  return archive(...entries.map(([header, body]) =>
    entry({
      ...header,
      ...(header.name === undefined ? {} : { name: fill(header.name) }),
      ...(header.linkName === undefined ? {} : { linkName: fill(header.linkName) }),
    }, body)
  ));
}

for (const attack of ATTACKS) {
  Deno.test(`a context archive, ${attack.shows}`, () =>
    withCanary(async (site, out) => {
      const stdin = forge(attack, out);
      if (attack.error !== undefined) {
        await assertContextFails(site, "tar://stdin", { stdin, code: attack.code ?? 78, error: attack.error });
        return;
      }
      // So that ignore files are read.
      const { code, stderr } = await buildFrom(site, "tar://stdin", { stdin, args: ["--context-dockerignore"] });
      assert.equal(code, 0, stderr);
      await site.assertNothingLeft();
      if (attack.files !== undefined) assert.deepEqual(await imageFiles(site), attack.files);
    }));
}

Deno.test("a context archive, S42: half of one leaves nothing that another try could follow", () =>
  withCanary(async (site, out) => {
    const good = archive(entry(...F("Dockerfile", COPY_ALL)));
    const bad = new Uint8Array(
      gzipSync(archive(entry({ name: "Dockerfile", typeFlag: "2", linkName: `${out}/victim` }), entry(...F("x")))),
    );
    await using server = await startArchiveServer(bad.subarray(0, bad.length - 9));
    await assertContextFails(site, server.url, { code: 78, error: /truncated/ });
    server.served.bytes = good;
    const { code, stderr } = await buildFrom(site, server.url);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await imageFiles(site), ["/Dockerfile"]);
  }));

Deno.test("a context archive, S11: a name with control characters does not reach the terminal as such", () =>
  withCanary(async (site) => {
    const stdin = archive(entry(...F("Dockerfile", COPY_ALL)), entry(...H("x", "\x1b[31mred\nINFO fake")));
    const { stderr } = await assertContextFails(site, "tar://stdin", { stdin, code: 78, error: /does not exist/ });
    assert.ok(!stderr.includes("\x1b"), stderr);
    assert.doesNotMatch(stderr, /^INFO fake/m);
  }));

Deno.test("an archive that ADD unpacks, S26: is stopped where the flag says, and copied if it is only zeros", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nADD b.tar.gz /\n" });
  const megabytes = new Uint8Array(4 * 1024 ** 2);
  await site.write({ "b.tar.gz": new Uint8Array(gzipSync(archive(entry({ name: "x" }, megabytes)))) });
  const args = ["--expanded-size-limit=1m"];
  await assertContextFails(site, site.context, { args, code: 78, error: /it expands to more than 1048576 bytes/ });
  await site.write({ "b.tar.gz": new Uint8Array(gzipSync(megabytes)) });
  const { code, stderr } = await buildFrom(site, site.context, { args });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await imageFiles(site), ["/b.tar.gz"]);
});
