import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { listDirectory } from "../../../lib/sys/directory.ts";
import { SysError } from "../../../lib/sys/errno.ts";
import { close, makeDirectory, makeNode, makeSymlink, O, openAt, openDirectory } from "../../../lib/sys/file.ts";
import { openInRoot, walkInRoot } from "../../../lib/sys/resolve.ts";
import { inodeKey, isDirectory, S, statAt, statOf } from "../../../lib/sys/stat.ts";

type Open = (root: number, path: string, flags: number, mode?: number) => number;

const WAYS: readonly (readonly [name: string, open: Open])[] = [
  ["openat2", openInRoot],
  ["the walk without openat2", (root, path, flags, mode = 0) => walkInRoot(root, path, flags, mode)],
];

/** A root with links of every direction, and a secret beside it. */
class Site implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly root: number;

  constructor() {
    Deno.mkdirSync(`${this.path}/root/a/b`, { recursive: true });
    Deno.mkdirSync(`${this.path}/root-evil`);
    for (const file of ["secret", "root-evil/secret", "root/f", "root/a/f", "root/a/b/f"]) {
      Deno.writeTextFileSync(`${this.path}/${file}`, file);
    }
    const links: readonly (readonly [name: string, target: string])[] = [
      ["up", ".."],
      ["absolute", this.path],
      ["secret", `${this.path}/secret`],
      ["a/up2", "../.."],
      ["a/root", "/"],
      ["a/b/back", "../../a"],
      ["loop1", "loop2"],
      ["loop2", "loop1"],
      ["dead", "nowhere/at/all"],
      ["slash", "a/"],
      ["file", "f"],
      ["filedir", "f/"],
      ["magic", "/proc/self/cwd"],
      ["far", "../../../../../../../../a/f"],
    ];
    for (const [name, target] of links) Deno.symlinkSync(target, `${this.path}/root/${name}`);
    this.root = openDirectory(bytePathOf(`${this.path}/root`));
  }

  /** What a path leads to: the inode, or the name of the error. */
  outcome(open: Open, path: string, flags: number): string {
    try {
      const fd = open(this.root, path, flags);
      try {
        return inodeKey(statOf(fd));
      } finally {
        close(fd);
      }
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      return `errno ${error.errno}`;
    }
  }

  inode(path: string): string {
    const fd = openDirectory(`${bytePathOf(this.path)}/${path}`);
    try {
      return inodeKey(statOf(fd));
    } finally {
      close(fd);
    }
  }

  [Symbol.dispose](): void {
    close(this.root);
    Deno.removeSync(this.path, { recursive: true });
  }
}

for (const [name, open] of WAYS) {
  // Guards: RESOLVE_IN_ROOT for openat2; for the walk, `leave` stopping at the first place and going there for "/".
  Deno.test(`openInRoot() by ${name}, no way leads out of the root (S01, S03, S04)`, () => {
    using site = new Site();
    const root = site.inode("root");
    for (const path of ["..", "../..", "/", "/..", "up", "up/up/..", "a/root", "a/root/..", "a/up2", "up/../.."]) {
      assert.equal(site.outcome(open, path, O.RDONLY | O.DIRECTORY), root, path);
    }
    const outside = ["secret", "../secret", "up/secret", "a/up2/secret", "absolute/secret", "../root-evil/secret"];
    for (const path of outside) assert.equal(site.outcome(open, path, O.RDONLY), "errno 2", path);
  });

  Deno.test(`openInRoot() by ${name}, links in a circle end`, () => {
    using site = new Site();
    assert.equal(site.outcome(open, "loop1", O.RDONLY), "errno 40");
    assert.equal(site.outcome(open, "loop1/f", O.RDONLY), "errno 40");
  });

  Deno.test(`openInRoot() by ${name}, a new file is made inside, also where a link leads outside`, () => {
    using site = new Site();
    const flags = O.WRONLY | O.CREAT | O.EXCL;
    close(open(site.root, "../../new", flags, 0o600));
    assert.ok(Deno.statSync(`${site.path}/root/new`).isFile);
    assert.equal(site.outcome(open, "secret", flags), "errno 17");
    assert.equal(Deno.readTextFileSync(`${site.path}/secret`), "secret");
  });

  Deno.test(`openInRoot() by ${name}, names are bytes`, () => {
    using site = new Site();
    makeDirectory(site.root, "caf\xe9", 0o755);
    makeNode(site.root, "caf\xe9/\xff", { mode: S.IFREG | 0o644, major: 0, minor: 0 });
    makeSymlink("caf\xe9/\xff", site.root, "\xfe");
    close(open(site.root, "\xfe", O.RDONLY));
    assert.equal(site.outcome(open, "caf\xc3\xa9/\xff", O.RDONLY), "errno 2");
  });

  Deno.test(`openInRoot() by ${name}, paths may be longer than the kernel takes at once, and stay inside`, () => {
    using site = new Site();
    const names = Array.from({ length: 60 }, (_, at) => String(at).padStart(100, "d"));
    const deep = names.join("/");
    const bottom = makeDeep(site.root, names);
    assert.equal(site.outcome(open, deep, O.RDONLY | O.DIRECTORY), bottom);
    assert.equal(site.outcome(open, `a/b/back/b/../../${deep}/`, O.RDONLY), bottom, "through a link");
    assert.equal(site.outcome(open, `${deep}/root/${deep}`, O.RDONLY), bottom, "a link to the root on the way");
    const up = "/..".repeat(names.length);
    assert.equal(site.outcome(open, deep + up, O.RDONLY), site.inode("root"));
    assert.equal(site.outcome(open, `${deep}${up}/../secret`, O.RDONLY), "errno 2");
    assert.equal(site.outcome(open, `${deep}/none`, O.RDONLY), "errno 2");
    assert.equal(site.outcome(open, `${deep}/root`, O.RDONLY | O.NOFOLLOW), "errno 40");
    assert.deepEqual(leftOpen(site), []);
  });

  Deno.test(`openInRoot() by ${name}, descriptors of the way are closed`, () => {
    using site = new Site();
    for (const path of ["a/b/back/b/f", "loop1", "dead", "f/x", "a/b/../../a/b/none"]) {
      site.outcome(open, path, O.RDONLY);
    }
    assert.deepEqual(leftOpen(site), []);
  });
}

Deno.test("openInRoot(), the walk without openat2 finds what openat2 finds, on random ways", () => {
  using site = new Site();
  const names = fc.constantFrom(
    ...["a", "b", "f", "..", ".", "", "up", "absolute", "secret", "up2", "root", "back", "loop1", "dead", "slash"],
    ...["file", "filedir", "far", "none", "tmp"],
  );
  const path = fc.array(names, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("/"));
  const flags = fc.constantFrom(
    O.RDONLY,
    O.RDONLY | O.DIRECTORY,
    O.PATH,
    O.PATH | O.NOFOLLOW,
    O.RDONLY | O.NOFOLLOW,
    O.RDONLY | O.DIRECTORY | O.NOFOLLOW,
  );
  fc.assert(
    fc.property(path, flags, (way, how) => {
      assert.equal(site.outcome(WAYS[1]?.[1] ?? openInRoot, way, how), site.outcome(openInRoot, way, how));
    }),
    { numRuns: 2000 },
  );
});

/** Makes directories in each other, and in the last one a link to "/". Returns its inode. */
function makeDeep(root: number, names: readonly string[]): string {
  let here = root;
  for (const name of names) {
    makeDirectory(here, name, 0o755);
    const next = openAt(here, name, O.RDONLY | O.DIRECTORY);
    if (here !== root) close(here);
    here = next;
  }
  try {
    makeSymlink("/", here, "root");
    return inodeKey(statOf(here));
  } finally {
    close(here);
  }
}

/**
 * The descriptors that lead into a site, but for the site's own. Other test files share this process, so descriptors
 * are told by what they lead to; by inode, because the names of the deepest are too long to be read.
 */
function leftOpen(site: Site): readonly string[] {
  const inodes = inodesBelow(site.root);
  return [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => name).filter((name) => {
    if (Number(name) === site.root) return false;
    try {
      return inodes.has(inodeKey(statOf(Number(name))));
    } catch (error) {
      // Another test closed it, or it was the one that reads this directory.
      if (error instanceof SysError && error.is("EBADF")) return false;
      throw error;
    }
  });
}

function inodesBelow(directory: number): ReadonlySet<string> {
  const inodes = new Set([inodeKey(statOf(directory))]);
  for (const name of listDirectory(directory)) {
    const stat = statAt(directory, name);
    inodes.add(inodeKey(stat));
    if (!isDirectory(stat)) continue;
    const fd = openAt(directory, name, O.RDONLY | O.DIRECTORY);
    for (const inode of inodesBelow(fd)) inodes.add(inode);
    close(fd);
  }
  return inodes;
}
