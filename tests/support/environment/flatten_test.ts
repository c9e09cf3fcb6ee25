/**
 * The oracle itself: it must read what GNU tar writes without loss, and complain where an image is malformed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { run } from "./command.ts";
import { flatten } from "./flatten.ts";
import { type LayoutRequest, writeLayout } from "./layout_writer.ts";
import { compareListings } from "./listing.ts";
import { ensureTools } from "./tools.ts";
import { listTree } from "./tree_listing.ts";

/** Makes a folder, gives it to `body` and removes it. */
async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes an image whose layers are made by one shell script each, and flattens it. */
async function flattened(scripts: readonly string[], request: Partial<LayoutRequest> = {}): ReturnType<typeof flatten> {
  return await inFolder(async (folder) => {
    const layers = [];
    for (const [index, script] of scripts.entries()) {
      const layer = join(folder, `layer${index}`);
      await Deno.mkdir(layer);
      await run(["sh", "-ec", script], { cwd: layer });
      layers.push({ folder: layer });
    }
    await Deno.mkdir(join(folder, "image"));
    await writeLayout(join(folder, "image"), { layers, ...request });
    return await flatten(join(folder, "image"));
  });
}

Deno.test("flatten() reads every kind of file as GNU tools list it", async () => {
  await ensureTools(["getfattr", "getcap"]);
  await inFolder(async (folder) => {
    const tree = join(folder, "tree");
    await Deno.mkdir(tree);
    const long = "a".repeat(120);
    const script = `
      echo text > file; ln file other; ln -s file link; ln -s ${"x".repeat(150)} longlink; mkfifo pipe
      mkdir -p ${long}/${long}; echo deep > ${long}/${long}/file; : > empty; chmod 4711 empty; mkdir -m 1777 sticky
      printf x > "$(printf 'caf\\351\\012x')"; touch -d @-5.25 old; touch -d @1.000000001 young
      setfattr -n user.note -v "$(printf 'a=b')" file
      mknod null c 1 3; mknod disk b 8 17; chown -h 3000000:5 link file; cp /bin/true capable; setcap cap_net_raw+ep capable`;
    await run(["sh", "-ec", script], { cwd: tree });
    await Deno.mkdir(join(folder, "image"));
    await writeLayout(join(folder, "image"), { layers: [{ folder: tree }] });
    const { files } = await flatten(join(folder, "image"));
    const listed = await listTree(tree);
    assert.deepEqual(compareListings(files, listed), []);
    assert.notEqual(listed.get("/capable")?.xattrs?.["security.capability"], undefined);
    assert.equal(listed.get("/disk")?.device, "8,17");
    assert.equal(listed.get("/other")?.sameAs, "/file");
    assert.equal(listed.has("/caf\u00e9\nx"), true);
    assert.equal(listed.get("/old")?.mtime, "-5.250000000");
  });
});

Deno.test("flatten() applies whiteouts to lower layers only", async () => {
  const { files } = await flattened([
    "mkdir -p keep drop hide; echo a > keep/a; echo b > keep/b; echo c > drop/c; echo d > hide/d",
    "mkdir keep hide; : > keep/.wh.a; : > .wh.drop; : > hide/.wh..wh..opq; echo e > hide/e",
  ]);
  assert.deepEqual([...files.keys()].sort(), ["/", "/hide", "/hide/e", "/keep", "/keep/b"]);
});

Deno.test("flatten() replaces a folder by a file and forgets what was in it", async () => {
  const { files } = await flattened(["mkdir -p a/b; echo x > a/b/c", "echo file > a"]);
  assert.deepEqual([...files.keys()].sort(), ["/", "/a"]);
  assert.equal(files.get("/a")?.type, "file");
});

Deno.test("flatten() parts the names of a hard link when a layer replaces one", async () => {
  const { files } = await flattened(["echo x > a; ln a b; ln a c", "echo y > b"]);
  assert.deepEqual([files.get("/a")?.sameAs, files.get("/b")?.sameAs, files.get("/c")?.sameAs], [
    "/a",
    undefined,
    "/a",
  ]);
});

Deno.test("flatten() reads zstd and plain layers and docker's media types", async () => {
  for (const compression of ["zstd", "none", "gzip"] as const) {
    const { files, manifest } = await flattened(["echo x > a"], { compression, types: "docker" });
    assert.deepEqual([...files.keys()].sort(), ["/", "/a"]);
    assert.match(manifest?.mediaType ?? "", /docker/);
  }
});

Deno.test("flatten() complains about a blob that is not what its descriptor says", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "a.tar"), "\0".repeat(1024));
    await Deno.mkdir(join(folder, "image"));
    await writeLayout(join(folder, "image"), { layers: [{ tar: join(folder, "a.tar") }] });
    const blobs = join(folder, "image/blobs/sha256");
    for (const blob of Deno.readDirSync(blobs)) await Deno.writeTextFile(join(blobs, blob.name), " ", { append: true });
    await assert.rejects(flatten(join(folder, "image")), /its content has digest/);
  });
});

Deno.test("flatten() complains about archives that extractors may trip over", async () => {
  const faults: readonly (readonly [string, RegExp])[] = [
    ["tar -cf - --transform 's,^,../,' file", /leads out of its folder/],
    ["{ tar -b1 -cf - file | head -c 1024; tar -b1 -cf - file; }", /twice/],
    ["tar -cf - file | head -c 700", /cut off|ends inside/],
    ["tar -b1 -cf - file | head -c 1536", /one zero block|cut off/],
    ["{ tar -cf - file; echo junk; }", /data after the end/],
    ["truncate -s 1M sparse; tar -S --format=gnu -cf - sparse", /entry type "S"/],
  ];
  for (const [script, message] of faults) {
    await inFolder(async (folder) => {
      await Deno.writeTextFile(join(folder, "file"), "content\n");
      await run(["sh", "-ec", `(${script}) > x.tar`], { cwd: folder });
      await Deno.mkdir(join(folder, "image"));
      await writeLayout(join(folder, "image"), { layers: [{ tar: join(folder, "x.tar") }] });
      await assert.rejects(flatten(join(folder, "image")), message, script);
    });
  }
});
