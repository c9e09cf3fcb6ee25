import assert from "node:assert/strict";
import { tryLockCache } from "../../../../lib/exec/mounts/cache_lock.ts";
import { planCache, type PlannedCache, takeCaches } from "../../../../lib/exec/mounts/cache.ts";
import type { MountRequest, MountSources } from "../../../../lib/exec/mounts/prepared.ts";
import { pruneCaches } from "../../../../lib/exec/mounts/prune_caches.ts";
import { SourceViews } from "../../../../lib/exec/mounts/source_views.ts";
import { bytePathOf } from "../../../../lib/io/byte_path.ts";
import type { Report } from "../../../../lib/report/report.ts";
import { close } from "../../../../lib/sys/file.ts";
import { createPool } from "../../../support/fetch_context.ts";

interface Place extends AsyncDisposable {
  readonly sources: MountSources;
  readonly seed: string;
  readonly said: readonly string[];
  plan(request?: Partial<MountRequest>): Promise<PlannedCache>;
}

function open(signal: AbortSignal = new AbortController().signal): Place {
  const path = Deno.makeTempDirSync({ prefix: "kiln-cache-" });
  for (const name of ["caches", "views", "seed"]) Deno.mkdirSync(`${path}/${name}`);
  const pool = createPool();
  const said: string[] = [];
  const report: Report = {
    message: (_level, text) => said.push(text),
    output: () => {},
    step: () => report,
  };
  const tree = { root: bytePathOf(`${path}/seed`), kind: "stage", description: "the stage" } as const;
  // What caches need not is left out.
  const sources = {
    cacheDirectory: `${path}/caches`,
    cacheNamespace: "",
    tree: () => Promise.resolve(tree),
    pool,
    views: new SourceViews({ directory: bytePathOf(`${path}/views`), pool }),
    signal,
    report,
  } as Partial<MountSources> as MountSources;
  const defaults = { readOnly: false, id: "id", sharing: "shared", required: false, target: "/c" } as const;
  return {
    sources,
    seed: `${path}/seed`,
    said,
    plan: (request = {}) => planCache({ ...defaults, ...request }, sources),
    async [Symbol.asyncDispose](): Promise<void> {
      pool[Symbol.dispose]();
      await Deno.remove(path, { recursive: true });
    },
  };
}

const SHARED = { exclusive: false };

Deno.test("shared cache, made by two at a time, is one directory for both", async () => {
  await using place = open();
  const plans = [await place.plan({ from: "stage" }), await place.plan({ from: "stage" })];
  const inodes = await Promise.all(plans.map(async (plan) => {
    const taken = await takeCaches([plan], place.sources, SHARED);
    const [cache] = taken.values();
    const { ino } = Deno.statSync(cache?.directory ?? "");
    return { ino, release: () => cache?.release() };
  }));
  assert.equal(inodes[0]?.ino, inodes[1]?.ino);
  for (const { release } of inodes) release();
  // What the slower one made is gone.
  assert.deepEqual(
    [...Deno.readDirSync(place.sources.cacheDirectory)].map(({ name }) => name).toSorted(),
    [plans[0]?.key, `${plans[0]?.key}.lock`],
  );
});

Deno.test("cache with a seed, has the same key for the same content only", async () => {
  await using place = open();
  const before = await place.plan({ from: "stage" });
  Deno.mkdirSync(`${place.seed}/sub`);
  assert.equal((await place.plan({ from: "stage" })).key, before.key, "one build reads a seed once");
  const views = new SourceViews({ directory: "/", pool: place.sources.pool });
  const request = { from: "x", readOnly: false, id: "id", sharing: "shared", required: false, target: "/c" } as const;
  assert.notEqual((await planCache(request, { ...place.sources, views })).key, before.key);
});

Deno.test("private cache that is in use, gives the next one a directory of its own", async () => {
  await using place = open();
  const plan = await place.plan({ sharing: "private" });
  const [one] = (await takeCaches([plan], place.sources, SHARED)).values();
  const [two] = (await takeCaches([plan], place.sources, SHARED)).values();
  assert.notEqual(one?.directory, two?.directory);
  one?.release();
  const [three] = (await takeCaches([plan], place.sources, SHARED)).values();
  assert.equal(three?.directory, one?.directory);
  two?.release();
  three?.release();
});

for (
  const [who, sharing, how] of [
    ["locked cache", "locked", { exclusive: false }],
    ["shared cache where only one can use it", "shared", { exclusive: true }],
  ] as const
) {
  Deno.test(`${who} that is in use, is waited for until the build is ended, and all taken before are free`, async () => {
    const ending = new AbortController();
    await using place = open(ending.signal);
    const plans = await Promise.all(["a", "b"].map((id) => place.plan({ id, sharing })));
    const [first, last] = plans.toSorted((a, b) => a.key < b.key ? -1 : 1);
    assert.ok(first !== undefined && last !== undefined);
    const [held] = (await takeCaches([last], place.sources, how)).values();
    const waiting = takeCaches(plans, place.sources, how);
    const told = assert.rejects(waiting, /^Error: ended$/);
    ending.abort(new Error("ended"));
    await told;
    assert.deepEqual(place.said, [`Waiting for the cache "${last.request.id}", which another command uses`]);
    const [free] = (await takeCaches([first], place.sources, how)).values();
    free?.release();
    held?.release();
  });
}

/** Says that a cache was last used so many days ago. */
function age(place: Place, key: string, days: number): void {
  const at = Date.now() / 1000 - days * 86_400;
  Deno.utimeSync(`${place.sources.cacheDirectory}/${key}.lock`, at, at);
}

Deno.test("pruneCaches(), removes what was not used for long, and what killed builds left", async () => {
  await using place = open();
  const [old, young, used] = [await place.plan(), await place.plan({ id: "young" }), await place.plan({ id: "used" })];
  for (const plan of [old, young]) {
    (await takeCaches([plan], place.sources, SHARED)).forEach(({ release }) => release());
  }
  const inUse = await takeCaches([used], place.sources, SHARED);
  const directory = place.sources.cacheDirectory;
  const remains = `${directory}/${young.key}.${crypto.randomUUID()}`;
  Deno.mkdirSync(`${remains}/tree`, { recursive: true });
  age(place, old.key, 15);
  age(place, young.key, 13);
  age(place, used.key, 100);
  assert.equal(pruneCaches({ directory, usedBeforeMs: Date.now() - 14 * 86_400_000 }), 1);
  assert.deepEqual(
    [...Deno.readDirSync(directory)].map(({ name }) => name).sort(),
    [used, young].flatMap(({ key }) => [key, `${key}.lock`]).sort(),
  );
  inUse.forEach(({ release }) => release());
});

Deno.test("pruneCaches(), a cache that is used again is not old", async () => {
  await using place = open();
  const plan = await place.plan();
  (await takeCaches([plan], place.sources, SHARED)).forEach(({ release }) => release());
  age(place, plan.key, 100);
  (await takeCaches([plan], place.sources, SHARED)).forEach(({ release }) => release());
  const directory = place.sources.cacheDirectory;
  assert.equal(pruneCaches({ directory, usedBeforeMs: Date.now() - 86_400_000 }), 0);
});

// Guard: the comparison of inodes in lib/exec/mounts/cache_lock.ts.
Deno.test("tryLockCache(), a lock that was removed meanwhile keeps others out no more", async () => {
  await using place = open();
  const home = bytePathOf(`${place.sources.cacheDirectory}/home`);
  const first = tryLockCache(home, "exclusive");
  assert.ok(first !== undefined);
  assert.equal(tryLockCache(home, "exclusive"), undefined);
  Deno.removeSync(`${home}.lock`);
  const second = tryLockCache(home, "exclusive");
  assert.ok(second !== undefined);
  close(first);
  assert.equal(tryLockCache(home, "shared"), undefined);
  close(second);
});
