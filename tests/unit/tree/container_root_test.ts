/**
 * The root of a container lent to a command: what the command sees, what becomes of its changes, and that everything is
 * as before afterwards, whatever is mounted and whatever the command does.
 *
 * The root here is a directory with mounts in it; nothing outside it is touched.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { mount, MS, unmount } from "../../../lib/sys/mount.ts";
import { readMounts } from "../../../lib/sys/mount_info.ts";
import { ContainerRoot, type Entered, recoverRoot } from "../../../lib/tree/container_root.ts";
import { assertListing, type Disk, startDisk } from "../../support/disk.ts";
import type { Listing } from "../../support/environment/listing.ts";
import type { ExchangeOrder } from "../../support/exchange_roots.ts";
import { enterPrivateMounts } from "../../support/private_mounts.ts";
import { dir, file, link, symlink, type Tree } from "../../support/tree.ts";

enterPrivateMounts();

/** The container's own files, of which `mounts` are mounted over. */
const OWN: Tree = {
  "": dir({ mtime: "5.000000001" }),
  "etc": dir({ mode: 0o750, gid: 7, mtime: "1.000000001", xattrs: { "user.own": "1" } }),
  "etc/nsswitch.conf": file("own"),
  "etc/resolv.conf": file(""),
  "bin/tool": file("own tool", { mode: 0o4755 }),
  "bin/again": link("bin/tool"),
  "proc": dir(),
  "var": dir({ mtime: "2.000000002" }),
  "var/run/secrets": dir({ mtime: "3.000000003" }),
  "ours": dir(),
};

class Container implements AsyncDisposable {
  readonly disk: Disk;
  readonly root: string;
  readonly #opened: Disposable[] = [];

  constructor(disk: Disk, root: string) {
    this.disk = disk;
    this.root = root;
  }

  static async start(
    mounts: readonly string[],
    own: Tree = OWN,
    make = (disk: Disk): Promise<string> => disk.write(own),
  ): Promise<Container> {
    const disk = await startDisk();
    const container = new Container(disk, await make(disk));
    for (const path of mounts) container.mount(path);
    return container;
  }

  /** Mounts a tmpfs with a file in it, or a file on a file. */
  mount(path: string): void {
    const target = `${this.root}/${path}`;
    const isFile = Deno.lstatSync(target).isFile;
    const source = isFile ? this.disk.newPath("mounted") : "none";
    if (isFile) Deno.writeTextFileSync(source, "mounted");
    mount({ source, target: bytePathOf(target), type: isFile ? "" : "tmpfs", flags: isFile ? MS.BIND : 0 });
    if (!isFile) Deno.writeTextFileSync(`${target}/mounted`, "mounted");
  }

  get exchange(): string {
    return bytePathOf(`${this.root}/ours/exchange`);
  }

  open(kept: readonly string[] = ["ours"]): ContainerRoot {
    Deno.mkdirSync(this.exchange, { recursive: true });
    const place = ContainerRoot.open(bytePathOf(this.root), { directory: this.exchange, kept });
    this.#opened.push(place);
    return place;
  }

  async tree(tree: Tree): Promise<string> {
    return await this.disk.write(tree, `${this.root}/ours/tree${crypto.randomUUID()}`);
  }

  /** Lists the root without what is ours; `/ours` itself changes when trees are made in it. */
  async list(path = this.root): Promise<Listing> {
    const listing = await this.disk.read(path);
    return new Map([...listing].filter(([name]) => name !== "/ours" && !name.startsWith("/ours/")));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#opened.forEach((opened) => opened[Symbol.dispose]());
    // A test may have moved them.
    for (const { point } of readMounts().toReversed()) {
      if (point === this.root || point.startsWith(`${this.root}/`)) unmount(point);
    }
    await this.disk[Symbol.asyncDispose]();
  }
}

const MOUNTS = ["proc", "etc/resolv.conf", "var/run/secrets"];

/** What an image might hold. */
const IMAGE: Tree = {
  "": dir({ mode: 0o711, mtime: "100.000000001" }),
  "etc": dir({ mtime: "101.000000001", xattrs: { "user.image": "1" } }),
  "etc/passwd": file("root"),
  "etc/resolv.conf": file("of the image"),
  "proc": dir({ mode: 0o555 }),
  "proc/cpuinfo": file("of the image"),
  "bin/sh": file("sh", { mode: 0o755, mtime: "102.000000001" }),
  "ours/executor": file("of the image"),
  "run/lock": dir(),
  "var/run": symlink("/run"),
  "var/lib/f": "x",
};

async function exchanged(container: Container, tree: Tree): Promise<{ place: ContainerRoot; entered: Entered }> {
  const place = container.open();
  const entered = place.enter(await container.tree(tree));
  return { place, entered };
}

Deno.test("container root, is never the one of this process unless somebody claims it", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const kept = [directory.slice(1)];
    for (const root of ["/", "//", "/proc/self/root", "/proc/../"]) {
      assert.throws(() => ContainerRoot.open(root, { directory, kept }), /nobody has claimed the root of this process/);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("container root, shows a tree around what is mounted, and its own files again afterwards", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  const { place, entered } = await exchanged(container, IMAGE);
  const during = await container.list();
  assert.deepEqual([...during.keys()].toSorted(), [
    "/",
    "/bin",
    "/bin/sh",
    "/etc",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/proc",
    "/proc/mounted",
    "/run",
    "/run/lock",
    "/run/secrets",
    "/run/secrets/mounted",
    "/var",
    "/var/lib",
    "/var/lib/f",
    "/var/run",
  ]);
  const root = during.get("/");
  assert.deepEqual([root?.mode, root?.mtime], ["0711", "100.000000001"]);
  const etc = during.get("/etc");
  assert.deepEqual([etc?.mode, etc?.gid, etc?.mtime, etc?.xattrs], [
    "0755",
    0,
    "101.000000001",
    { "user.image": "31" },
  ]);
  assert.equal(Deno.readTextFileSync(`${container.root}/etc/resolv.conf`), "mounted");
  place.leave(entered);
  assertListing(await container.list(), before);
});

Deno.test("container root, gives a tree back as it was when the command does nothing", async () => {
  await using container = await Container.start(MOUNTS);
  const place = container.open();
  const tree = await container.tree(IMAGE);
  const before = await container.disk.read(tree);
  const { restored, lost } = place.leave(place.enter(tree));
  assertListing(await container.disk.read(tree), before);
  assert.deepEqual([restored, lost], [["etc/passwd"], []]);
});

Deno.test("container root, says what the command does not see of the tree", async () => {
  await using container = await Container.start(MOUNTS);
  const { place, entered } = await exchanged(container, IMAGE);
  assert.deepEqual(entered.covered, ["etc/resolv.conf", "ours", "proc"]);
  place.leave(entered);
});

Deno.test("container root, puts what a command changed into the tree", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  const { place, entered } = await exchanged(container, IMAGE);
  const { root } = container;
  await container.disk.change(root, [
    { do: "write", path: "etc/passwd", content: "changed" },
    { do: "remove", path: "bin" },
    { do: "make", path: "run/new", node: file("made in /run") },
    { do: "make", path: "srv", node: dir({ mode: 0o700, uid: 5 }) },
    { do: "make", path: "etc/new", node: file("made in /etc") },
    { do: "chmod", path: "etc", mode: 0o700 },
    { do: "chmod", path: "", mode: 0o755 },
    { do: "touch", path: "etc", mtime: "7.000000007" },
  ]);
  const { restored } = place.leave(entered);
  assert.deepEqual(restored, []);
  const after = await container.disk.read(entered.tree);
  assert.deepEqual([...after.keys()].toSorted(), [
    "/",
    "/etc",
    "/etc/new",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/ours",
    "/ours/executor",
    "/proc",
    "/proc/cpuinfo",
    "/run",
    "/run/lock",
    "/run/new",
    "/srv",
    "/var",
    "/var/lib",
    "/var/lib/f",
    "/var/run",
  ]);
  const [etc, top, srv] = ["/etc", "/", "/srv"].map((path) => after.get(path));
  assert.deepEqual([etc?.mode, etc?.mtime, top?.mode, srv?.mode, srv?.uid], [
    "0700",
    "7.000000007",
    "0755",
    "0700",
    5,
  ]);
  assertListing(await container.list(), before);
});

Deno.test("container root, a file that was changed and given its old time is no restored one", async () => {
  await using container = await Container.start(MOUNTS);
  const { place, entered } = await exchanged(container, IMAGE);
  await container.disk.change(container.root, [{ do: "rewrite", path: "etc/passwd", bytes: "toor" }]);
  assert.deepEqual(place.leave(entered).restored, []);
});

Deno.test("container root, directories that only hold mounts are not in a tree that lacks them", async () => {
  await using container = await Container.start(MOUNTS);
  const { place, entered } = await exchanged(container, { "bin/sh": "sh" });
  assert.equal((await container.list()).get("/etc")?.mode, "0755");
  place.leave(entered);
  assert.deepEqual([...(await container.disk.read(entered.tree)).keys()].toSorted(), ["/", "/bin", "/bin/sh"]);
});

Deno.test("container root, a directory around a mount is in the tree when the command puts something there", async () => {
  await using container = await Container.start(MOUNTS);
  const { place, entered } = await exchanged(container, { "bin/sh": "sh" });
  await container.disk.change(container.root, [{ do: "make", path: "var/run/f", node: file("f") }]);
  place.leave(entered);
  const after = await container.disk.read(entered.tree);
  assert.deepEqual([...after.keys()].toSorted(), ["/", "/bin", "/bin/sh", "/var", "/var/run", "/var/run/f"]);
  assert.deepEqual([after.get("/var")?.mode, after.get("/var/run")?.mode], ["0755", "0755"]);
});

Deno.test("container root, S29: nothing in a tree replaces what is mounted or ours", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  const evil: Tree = {
    "ours": symlink("/etc"),
    "proc": file("no directory"),
    "etc/resolv.conf": dir(),
    "etc/resolv.conf/d": "x",
    "var/run/secrets": symlink("/etc"),
    "bin/sh": "sh",
  };
  const { place, entered } = await exchanged(container, evil);
  assert.equal(Deno.readTextFileSync(`${container.root}/var/run/secrets/mounted`), "mounted");
  assert.equal(Deno.readTextFileSync(`${container.root}/etc/resolv.conf`), "mounted");
  place.leave(entered);
  const after = await container.disk.read(entered.tree);
  assert.deepEqual(after.get("/ours")?.target, "/etc");
  assert.deepEqual(after.get("/proc")?.type, "file");
  assert.deepEqual(after.get("/etc/resolv.conf/d")?.type, "file");
  assert.deepEqual(after.get("/var/run/secrets")?.target, "/etc");
  assertListing(await container.list(), before);
});

for (
  const [what, tree] of [
    ["to nowhere", { "var": symlink("/none/such") }],
    ["in a circle", { "var": symlink("var") }],
    ["to a file", { "var": symlink("/f"), "f": "" }],
    ["to the root", { "var": symlink("/") }],
    ["into what is ours", { "var": symlink("/ours/x") }],
    ["to where another mount is", { "var": symlink("/etc"), "etc/x": "" }],
    ["into a mount", { "var": symlink("/proc/x") }],
  ] as readonly (readonly [string, Tree])[]
) {
  Deno.test(`container root, S29: a link ${what} in place of a directory with a mount leaves the mount`, async () => {
    await using container = await Container.start(MOUNTS);
    const before = await container.list();
    const { place, entered } = await exchanged(container, tree);
    const mounts = Deno.readTextFileSync("/proc/thread-self/mountinfo").split("\n")
      .filter((line) => line.includes(`${container.root}/`));
    assert.equal(mounts.length, MOUNTS.length);
    place.leave(entered);
    assertListing(await container.list(), before);
    const after = await container.disk.read(entered.tree);
    assert.equal(after.get("/var")?.type, "symlink");
  });
}

Deno.test("container root, what is written to a directory whose place a link has in the tree goes where it leads", async () => {
  await using container = await Container.start(["etc/resolv.conf"], { "etc/resolv.conf": "", "ours": dir() });
  const { place, entered } = await exchanged(container, { "etc": symlink("/ours/etc"), "ours/etc": dir(), "f": "" });
  await container.disk.change(container.root, [{ do: "make", path: "etc/new", node: file("x") }]);
  assert.deepEqual(place.leave(entered).lost, []);
  assert.ok((await container.disk.read(entered.tree)).has("/ours/etc/new"));
});

Deno.test("container root, what has no place in the tree is lost, and said to be", async () => {
  await using container = await Container.start(["etc/resolv.conf"], { "etc/resolv.conf": "", "ours": dir() });
  const before = await container.list();
  const { place, entered } = await exchanged(container, { "etc": file("no directory") });
  await container.disk.change(container.root, [{ do: "make", path: "etc/new", node: file("x") }]);
  assert.deepEqual(place.leave(entered).lost, ["etc"]);
  assertListing(await container.list(), before);
});

Deno.test("container root, a command that moves a directory with a mount in it moves it in the tree alone", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  const { place, entered } = await exchanged(container, IMAGE);
  const { root } = container;
  Deno.renameSync(`${root}/etc`, `${root}/etc.old`);
  Deno.mkdirSync(`${root}/etc`);
  Deno.writeTextFileSync(`${root}/etc/passwd`, "new");
  Deno.mkdirSync(`${root}/a/b`, { recursive: true });
  Deno.renameSync(`${root}/run`, `${root}/a/b/run`);
  place.leave(entered);
  assertListing(await container.list(), before);
  const after = await container.disk.read(entered.tree);
  assert.ok(after.has("/etc.old/passwd"));
  assert.ok(after.has("/etc/passwd"));
  assert.ok(after.has("/a/b/run/lock"));
});

Deno.test("container root, what is ours and was renamed comes back", async () => {
  await using container = await Container.start([], { "bin/own": "", "ours": dir(), "context/f": "" });
  const place = container.open(["ours", "context"]);
  const entered = place.enter(await container.tree({ "bin/sh": "sh" }));
  Deno.mkdirSync(`${container.root}/srv`);
  Deno.renameSync(`${container.root}/context`, `${container.root}/srv/context`);
  Deno.mkdirSync(`${container.root}/context`);
  place.leave(entered);
  assert.ok((await container.list()).has("/context/f"));
  assert.deepEqual([...(await container.disk.read(entered.tree)).keys()].toSorted(), [
    "/",
    "/bin",
    "/bin/sh",
    "/context",
  ]);
});

Deno.test("container root, says so when a command has removed what is ours", async () => {
  await using container = await Container.start([], { "bin/own": "", "ours": dir(), "context/f": "" });
  const before = await container.list();
  const place = container.open(["ours", "context"]);
  const entered = place.enter(await container.tree({ "bin/sh": "sh" }));
  Deno.removeSync(`${container.root}/context`, { recursive: true });
  assert.throws(
    () => place.leave(entered),
    (error) => error instanceof KilnError && error.kind === "run" && error.message.includes('removed "/context"'),
  );
  recoverRoot(container.exchange);
  assertListing(await container.list(), before, { except: (path) => path.startsWith("/context") });
});

Deno.test("container root, keeps mounts with blanks and bytes in their names, and new ones", async () => {
  const own: Tree = { "a b\\c": dir(), "caf\xe9": dir(), "later": dir(), "ours": dir() };
  await using container = await Container.start(["a b\\c"], own);
  const { place, entered } = await exchanged(container, { "f": "", "a b\\c/x": "" });
  Deno.mkdirSync(`${container.root}/later`);
  container.mount("later");
  place.leave(entered);
  assert.equal(Deno.readTextFileSync(`${container.root}/later/mounted`), "mounted");
  assert.equal(Deno.readTextFileSync(`${container.root}/a b\\c/mounted`), "mounted");
  assert.ok(!(await container.disk.read(entered.tree)).has("/later"));
});

Deno.test("container root, exchanges trees with another file system, hard links and attributes kept", async () => {
  await using container = await Container.start(MOUNTS, {
    ...OWN,
    "usr/lib/a": file("x".repeat(100_000), { uid: 3, xattrs: { "user.a": "1" } }),
    "usr/lib/b": link("usr/lib/a"),
    "usr/s": symlink("nowhere", { uid: 4 }),
    "usr": dir({ mode: 0o555, mtime: "9.000000009" }),
  });
  const before = await container.list();
  // The directory is a mount of its own: nothing can be renamed to it.
  const ours = bytePathOf(`${container.root}/ours`);
  mount({ source: "none", target: ours, type: "tmpfs", flags: 0 });
  const place = container.open([]);
  const tree = await container.tree(IMAGE);
  const image = await container.disk.read(tree);
  for (let round = 0; round < 2; round++) {
    const entered = place.enter(tree);
    assert.equal(Deno.readTextFileSync(`${container.root}/bin/sh`), "sh");
    place.leave(entered);
    assertListing(await container.list(), before);
    assertListing(await container.disk.read(tree), image);
  }
});

Deno.test("container root, moves what it can of a way to a mount that is partly in a lower layer", async () => {
  const lower: Tree = { "var/run": dir({ mode: 0o700 }), "ours": dir(), "etc/resolv.conf": "" };
  await using container = await startOverlay(["var/run/secrets/a/b", "etc/resolv.conf"], lower, [
    "var/run/secrets/a/b",
  ]);
  const before = await container.list();
  const { place, entered } = await exchanged(container, IMAGE);
  assert.equal((await container.list()).get("/run/secrets/a/b/mounted")?.type, "file");
  place.leave(entered);
  assertListing(await container.list(), before);
});

Deno.test("container root, is an overlay whose lower layers have its own files, as with most runtimes", async () => {
  const { "var/run/secrets": _, ...lower } = OWN;
  await using container = await startOverlay(MOUNTS, lower, ["var/run/secrets"]);
  const before = await container.list();
  const place = container.open();
  const tree = await container.tree(IMAGE);
  const image = await container.disk.read(tree);
  for (let round = 0; round < 2; round++) {
    const entered = place.enter(tree);
    assert.deepEqual((await container.list()).get("/var/run")?.target, "/run");
    place.leave(entered);
    assertListing(await container.list(), before);
    assertListing(await container.disk.read(tree), image);
  }
});

/** Starts a container as runtimes do: an overlay, in which they make the mount points that the image lacks. */
function startOverlay(mounts: readonly string[], own: Tree, made: readonly string[]): Promise<Container> {
  return Container.start(mounts, own, async (disk) => {
    const [lower, work, merged] = [await disk.write(own), await disk.write(), await disk.write()];
    const upper = await disk.write({ "": dir({ mtime: "5.000000001" }) });
    const options = bytePathOf(`lowerdir=${lower},upperdir=${upper},workdir=${work}`);
    mount({ source: "overlay", target: bytePathOf(merged), type: "overlay", flags: 0, options });
    for (const path of made) Deno.mkdirSync(`${merged}/${path}`, { recursive: true });
    return merged;
  });
}

Deno.test("container root, whose builder was killed at any moment, is put back by the next one", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  const place = container.open();
  // While the command runs.
  place.enter(await container.tree(IMAGE));
  assert.ok(!(await container.list()).has("/etc/nsswitch.conf"));
  recoverRoot(container.exchange);
  assertListing(await container.list(), before);
  // Again: nothing is left to do.
  recoverRoot(container.exchange);
  assertListing(await container.list(), before);
});

Deno.test("container root, is put back in a container that was started again, whose mounts have each other's numbers", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  container.open().enter(await container.tree({ "etc/passwd": "of the image" }));
  const path = `${container.exchange}/exchange`;
  const record = JSON.parse(Deno.readTextFileSync(path));
  const ids: readonly string[] = record.mounts.map(({ id }: { readonly id: string }) => id);
  assert.equal(ids.length, MOUNTS.length);
  const [first = "", ...others] = ids.map((id) => id.split(" ", 1)[0] ?? "");
  const numbers = [...others, first];
  record.mounts.forEach((mounted: { id: string }, at: number) => {
    mounted.id = mounted.id.replace(/^[0-9]+/, numbers[at] ?? "");
  });
  Deno.writeTextFileSync(path, JSON.stringify(record));
  recoverRoot(container.exchange);
  assertListing(await container.list(), before);
});

Deno.test("container root, is put back when the tree that is in it has lost its place", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  const { entered } = await exchanged(container, IMAGE);
  Deno.removeSync(entered.tree, { recursive: true });
  recoverRoot(container.exchange);
  assertListing(await container.list(), before);
});

Deno.test("container root, is put back wherever an exchange was cut off", async () => {
  await using container = await Container.start(MOUNTS);
  const before = await container.list();
  container.open();
  const directory = container.exchange;
  const unknowable = ["/", "/etc", "/var", "/var/run"];
  // Two renames in three are alike; each start costs a process.
  for (let count = 0, ended = false; !ended; count += 3) {
    ended = await dieAfter({
      root: bytePathOf(container.root),
      directory,
      kept: ["ours"],
      tree: await container.tree(IMAGE),
      count,
    });
    assert.ok(!ended || count > 40, `the exchange took only ${count} calls`);
    assert.ok(count < 600, "the exchange never came to its end");
    recoverRoot(directory);
    const found = await container.list();
    // The time of a directory that was being emptied is all that cannot be known.
    assertListing(found, before, { except: (path) => unknowable.includes(path) });
    for (const path of unknowable) {
      const [now, was] = [found, before].map((listing) => ({ ...listing.get(path), mtime: "" }));
      assert.deepEqual(now, was, `${path}, cut off at ${count}`);
    }
  }
});

/** Lends a root in a process of its own that is killed on the way; returns whether it came to its end. */
async function dieAfter(order: ExchangeOrder): Promise<boolean> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${import.meta.dirname}/../../support/exchange_roots.ts`],
    env: { EXCHANGE: JSON.stringify(order) },
    stdout: "null",
    stderr: "null",
  }).output();
  return success;
}
