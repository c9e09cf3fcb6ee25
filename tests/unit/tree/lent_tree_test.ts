import assert from "node:assert/strict";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import * as files from "../../../lib/sys/file.ts";
import { LentTree, reclaimTree, reclaimTrees } from "../../../lib/tree/lent_tree.ts";

/** A state directory with one cache, and a build with a rootfs in which `c` is a directory. */
class State implements Disposable {
  readonly path = Deno.makeTempDirSync({ prefix: "kiln-lent-" });
  readonly homes = `${this.path}/caches`;
  readonly home = `${this.homes}/cache`;
  readonly build = `${this.path}/builds/one`;
  readonly rootfs = `${this.build}/rootfs`;
  readonly root: number;

  constructor() {
    Deno.mkdirSync(`${this.home}/tree`, { recursive: true });
    Deno.writeTextFileSync(`${this.home}/tree/kept`, "kept");
    Deno.mkdirSync(`${this.rootfs}/c`, { recursive: true });
    this.root = files.openDirectory(bytePathOf(this.rootfs));
  }

  lend(): LentTree {
    return LentTree.lend(bytePathOf(this.home), { root: this.root, path: "c/cache" });
  }

  /** The paths below the home. */
  atHome(): readonly string[] {
    return [...below(this.home, "")].toSorted();
  }

  reclaimAll(): void {
    reclaimTrees(bytePathOf(this.homes), bytePathOf(this.build));
  }

  [Symbol.dispose](): void {
    files.close(this.root);
    Deno.removeSync(this.path, { recursive: true });
  }
}

function* below(path: string, inner: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(`${path}/${inner}`)) {
    yield `${inner}${name}`;
    if (isDirectory) yield* below(path, `${inner}${name}/`);
  }
}

const KEPT = ["tree", "tree/kept"];

Deno.test("lent tree, is where it was lent to and comes home", () => {
  using state = new State();
  const lent = state.lend();
  assert.equal(Deno.readTextFileSync(`${state.rootfs}/c/cache/kept`), "kept");
  assert.deepEqual(state.atHome(), ["lent"]);
  lent.takeHome({ directory: state.root, name: "c/cache" });
  assert.deepEqual(state.atHome(), KEPT);
});

for (const how of ["its next user", "whoever removes the dead build"] as const) {
  Deno.test(`lent tree of a dead borrower, is brought home by ${how}, without what was put into it`, () => {
    using state = new State();
    const lent = state.lend();
    for (const path of ["c/cache/secret", "c/cache/sub/secret", "c/elsewhere"]) lent.note(path);
    Deno.writeTextFileSync(`${state.rootfs}/c/cache/secret`, "secret");
    Deno.mkdirSync(`${state.rootfs}/c/cache/sub`);
    Deno.writeTextFileSync(`${state.rootfs}/c/cache/sub/secret`, "secret");
    if (how === "its next user") assert.equal(reclaimTree(bytePathOf(state.home)), true);
    else state.reclaimAll();
    assert.deepEqual(state.atHome(), [...KEPT, "tree/sub"]);
  });
}

Deno.test("lent tree of a dead borrower, is brought home wherever the state directory is now", () => {
  using state = new State();
  state.lend();
  Deno.mkdirSync(`${state.path}/moved`);
  for (const name of ["caches", "builds"]) Deno.renameSync(`${state.path}/${name}`, `${state.path}/moved/${name}`);
  reclaimTrees(bytePathOf(`${state.path}/moved/caches`), bytePathOf(`${state.path}/moved/builds/one`));
  assert.equal(Deno.readTextFileSync(`${state.path}/moved/caches/cache/tree/kept`), "kept");
});

Deno.test("lent tree of another build, stays where it is", () => {
  using state = new State();
  state.lend();
  Deno.mkdirSync(`${state.path}/builds/on`);
  reclaimTrees(bytePathOf(state.homes), bytePathOf(`${state.path}/builds/on`));
  assert.deepEqual(state.atHome(), ["lent"]);
});

Deno.test("lent tree, while another one has the lock, leaves the record to it", () => {
  using state = new State();
  state.lend();
  const lock = files.openAt(files.AT_FDCWD, bytePathOf(`${state.home}.lock`), files.O.RDWR | files.O.CREAT, 0o600);
  try {
    assert.equal(files.tryLock(lock, "exclusive"), true);
    state.reclaimAll();
    assert.deepEqual(state.atHome(), ["lent", ...KEPT]);
    assert.equal(reclaimTree(bytePathOf(state.home)), true);
    assert.deepEqual(state.atHome(), KEPT);
  } finally {
    files.close(lock);
  }
});

// Guards: openInRoot in lib/tree/lent_tree.ts, and O_NOFOLLOW there with what looks for a directory.
for (const [what, at] of [["the tree", "c/cache"], ["the directory around it", "c"]] as const) {
  Deno.test(`lent tree, S29: a symlink in place of ${what} leads to nothing of the host`, () => {
    using state = new State();
    state.lend();
    Deno.mkdirSync(`${state.path}/host/cache`, { recursive: true });
    Deno.renameSync(`${state.rootfs}/${at}`, `${state.rootfs}/aside`);
    Deno.symlinkSync(at === "c" ? `${state.path}/host` : `${state.path}/host/cache`, `${state.rootfs}/${at}`);
    assert.equal(reclaimTree(bytePathOf(state.home)), false);
    assert.deepEqual(state.atHome(), []);
    assert.deepEqual([...below(`${state.path}/host`, "")], ["cache"]);
  });
}

Deno.test("lent tree, of which a command made something else, is forgotten", () => {
  using state = new State();
  const lent = state.lend();
  Deno.removeSync(`${state.rootfs}/c/cache`, { recursive: true });
  Deno.symlinkSync("/etc", `${state.rootfs}/c/cache`);
  lent.takeHome({ directory: state.root, name: "c/cache" });
  assert.deepEqual([...Deno.readDirSync(state.homes)], []);
});
