/**
 * How snapshots and rootfs live, part of the contract of every backend: many from one, each on its own, nothing left.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { RootFs } from "../../lib/rootfs/rootfs.ts";
import type { ExecSpec } from "../../lib/exec/spec.ts";
import type { BackendName } from "../support/backends.ts";
import { assertListing } from "../support/disk.ts";
import { findProgram } from "../support/environment/command.ts";
import { ensureTools } from "../support/environment/tools.ts";
import { type DefineTest, type Lab, withoutRoot } from "../support/rootfs_lab.ts";
import { dir, file, listingOf, type Tree } from "../support/tree.ts";
import { layerOf } from "../support/tree_tar.ts";

const TREE: Tree = { "d": dir(), "d/f": "old", "g": "kept" };

/** Registers the tests. */
export function testLife(test: DefineTest, name: BackendName): void {
  test("two stages started from one snapshot do not see each other", async (lab) => {
    const snapshot = await lab.unpackTars(layerOf(Object.entries(TREE)));
    await using one = await lab.backend.open(snapshot, { lastUse: false });
    await using other = await lab.backend.open(snapshot, { lastUse: false });
    await lab.change(one, [{ do: "write", path: "d/f", content: "one" }, { do: "remove", path: "g" }]);
    await lab.change(other, [{ do: "write", path: "d/f", content: "other" }]);
    assert.deepEqual(await lab.layerNames(one), [".wh.g", "d/f"]);
    assert.deepEqual(await lab.layerNames(other), ["d/f"]);
    await lab.change(one, [{ do: "make", path: "new", node: file() }]);
    assert.deepEqual(await lab.layerNames(other), []);
    assertListing(withoutRoot(await lab.view(snapshot)), listingOf(TREE));
  });

  test("a finished stage looks as at its last checkpoint, while others that started from it run", async (lab) => {
    await using first = await lab.open(TREE);
    await lab.change(first, [{ do: "write", path: "d/f", content: "first" }]);
    await lab.layer(first);
    const expected = await lab.read(first.path);
    const finished = await first.finish();
    await using second = await lab.backend.open(finished, { lastUse: false });
    await lab.change(second, [{ do: "write", path: "d/f", content: "second" }, { do: "remove", path: "g" }]);
    assertListing(await lab.view(finished), expected);
    await lab.layer(second);
    assertListing(await lab.view(finished), expected);
    await using third = await lab.backend.open(finished, { lastUse: false });
    assertListing(withoutRoot(await lab.read(third.path)), withoutRoot(expected));
  });

  test("a stage on a stage on a stage", async (lab) => {
    await using first = await lab.open(TREE);
    await lab.change(first, [{ do: "make", path: "one", node: file("1") }, { do: "remove", path: "g" }]);
    const one = await lab.layer(first);
    await using second = await lab.backend.open(await first.finish(), { lastUse: true });
    await lab.change(second, [{ do: "make", path: "g", node: dir() }, { do: "write", path: "d/f", content: "2" }]);
    const two = await lab.layer(second);
    await using third = await lab.backend.open(await second.finish(), { lastUse: true });
    await lab.change(third, [{ do: "rename", path: "one", to: "g/three" }]);
    const expected = withoutRoot(await lab.read(third.path));
    const three = await lab.layer(third);
    await lab.assertGivesBack([layerOf(Object.entries(TREE)), one, two, three], expected);
    assertListing(withoutRoot(await lab.view(await third.finish())), expected);
  });

  test("an empty snapshot has nothing in it and can be built on", async (lab) => {
    const empty = lab.backend.empty();
    assert.deepEqual([...withoutRoot(await lab.view(empty)).keys()], []);
    await using rootfs = await lab.backend.open(empty, { lastUse: false });
    await lab.change(rootfs, [{ do: "make", path: "f", node: file() }]);
    assert.deepEqual(await lab.layerNames(rootfs), ["f"]);
    assert.deepEqual([...withoutRoot(await lab.view(empty)).keys()], []);
  });

  test("a layer has what was there at the checkpoint, whatever happens while it is packed", async (lab) => {
    await using rootfs = await lab.open({ ...TREE, large: "x".repeat(3_000_000) });
    await lab.change(rootfs, [{ do: "write", path: "large", content: "y".repeat(3_000_000) }, {
      do: "make",
      path: "new",
      node: file("at the checkpoint"),
    }]);
    const expected = await lab.read(rootfs.path);
    const { layer } = await rootfs.checkpoint();
    await lab.change(rootfs, [{ do: "write", path: "large", content: "z" }, { do: "remove", path: "new" }]);
    const tar = lab.workshop.tarOf(await layer);
    await lab.assertGivesBack([layerOf(Object.entries({ ...TREE, large: "" })), tar], expected);
    assert.deepEqual(await lab.layerNames(rootfs), [".wh.new", "large"]);
  });

  test("ten steps give ten layers, each with its own changes only", async (lab) => {
    await using rootfs = await lab.open({});
    const tars: Uint8Array[] = [];
    for (let step = 0; step < 10; step++) {
      await lab.change(rootfs, [
        { do: "make", path: `step${step}`, node: file(String(step)) },
        ...(step > 0 ? [{ do: "remove", path: `step${step - 1}` } as const] : []),
      ]);
      tars.push(await lab.layer(rootfs));
    }
    await lab.assertGivesBack(tars, await lab.read(rootfs.path));
    assert.deepEqual([...withoutRoot(await lab.read(rootfs.path)).keys()], ["/step9"]);
  });

  test("a snapshot of another backend is refused", async (lab) => {
    const other = lab.workshop.backend(name === "overlay" || name === "userns" ? "chroot" : "overlay");
    await assert.rejects(async () => await lab.backend.open(other.empty(), { lastUse: true }), TypeError);
  });

  test("what a command writes is in the layer, and it sees what is below", async (lab) => {
    await using rootfs = await openWithShell(lab);
    const output: string[] = [];
    const result = await run(rootfs, ["/bin/sh", "-c", "cat d/f; echo new >made; rm g; exit 7"], output);
    assert.deepEqual([result.code, output.join("")], [7, "old"]);
    assert.deepEqual(await lab.layerNames(rootfs), [".wh.g", "made"]);
  });

  test("commands run in the tree as of the last checkpoint, again and again", async (lab) => {
    await using rootfs = await openWithShell(lab);
    for (const step of ["1", "2", "3"]) {
      const output: string[] = [];
      await run(rootfs, ["/bin/sh", "-c", `echo ${step} >>log; cat log`], output);
      assert.equal(output.join(""), ["1\n", "2\n", "3\n"].slice(0, Number(step)).join(""));
      assert.deepEqual(await lab.layerNames(rootfs), ["log"]);
    }
  });

  test("nothing stays mounted, however a build ended", async (lab) => {
    const mountsBefore = mountsBelow(lab);
    const backend = lab.workshop.backend(name);
    const layers = [layerOf([["a", "1"]]), layerOf([["b", "2"]])].map(lab.workshop.layerFile);
    const snapshot = await backend.unpack(layers);
    await snapshot.view();
    const finished = await backend.open(snapshot, { lastUse: false });
    await (await finished.finish()).view();
    await backend.open(snapshot, { lastUse: false });
    const abandoned = await backend.open(snapshot, { lastUse: false });
    await lab.change(abandoned, [{ do: "make", path: "half", node: file() }]);
    await abandoned[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    assert.deepEqual(mountsBelow(lab), mountsBefore);
  });
}

/** A rootfs with TREE and busybox in it. */
async function openWithShell(lab: Lab): Promise<RootFs> {
  await ensureTools(["busybox"]);
  const source = findProgram("busybox");
  assert.ok(source);
  const shell = await lab.workshop.disk.write({ "bin": dir(), "proc": dir(), "sys": dir(), "dev": dir() });
  for (const name of ["sh", "cat", "rm"]) Deno.copyFileSync(source, `${shell}/bin/${name}`);
  for (const name of ["sh", "cat", "rm"]) Deno.chmodSync(`${shell}/bin/${name}`, 0o755);
  const rootfs = await lab.open(TREE);
  await lab.copy(rootfs, {
    from: { root: shell, kind: "context", description: "the shell" },
    sources: ["."],
    destination: "/",
  });
  await lab.layer(rootfs);
  return rootfs;
}

async function run(rootfs: RootFs, argv: readonly string[], output: string[]): Promise<{ readonly code: number }> {
  const spec: ExecSpec = {
    argv,
    environment: ["PATH=/bin"],
    workingDirectory: "/",
    user: { uid: 0, gid: 0, groups: [0], home: "/" },
    hostname: "test",
    network: "host",
    confined: true,
    mounts: [],
  };
  const take = (chunk: Uint8Array): void => void output.push(new TextDecoder().decode(chunk));
  return await rootfs.exec(spec, { stdout: take, stderr: take, signal: new AbortController().signal, graceMs: 1000 });
}

function mountsBelow(lab: Lab): readonly string[] {
  const mounts = Deno.readTextFileSync("/proc/thread-self/mountinfo").split("\n");
  return mounts.map((line) => line.split(" ")[4] ?? "").filter((path) => path.startsWith(lab.workshop.disk.path));
}
