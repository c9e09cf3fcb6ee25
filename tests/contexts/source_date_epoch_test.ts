/**
 * SOURCE_DATE_EPOCH that names where it comes from (dockerfile.md 2.4): contexts, named contexts and stages of every kind
 * that has a time, and that an image then is the same however often it is built.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { startArchiveServer } from "../support/archive_server.ts";
import { assertContextFails, buildFrom } from "../support/context_build.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { COMMIT_TIME } from "../support/git_repository.ts";
import { gitSite, smallRepository } from "../support/git_site.ts";
import { archive, entry } from "../support/tar_forge.ts";

await prepared({ tools: ["git"] });

const DOCKERFILE = "FROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY . /\nLABEL epoch=${SOURCE_DATE_EPOCH-none}\n";
/** Of the newest regular file; what is no such file is newer. */
const NEWEST = 1_500_000_000;
const ARCHIVE = archive(
  entry({ name: "later/", typeFlag: "5", mode: 0o755, mtime: NEWEST + 500 }),
  entry({ name: "Dockerfile", mtime: NEWEST - 7 }, DOCKERFILE),
  entry({ name: "x", mtime: NEWEST }, "x"),
);
const MODIFIED = "Tue, 15 Nov 1994 12:45:26 GMT";
const MODIFIED_SEC = 784_903_526;

interface Built {
  /** What ARG SOURCE_DATE_EPOCH said. */
  readonly seen: string | undefined;
  /** Seconds since 1970. */
  readonly created: number;
  /** The index of the layout: it names digests of all there is. */
  readonly index: string;
}

async function built(site: Site, context: string, args: readonly string[]): Promise<Built> {
  const { code, stderr } = await buildFrom(site, context, { args });
  assert.equal(code, 0, stderr);
  await site.assertNothingLeft();
  const image = join(site.path, "image");
  const { config } = await flatten(image);
  const labels = config.config?.["Labels"] as Readonly<Record<string, string>> | undefined;
  const created = new Date(config.created ?? "").getTime() / 1000;
  const index = await Deno.readTextFile(join(image, "index.json"));
  await Deno.remove(image, { recursive: true });
  return { seen: labels?.["epoch"], created, index };
}

/** Builds twice, a second apart as files and clocks count them, and checks that both are of that time, and the same. */
async function assertOf(seconds: number, site: Site, context: string, args: readonly string[] = []): Promise<void> {
  const first = await built(site, context, args);
  assert.deepEqual([first.seen, first.created], [String(seconds), seconds]);
  await new Promise((done) => setTimeout(done, 1100));
  assert.deepEqual(await built(site, context, args), first);
}

const CONTEXT = "--build-arg=SOURCE_DATE_EPOCH=context";

Deno.test("SOURCE_DATE_EPOCH=context [2.4], of a repository is the time of its commit", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  await smallRepository(at.root, "app", { Dockerfile: `ARG SOURCE_DATE_EPOCH=context\n${DOCKERFILE}`, f: "f" });
  const url = at.server.url("app.git").href;
  await assertOf(COMMIT_TIME, site, url);
  await assertOf(COMMIT_TIME, site, url, [CONTEXT]);
});

Deno.test("SOURCE_DATE_EPOCH=context [2.4], of an archive is what the server says, else its newest file's", async () => {
  await using server = await startArchiveServer(ARCHIVE);
  await using site = await startSite();
  await assertOf(NEWEST, site, server.url, [CONTEXT]);
  server.served.modified = MODIFIED;
  await assertOf(MODIFIED_SEC, site, server.url, [CONTEXT]);
  const file = join(site.path, "context.tar");
  await Deno.writeFile(file, ARCHIVE);
  await assertOf(NEWEST, site, `tar://${file}`, [CONTEXT]);
});

Deno.test("SOURCE_DATE_EPOCH=context [2.4], of a directory is not set", async () => {
  await using site = await startSite({ Dockerfile: `ARG SOURCE_DATE_EPOCH=context\n${DOCKERFILE}` });
  const began = Date.now() / 1000 - 1;
  for (const args of [[], [CONTEXT]]) {
    const { seen, created } = await built(site, site.context, args);
    assert.equal(seen, "none");
    assert.ok(created >= began, `created at ${created}`);
  }
});

Deno.test("SOURCE_DATE_EPOCH [2.4], is the time of the named context it names", async () => {
  await using at = await gitSite();
  await using server = await startArchiveServer(ARCHIVE);
  await using site = await startSite({ Dockerfile: `ARG SOURCE_DATE_EPOCH=src\n${DOCKERFILE}` });
  await smallRepository(at.root);
  await assertOf(COMMIT_TIME, site, site.context, [`--build-context=src=${at.server.url("app.git").href}`]);
  await assertOf(NEWEST, site, site.context, [`--build-context=src=${server.url}`]);
  server.served.modified = MODIFIED;
  await assertOf(MODIFIED_SEC, site, site.context, [`--build-context=src=${server.url}`]);
  assert.equal((await built(site, site.context, ["--build-context=src=."])).seen, "none");
  await assertContextFails(site, site.context, {
    code: 65,
    error: /SOURCE_DATE_EPOCH "src": it is neither a number nor the name of a context or stage/,
  });
});

Deno.test("SOURCE_DATE_EPOCH [2.4], is the time of what the stage it names fetches, once", async () => {
  await using at = await gitSite();
  await using server = await startArchiveServer(ARCHIVE);
  await using site = await startSite();
  await smallRepository(at.root);
  const by = async (source: string): Promise<void> => {
    const stage = `FROM scratch AS src\nARG TARGETARCH\nADD ${source} /x\n`;
    await site.write({ Dockerfile: `ARG SOURCE_DATE_EPOCH=src\n${stage}${DOCKERFILE}COPY --from=src /x /y/\n` });
  };
  await by(server.url);
  await assertOf(NEWEST, site, site.context);
  assert.equal(server.seen.length, 2, "once for each build");
  server.served.modified = MODIFIED;
  await assertOf(MODIFIED_SEC, site, site.context);
  await by(at.server.url("app.git").href);
  await assertOf(COMMIT_TIME, site, site.context);
  // What is no archive has no time but what the server says.
  server.served.bytes = new TextEncoder().encode("text");
  delete server.served.modified;
  await by(server.url);
  assert.equal((await built(site, site.context, [])).seen, "none");
});
