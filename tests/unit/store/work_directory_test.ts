/**
 * The directory of a build.
 *
 * @module
 */
import assert from "node:assert/strict";
import { WorkDirectory } from "../../../lib/store/work_directory.ts";

async function inDirectory(body: (path: string) => Promise<void> | void): Promise<void> {
  const path = await Deno.makeTempDir({ prefix: "kiln-work-" });
  try {
    await body(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

function builds(path: string): readonly string[] {
  return [...Deno.readDirSync(`${path}/builds`)].map(({ name }) => name);
}

Deno.test("WorkDirectory, is gone after its end but for what builds share", async () => {
  await inDirectory((path) => {
    {
      using work = WorkDirectory.create(path);
      Deno.writeTextFileSync(`${work.makeDirectory("some")}/file`, "text");
      assert.equal(builds(path).length, 1);
    }
    assert.deepEqual(builds(path), []);
    assert.ok(Deno.statSync(`${path}/cache-mounts`).isDirectory);
  });
});

Deno.test("WorkDirectory, removes those of dead builds and leaves those of live ones", async () => {
  await inDirectory((path) => {
    using first = WorkDirectory.create(path);
    Deno.mkdirSync(`${path}/builds/build-dead/below`, { recursive: true });
    using second = WorkDirectory.create(path);
    assert.deepEqual(builds(path).toSorted(), [first, second].map((each) => each.path.split("/").at(-1)).toSorted());
  });
});

Deno.test("WorkDirectory, is removed while a Worker that is ending still makes files in it", async () => {
  const writer = `
    onmessage = ({ data: { path, shared } }) => {
      const words = new Int32Array(shared);
      for (let at = 0; at < 3000; at++) {
        try {
          Deno.writeTextFileSync(path + "/" + at, "");
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
          break;
        }
        if (at === 10) Atomics.notify(words, 0, Atomics.store(words, 0, 1));
      }
    };
    postMessage("ready");
  `;
  const worker = new Worker(URL.createObjectURL(new Blob([writer], { type: "text/javascript" })), { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  await inDirectory((path) => {
    const work = WorkDirectory.create(path);
    const shared = new SharedArrayBuffer(4);
    worker.postMessage({ path: work.makeDirectory("busy"), shared });
    Atomics.wait(new Int32Array(shared), 0, 0);
    work[Symbol.dispose]();
    assert.deepEqual(builds(path), []);
  });
  worker.terminate();
});

Deno.test("WorkDirectory, says in words why a place cannot be used", async () => {
  await inDirectory((path) => {
    Deno.writeTextFileSync(`${path}/file`, "");
    assert.throws(() => WorkDirectory.create(`${path}/file/work`), {
      message:
        `Cannot use the work directory "${path}/file/work": something that is not a directory is in the way (ENOTDIR)`,
      hint: "name a directory that can be written with --work-dir",
      kind: "disk",
    });
  });
});
