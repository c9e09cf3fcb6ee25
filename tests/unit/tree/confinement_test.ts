/**
 * Attacks by images and contexts on what works with paths in them: COPY and ADD, WORKDIR, mount targets and sources.
 *
 * Two guards stand behind each other: `realPathIn` (lib/tree/real_path.ts) resolves every path inside its root, and
 * `openInRoot` (RESOLVE_IN_ROOT) opens it there. Both were disabled, alone and together, to see these tests fail.
 *
 * @module
 */
import assert from "node:assert/strict";
import { MountPoints } from "../../../lib/exec/mount_points.ts";
import type { MountSources } from "../../../lib/exec/mounts/prepared.ts";
import { openSource } from "../../../lib/exec/mounts/source.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { withDirectory } from "../../../lib/sys/file.ts";
import { copyInto } from "../../../lib/tree/copy_into.ts";
import type { FileTree } from "../../../lib/tree/file_tree.ts";
import { makeWorkingDirectory } from "../../../lib/tree/make_directories.ts";
import { ON_DISK } from "../../../lib/tree/metadata_access.ts";
import { KilnError } from "../../../lib/errors.ts";

/** A rootfs and a context with links out of them, and a canary beside both. */
class Site implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly root = `${this.path}/root`;
  readonly context: FileTree = {
    root: bytePathOf(`${this.path}/context`),
    kind: "context",
    description: "the build context",
    owner: { uid: 0, gid: 0 },
  };
  readonly #before: string;

  constructor() {
    for (const directory of ["root", "context", "out", "root-evil"]) Deno.mkdirSync(`${this.path}/${directory}`);
    Deno.writeTextFileSync(`${this.path}/out/secret`, "secret");
    Deno.chmodSync(`${this.path}/out/secret`, 0o600);
    Deno.mkdirSync(`${this.path}/out/d`, { mode: 0o700 });
    Deno.writeTextFileSync(`${this.path}/context/f`, "from the context");
    this.#before = this.#listOut();
  }

  link(name: string, target: string): this {
    Deno.symlinkSync(target, `${this.path}/${name}`);
    return this;
  }

  async copy(source: string, destination: string): Promise<void> {
    await copyInto({
      from: this.context,
      sources: [bytePathOf(source)],
      root: bytePathOf(this.root),
      destination: bytePathOf(destination),
    }, ON_DISK);
  }

  workdir(path: string): void {
    const how = { owner: { uid: 1000, gid: 1000 } };
    makeWorkingDirectory({ root: bytePathOf(this.root), path: bytePathOf(path), how }, ON_DISK);
  }

  assertUntouched(): void {
    assert.equal(this.#listOut(), this.#before);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }

  #listOut(): string {
    const names = ["out", "out/secret", "out/d", "root-evil"];
    const found = names.map((name) => {
      const { mode, uid, gid, mtime, nlink, size } = Deno.lstatSync(`${this.path}/${name}`);
      return [name, mode, uid, gid, mtime?.getTime(), nlink, size];
    });
    return JSON.stringify([found, [...Deno.readDirSync(`${this.path}/out`)].length]);
  }
}

// Guard: realPathIn; without it and RESOLVE_IN_ROOT the secret is overwritten.
Deno.test("COPY, S03: the destination is a symlink out of the image", async () => {
  using site = new Site();
  site.link("root/a", `${site.path}/out`).link("root/b", "../../out").link("root/c", `${site.path}/out/secret`);
  await site.copy("f", "/a/secret");
  await site.copy("f", "/b/new/");
  await site.copy("f", "/c");
  await site.copy(".", "/a");
  site.assertUntouched();
  assert.equal(Deno.readTextFileSync(`${site.root}${site.path}/out/secret`), "from the context");
});

Deno.test("COPY, S01: the destination has more .. than there are directories", async () => {
  using site = new Site();
  await site.copy("f", "/../../out/secret");
  await site.copy("f", "/a/../../../out/d/x");
  site.assertUntouched();
  assert.ok(Deno.statSync(`${site.root}/out/secret`).isFile);
});

Deno.test("COPY, S04: the destination's links are a circle", async () => {
  using site = new Site();
  site.link("root/a", "b").link("root/b", "a");
  await assert.rejects(site.copy("f", "/a/x"), isKilnError(/too many levels of symbolic links/));
});

// Guard: realPathIn and RESOLVE_IN_ROOT; without both the secret is copied.
Deno.test("COPY, S03: the source is a symlink out of the context", async () => {
  using site = new Site();
  site.link("context/leak", `${site.path}/out/secret`).link("context/up", "../out").link("context/top", "/");
  for (
    const source of ["leak", "up/secret", "../out/secret", "/../out/secret", "top/etc/passwd", "up/../../out/secret"]
  ) {
    await assert.rejects(site.copy(source, "/x"), isKilnError(/Cannot copy/), source);
  }
  assert.throws(() => Deno.lstatSync(`${site.root}/x`), Deno.errors.NotFound);
});

Deno.test("COPY, S03: a wildcard matches a symlink out of the context, or is behind one", async () => {
  using site = new Site();
  site.link("context/leak", `${site.path}/out/secret`).link("context/up", "../out");
  await assert.rejects(site.copy("lea*", "/x"), isKilnError(/Cannot copy/));
  await site.copy("up/s*", "/y").catch(() => {});
  assert.throws(() => Deno.lstatSync(`${site.root}/y`), Deno.errors.NotFound);
});

Deno.test("COPY, S03: symlinks inside a copied directory are copied, not followed", async () => {
  using site = new Site();
  Deno.mkdirSync(`${site.path}/context/d`);
  site.link("context/d/leak", `${site.path}/out/secret`).link("context/d/dir", `${site.path}/out`);
  await site.copy("d", "/to");
  assert.equal(Deno.readLinkSync(`${site.root}/to/leak`), `${site.path}/out/secret`);
  assert.equal(Deno.readLinkSync(`${site.root}/to/dir`), `${site.path}/out`);
});

// Guard: makeInstead and O_EXCL|O_NOFOLLOW in lib/tree/copy_entry.ts.
Deno.test("COPY, S03: a symlink in the image where a file of a copied directory goes is replaced", async () => {
  using site = new Site();
  Deno.mkdirSync(`${site.root}/to`);
  site.link("root/to/f", `${site.path}/out/secret`);
  await site.copy(".", "/to");
  assert.ok(Deno.lstatSync(`${site.root}/to/f`).isFile);
  site.assertUntouched();
});

Deno.test("COPY, S13: a symlink in the image where a directory of a copied directory goes is an error", async () => {
  using site = new Site();
  Deno.mkdirSync(`${site.path}/context/d/sub`, { recursive: true });
  Deno.writeTextFileSync(`${site.path}/context/d/sub/secret`, "evil");
  Deno.mkdirSync(`${site.root}/to`);
  site.link("root/to/sub", `${site.path}/out`);
  await assert.rejects(site.copy("d", "/to"), isKilnError(/a file is there/));
  site.assertUntouched();
});

// Guard: isFile in lib/tree/copy_entry.ts; without it pipes and devices are opened.
Deno.test("COPY, S15: pipes and endless devices are copied, not read", async () => {
  using site = new Site();
  Deno.mkdirSync(`${site.path}/context/d`);
  const { success } = new Deno.Command("sh", {
    args: ["-c", "mkfifo p && mknod zero c 1 5 && mknod full c 1 7"],
    cwd: `${site.path}/context/d`,
  }).outputSync();
  assert.ok(success);
  await site.copy("d", "/to");
  await site.copy("d/p", "/pipe");
  assert.ok(Deno.lstatSync(`${site.root}/to/p`).isFifo);
  assert.ok(Deno.lstatSync(`${site.root}/to/zero`).isCharDevice);
  assert.ok(Deno.lstatSync(`${site.root}/pipe`).isFifo);
});

Deno.test("WORKDIR, S03: a symlink out of the image", () => {
  using site = new Site();
  site.link("root/a", `${site.path}/out`).link("root/b", "../../out/d");
  site.workdir("/a/made");
  site.workdir("/b/made");
  site.workdir("/../../out/made");
  site.assertUntouched();
  assert.ok(Deno.statSync(`${site.root}${site.path}/out/made`).isDirectory);
  assert.ok(Deno.statSync(`${site.root}/out/made`).isDirectory);
});

Deno.test("WORKDIR, S09: an existing directory behind a symlink keeps its owner", () => {
  using site = new Site();
  Deno.mkdirSync(`${site.root}/there`);
  site.link("root/l", "there");
  site.workdir("/l");
  assert.equal(Deno.statSync(`${site.root}/there`).uid, 0);
});

Deno.test("WORKDIR, S04: links in a circle, and a file in the way", () => {
  using site = new Site();
  site.link("root/a", "b").link("root/b", "a");
  Deno.writeTextFileSync(`${site.root}/f`, "");
  assert.throws(() => site.workdir("/a/x"), isKilnError(/too many levels of symbolic links/));
  assert.throws(() => site.workdir("/f/x"), isKilnError(/not a directory/));
  assert.throws(() => site.workdir("/f"), isKilnError(/not a directory/));
});

// Guard: realPathIn in lib/exec/mount_points.ts.
Deno.test("mount targets, S03: a symlink out of the image", () => {
  using site = new Site();
  site.link("root/a", `${site.path}/out`).link("root/etc", "../../out").link("root/self", "/proc/self/root");
  withDirectory(bytePathOf(site.root), (root) => {
    const points = new MountPoints(root);
    const target = (path: string, kind: "file" | "directory"): string => points.ensure(bytePathOf(path), kind);
    assert.equal(target("/a/secret", "file"), bytePathOf(`${site.path}/out/secret`));
    assert.equal(target("/etc/resolv.conf", "file"), "/out/resolv.conf");
    assert.equal(target("/self/x", "directory"), "/proc/self/root/x");
    assert.equal(target("/../../out/y", "directory"), "/out/y");
    site.assertUntouched();
    points.remove();
  });
  site.assertUntouched();
  assert.deepEqual([...Deno.readDirSync(site.root)].map(({ name }) => name).sort(), ["a", "etc", "self"]);
});

Deno.test("mount targets, S29: the root itself, by any name", () => {
  using site = new Site();
  site.link("root/here", ".").link("root/top", "/");
  withDirectory(bytePathOf(site.root), (root) => {
    const points = new MountPoints(root);
    for (const path of ["/", "/..", "/here", "/top", "/here/../top/."]) {
      assert.throws(() => points.ensure(path, "directory"), isKilnError(/Cannot mount on the root directory/), path);
    }
  });
});

// Guard: realPathIn in lib/exec/mounts/source.ts (CVE-2024-1753).
Deno.test("mount sources, S03: a symlink or .. out of the tree", async () => {
  using site = new Site();
  site.link("context/leak", `${site.path}/out`).link("context/up", "../out").link("context/top", "/");
  // Nothing else is asked for.
  const sources = { tree: () => Promise.resolve(site.context) } as Partial<MountSources> as MountSources;
  const source = (path: string): ReturnType<typeof openSource> =>
    openSource({ source: path, readOnly: true, id: "", sharing: "shared", required: false }, sources);
  for (const path of ["leak", "up", "../out", "/../../out", "up/../../out", "top/etc"]) {
    await assert.rejects(source(path), isKilnError(/Cannot mount/), path);
  }
  for (const path of ["top", "..", "/"]) assert.equal((await source(path)).path, site.context.root, path);
});

function isKilnError(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KilnError, String(error));
    assert.match(error.message, message);
    return true;
  };
}
