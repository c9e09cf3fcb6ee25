/**
 * Cache mounts that several commands, stages and builds use: who waits, who ends, and what is kept.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Outcome, type Running, type Site, type StartOptions, startSite } from "../support/executor_site.ts";
import { addBase } from "../support/registry_base.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { AS_IN_A_CONTAINER } from "../support/without_user_namespaces.ts";

interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  readonly through?: readonly string[];
}

/** Ways to mount; in the last, what would be mounted is put in place. */
const MOUNTED: Way = { name: "overlay", flags: ["--isolation=overlay"] };
const UNMOUNTED: Way = {
  name: "chroot without CAP_SYS_ADMIN",
  flags: ["--isolation=chroot"],
  through: AS_IN_A_CONTAINER,
};
const WAYS: readonly Way[] = [MOUNTED, { name: "chroot", flags: ["--isolation=chroot"] }, UNMOUNTED];

/** Far more than any of these builds takes, and less than for ever. */
const TOO_LONG_MS = 60_000;

interface Workshop extends AsyncDisposable {
  readonly site: Site;
  /** Starts a build; `{BASE}` is busybox. All builds of a workshop have one work directory. */
  start(dockerfile: string, way: Way, args?: readonly string[]): Promise<Running>;
  build(dockerfile: string, way: Way, args?: readonly string[]): Promise<Outcome>;
}

async function open(): Promise<Workshop> {
  const registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  const site = await startSite();
  let next = 0;
  const start: Workshop["start"] = async (dockerfile, way, args = []) => {
    const name = `Dockerfile.${next++}`;
    const base = `${registry.host}/base/busybox:latest`;
    await site.write({
      [name]: dockerfile.replaceAll(/^FROM \{BASE\}.*$/gm, "$&\nENV MARK={MARK}").replaceAll("{BASE}", base),
    });
    const options: StartOptions = way.through === undefined ? {} : { through: way.through };
    const all = ["--no-push", "--insecure-pull", `--dockerfile=${name}`, ...way.flags, ...args];
    const running = site.start(all, options);
    const timer = setTimeout(() => running.kill("SIGKILL"), TOO_LONG_MS);
    void running.outcome.then(() => clearTimeout(timer));
    return running;
  };
  return {
    site,
    start,
    build: async (...how) => (await start(...how)).outcome,
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

for (const way of WAYS) {
  Deno.test(`cache with from=, is another one when the content is another (${way.name})`, async () => {
    await using shop = await open();
    const dockerfile = "FROM {BASE} AS seed\nCOPY seed /seed\nFROM {BASE}\n" +
      "RUN --mount=type=cache,target=/c,from=seed,source=/seed cat /c/*; echo kept > /c/$(cat /c/version)\n";
    const seen = async (version: string): Promise<readonly string[]> => {
      await shop.site.write({ "seed/version": `${version}\n` });
      const { code, stdout, stderr } = await shop.build(dockerfile, way);
      assert.equal(code, 0, stderr);
      return stdout.split("\n").flatMap((line) => /^\[[^\]]*2\/2\] (?!RUN|COPY)(.*)$/.exec(line)?.[1] ?? []);
    };
    assert.deepEqual(await seen("one"), ["one"]);
    assert.deepEqual(await seen("two"), ["two"]);
    assert.deepEqual(await seen("one"), ["kept", "one"]);
    await shop.site.assertNothingLeft();
  });

  Deno.test(`locked caches in two orders, do not wait for each other for ever (${way.name})`, async () => {
    await using shop = await open();
    const run = (first: string, second: string): string =>
      `RUN --mount=type=cache,id=${first},sharing=locked,target=/1 ` +
      `--mount=type=cache,id=${second},sharing=locked,target=/2 touch /1/x /2/x\n`;
    const { code, stderr } = await shop.build(
      `FROM {BASE} AS one\n${run("AA", "BB").repeat(3)}FROM {BASE} AS two\n${run("BB", "AA").repeat(3)}` +
        "FROM {BASE}\nCOPY --from=one /bin/sh /one\nCOPY --from=two /bin/sh /two\n",
      way,
    );
    assert.equal(code, 0, stderr);
    await shop.site.assertNothingLeft();
  });

  Deno.test(`locked cache twice in one RUN, is one cache (${way.name})`, async () => {
    await using shop = await open();
    const mounts = ["/a", "/b"].map((target) => `--mount=type=cache,id=same,sharing=locked,target=${target}`).join(" ");
    const { code, stderr } = await shop.build(
      `FROM {BASE}\nRUN ${mounts} echo x > /a/f && cat /b/f\n` +
        "RUN --mount=type=cache,id=same,target=/c cat /c/f && ! ls /a /b\n",
      way,
    );
    assert.equal(code, 0, stderr);
    await shop.site.assertNothingLeft();
  });

  Deno.test(`locked cache, is not held while its user waits for a stage that needs it (${way.name})`, async () => {
    await using shop = await open();
    const cache = "--mount=type=cache,id=same,sharing=locked,target=/c";
    const { code, stderr } = await shop.build(
      `FROM {BASE} AS other\nRUN for i in 1 2 3; do usleep 100000; done\nRUN ${cache} touch /f\n` +
        `FROM {BASE}\nRUN ${cache} --mount=from=other,target=/o ls /o/f\n`,
      way,
    );
    assert.equal(code, 0, stderr);
    await shop.site.assertNothingLeft();
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    Deno.test(`${signal} while a build waits for a cache, ends it soon (${way.name})`, async () => {
      await using shop = await open();
      const cache = "RUN --mount=type=cache,id=same,sharing=locked,target=/c";
      const holder = await shop.start(`FROM {BASE}\n${cache} echo ready; sleep 300\n`, way);
      await holder.said("] ready");
      const waiting = await shop.start(`FROM {BASE}\n${cache} true\n`, way);
      await waiting.said('Waiting for the cache "same"');
      const told = performance.now();
      waiting.kill(signal);
      const { code, stderr } = await waiting.outcome;
      assert.equal(code, 75, stderr);
      assert.ok(performance.now() - told < 5_000, `it took ${performance.now() - told} ms`);
      holder.kill("SIGTERM");
      assert.equal((await holder.outcome).code, 75);
      await shop.site.assertNothingLeft();
    });
  }

  Deno.test(`shared cache, takes what two stages write to it at a time (${way.name})`, async () => {
    await using shop = await open();
    const run = (name: string): string =>
      `RUN --mount=type=cache,id=same,target=/c usleep 100000; touch /c/${name}; usleep 100000\n`;
    const { code, stderr } = await shop.build(
      `FROM {BASE} AS one\n${run("one")}FROM {BASE} AS two\n${run("two")}` +
        "FROM {BASE}\nCOPY --from=one /bin/sh /one\nCOPY --from=two /bin/sh /two\n" +
        "RUN --mount=type=cache,id=same,target=/c ls /c/one /c/two\n",
      way,
    );
    assert.equal(code, 0, stderr);
    await shop.site.assertNothingLeft();
  });

  Deno.test(`kill -9 during a RUN, loses nothing of its caches, and leaves no secret in them (${way.name})`, async () => {
    await using shop = await open();
    const cache = "--mount=type=cache,target=/deep/c";
    assert.equal((await shop.build(`FROM {BASE}\nRUN ${cache} echo old > /deep/c/old\n`, way)).code, 0);
    await shop.site.write({ token: "hush-hush\n" });
    const killed = await shop.start(
      `FROM {BASE}\nRUN ${cache} --mount=type=secret,id=s,target=/deep/c/sub/s echo new > /deep/c/new; ` +
        "[ -s /deep/c/sub/s ] && echo ready; sleep 300\n",
      way,
      [`--secret=id=s,src=${shop.site.context}/token`],
    );
    await killed.said("] ready");
    killed.kill("SIGKILL");
    await killed.outcome;
    const { code, stdout, stderr } = await shop.build(
      `FROM {BASE}\nRUN ${cache} cat /deep/c/old /deep/c/new; [ ! -s /deep/c/sub/s ]\n`,
      way,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /\] old\n.*\] new\n/);
    await shop.site.assertNothingLeft();
  });
}

Deno.test("filtered context, is copied once for all commands that mount it", async () => {
  await using shop = await open();
  await shop.site.write({ ".dockerignore": "hidden\n", hidden: "", "large": "x" });
  const mounts = "--mount=target=/ctx --mount=type=cache,target=/c";
  const { code, stderr } = await shop.build(
    `FROM {BASE}\nRUN ${mounts} stat -c %i /ctx/large > /c/first; [ ! -e /ctx/hidden ]\n` +
      `RUN ${mounts} [ "$(stat -c %i /ctx/large)" = "$(cat /c/first)" ]\n` +
      `FROM {BASE}\nCOPY --from=0 /bin/sh /x\nRUN ${mounts} [ "$(stat -c %i /ctx/large)" = "$(cat /c/first)" ]\n`,
    MOUNTED,
  );
  assert.equal(code, 0, stderr);
  await shop.site.assertNothingLeft();
});

Deno.test("cache that a command replaced by a symlink, leads nowhere", async () => {
  await using shop = await open();
  const cache = "--mount=type=cache,id=same,target=/c";
  const { code, stderr } = await shop.build(`FROM {BASE}\nRUN ${cache} rmdir /c && ln -s /etc /c\n`, UNMOUNTED);
  assert.equal(code, 0, stderr);
  const after = await shop.build(`FROM {BASE}\nRUN ${cache} ls -A /c | wc -l; [ -z "$(ls -A /c)" ]\n`, MOUNTED);
  assert.equal(after.code, 0, after.stderr);
  await shop.site.assertNothingLeft();
});

Deno.test("old cache that no build uses, is removed by the next one", async () => {
  await using shop = await open();
  const dockerfile = "FROM {BASE}\nRUN --mount=type=cache,target=/c echo kept > /c/file\n";
  assert.equal((await shop.build(dockerfile, MOUNTED)).code, 0);
  const caches = `${shop.site.work}/cache-mounts`;
  const listed = (): readonly string[] => [...Deno.readDirSync(caches)].map(({ name }) => name);
  const [lock] = listed().filter((name) => name.endsWith(".lock"));
  const at = Date.now() / 1000 - 20 * 86_400;
  const makeOld = (): void => Deno.utimeSync(`${caches}/${lock}`, at, at);
  makeOld();
  assert.equal((await shop.build("FROM {BASE}\nRUN true\n", MOUNTED, ["--cache-mount-ttl=0"])).code, 0);
  assert.equal(listed().length, 2);
  const { code, stderr } = await shop.build("FROM {BASE}\nRUN true\n", MOUNTED);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^INFO\[\d+\] Removed 1 caches of RUN that no build has used for long$/m);
  assert.deepEqual(listed(), []);
});

// Guard: the namespace in keyOf of lib/exec/mounts/cache.ts.
Deno.test("S73 cache of the same name in another namespace, is another cache", async () => {
  await using shop = await open();
  const poison = "FROM {BASE}\nRUN --mount=type=cache,id=deps,target=/c echo poison > /c/file\n";
  const use = "FROM {BASE}\nRUN --mount=type=cache,id=deps,target=/c [ ! -e /c/file ]\n";
  const scope = (name: string): readonly string[] => [`--build-arg=BUILDKIT_CACHE_MOUNT_NS=${name}`];
  assert.equal((await shop.build(poison, MOUNTED, scope("pull-request"))).code, 0);
  assert.equal((await shop.build(use, MOUNTED, scope("release"))).code, 0);
  assert.equal((await shop.build(use, MOUNTED)).code, 0);
  assert.equal((await shop.build(use, MOUNTED, scope("pull-request"))).code, 1);
});
