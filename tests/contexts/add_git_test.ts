/**
 * ADD of git repositories [3.4/2], and what hostile ones try through it (S45 to S49).
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { assertContextFails, buildFrom } from "../support/context_build.ts";
import { prepared } from "../support/environment/environment.ts";
import { type FlatImage, flatten } from "../support/environment/flatten.ts";
import { type Site, type StartOptions, startSite } from "../support/executor_site.ts";
import { COMMIT_TIME, git } from "../support/git_repository.ts";
import { startGitServer } from "../support/git_server.ts";
import { gitSite, smallRepository, writeFiles } from "../support/git_site.ts";

await prepared({ tools: ["git"] });

type Options = StartOptions & { readonly args?: readonly string[] };

/** Builds an image `FROM scratch` with these lines. */
async function image(site: Site, lines: string, options: Options = {}): Promise<FlatImage & { readonly log: string }> {
  await site.write({ Dockerfile: `FROM scratch\n${lines}\n` });
  const { code, stderr } = await buildFrom(site, site.context, options);
  assert.equal(code, 0, stderr);
  await site.assertNothingLeft();
  return { ...await flatten(join(site.path, "image")), log: stderr };
}

async function fails(site: Site, lines: string, code: number, error: RegExp, options: Options = {}): Promise<string> {
  await site.write({ Dockerfile: `FROM scratch\n${lines}\n` });
  return (await assertContextFails(site, site.context, { ...options, code, error })).stderr;
}

function paths({ files }: FlatImage): readonly string[] {
  return [...files.keys()].filter((path) => path !== "/").sort();
}

Deno.test("ADD of a repository [3.4], copies its root without .git, files 0644 or 0755 and root's", async () => {
  await using at = await gitSite();
  await using site = await startSite({ ".dockerignore": "*\n" });
  const { work, commit } = await smallRepository(at.root);
  await writeFiles(work, { "d/run": "#!/bin/sh\n" });
  await Deno.chmod(`${work}/d/run`, 0o700);
  await Deno.symlink("f", `${work}/link`);
  await commit("second");
  const url = at.server.url("app.git").href;
  const built = await image(
    site,
    `ADD ${url} /src\nADD --chown=5:6 --exclude=d ${url} /owned/\nADD --link ${url} /src`,
  );
  assert.deepEqual(paths(built), [
    ...["/owned", "/owned/f", "/owned/link"],
    ...["/src", "/src/d", "/src/d/run", "/src/f", "/src/link"],
  ]);
  const of = (path: string) => [built.files.get(path)?.mode, built.files.get(path)?.uid, built.files.get(path)?.gid];
  assert.deepEqual(of("/src/f"), ["0644", 0, 0]);
  assert.deepEqual(of("/src/d/run"), ["0755", 0, 0]);
  assert.deepEqual(of("/src/d"), ["0755", 0, 0]);
  assert.deepEqual(of("/owned/f"), ["0644", 5, 6]);
  assert.equal(at.server.requests.filter(({ url }) => url.includes("info/refs")).length, 1, "it is fetched once");
});

Deno.test("ADD of a repository [3.4], takes references, subdirectories and times as its fragment and query say", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  const { work, commit, first } = await smallRepository(at.root);
  await git(work, "tag", "-a", "-m", "v1", "v1");
  await git(work, "push", "-q", "origin", "v1");
  await git(work, "checkout", "-q", "-b", "dev/x");
  await writeFiles(work, { "sub/deep/g": "g\n" });
  const second = await commit("second");
  const url = at.server.url("app.git").href;
  const built = await image(
    site,
    [
      `ADD ${url}#v1 /tag/`,
      `ADD ${url}?branch=dev/x /branch/`,
      `ADD ${url}#dev/x:sub /sub/`,
      `ADD ${url}?ref=dev/x&subdir=sub/deep&mtime=commit /deep/`,
      `ADD ${url}#${second} /commit/`,
      `ADD ${url}?fetch-by-commit=true&checksum=${second} /by-commit/`,
      `ADD ${url}?commit=${first.slice(0, 7)}#v1 /prefix/`,
    ].join("\n"),
  );
  assert.deepEqual(paths(built).filter((path) => /\/.+\//.test(path)), [
    ...["/branch/f", "/branch/sub", "/branch/sub/deep", "/branch/sub/deep/g"],
    ...["/by-commit/f", "/by-commit/sub", "/by-commit/sub/deep", "/by-commit/sub/deep/g"],
    ...["/commit/f", "/commit/sub", "/commit/sub/deep", "/commit/sub/deep/g"],
    "/deep/g",
    "/prefix/f",
    ...["/sub/deep", "/sub/deep/g"],
    "/tag/f",
  ]);
  assert.equal(built.files.get("/deep/g")?.mtime, `${COMMIT_TIME}.000000000`);
  assert.notEqual(built.files.get("/sub/deep/g")?.mtime, `${COMMIT_TIME}.000000000`);
});

Deno.test("ADD --checksum of a repository [3.4], is the beginning of the commit that its reference stands for", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  const { work, commit, first } = await smallRepository(at.root);
  await writeFiles(work, { g: "g\n" });
  const second = await commit("second");
  const url = at.server.url("app.git").href;
  const built = await image(site, `ADD --checksum=${second.slice(0, 12).toUpperCase()} ${url} /`);
  assert.deepEqual(paths(built), ["/f", "/g"]);
  await Deno.remove(join(site.path, "image"), { recursive: true });
  const other = new RegExp(`its commit is ${second}, which does not begin with ${first}$`);
  await fails(site, `ADD --checksum=${first} ${url}#main /`, 78, other);
  await fails(site, `ADD --checksum=${first} ${url}?checksum=${second} /`, 65, /differ$/);
  await fails(site, `ADD --checksum=sha256:ab ${url} /`, 65, /is not the beginning of a commit's hexadecimal digits$/);
});

Deno.test("ADD --keep-git-dir [3.4], leaves a repository that git works with", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  await smallRepository(at.root);
  const url = at.server.url("app.git").href;
  for (const line of [`ADD --keep-git-dir=true ${url} /r`, `ADD ${url}?keep-git-dir=1 /r`]) {
    const built = await image(site, line);
    assert.ok(built.files.has("/r/.git/HEAD"), line);
  }
  const without = await image(site, `ADD --keep-git-dir=false ${url} /r`, {
    env: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: "1" },
    args: ["--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=1"],
  });
  assert.ok(!without.files.has("/r/.git"));
});

Deno.test("ADD of a repository [3.4], brings its submodules unless told otherwise", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  await smallRepository(at.root, "inner");
  const outer = await smallRepository(at.root, "outer");
  await git(outer.work, "submodule", "--quiet", "add", at.server.url("inner.git").href, "sub");
  await outer.commit("sub");
  const url = at.server.url("outer.git").href;
  const built = await image(site, `ADD ${url} /with/\nADD ${url}?submodules=false /without/`);
  assert.deepEqual([built.files.has("/with/sub/f"), built.files.has("/without/sub/f")], [true, false]);
});

Deno.test("S49 ADD of a repository, gets the token of its host alone, and shows it nowhere", async () => {
  await using at = await gitSite({ credential: "x-access-token:tok-98765" });
  await using site = await startSite();
  await smallRepository(at.root);
  const url = at.server.url("app.git");
  const args = ["--secret=id=GIT_AUTH_TOKEN,env=TOKEN", "--verbosity=trace"];
  const env = { TOKEN: "tok-98765" };
  const built = await image(site, `ADD ${url.href} /`, { args, env });
  assert.deepEqual(paths(built), ["/f"]);
  assert.doesNotMatch(built.log, /tok-98765/);
  const inUrl = url.href.replace("://", "://x-access-token:tok-98765@");
  const again = await image(site, `ADD ${inUrl} /`);
  assert.match(again.config.history?.[0]?.created_by ?? "", /^ADD http:\/\/xxxxx:xxxxx@127/);
  assert.doesNotMatch(again.log + JSON.stringify(again.config), /tok-98765/);
  await Deno.remove(join(site.path, "image"), { recursive: true });
  const stderr = await fails(site, `ADD ${url.href.replace("://", "://u:wrong-9@")} /`, 77, /app\.git/);
  assert.doesNotMatch(stderr, /wrong-9/);
});

Deno.test("S49 ADD of a repository that redirects to another host, does not send it the token", async () => {
  await using other = await startGitServer({ root: "/nowhere" });
  await using at = await gitSite({
    intercept: (request, response) => {
      if (request.url?.includes("info/refs") !== true) return false;
      response.writeHead(302, { location: `http://${other.host}${request.url}` }).end();
      return true;
    },
  });
  await using site = await startSite();
  const args = ["--secret=id=GIT_AUTH_TOKEN,env=TOKEN"];
  await fails(site, `ADD ${at.server.url("app.git").href} /`, 66, /./, { args, env: { TOKEN: "tok-98765" } });
  assert.deepEqual(other.requests.map(({ authorization }) => authorization), other.requests.map(() => undefined));
});

const REFUSED: readonly (readonly [id: string, shows: string, source: string, code: number, error: RegExp])[] = [
  ["S45", "a subdirectory that leads out", "https://h/r.git#main:a/../../x", 65, /subdirectory has a ".." in it$/],
  ["S45", "a subdirectory of the query that leads out", "https://h/r.git?subdir=../x", 65, /has a ".." in it$/],
  ["S46", "an option as reference", "https://h/r.git#--upload-pack=x", 65, /reference is not one that git allows$/],
  ["S46", "a reference with a line end", "https://h/r.git?ref=a%0ab", 65, /reference is not one that git allows$/],
  ["S46", "an option as host", "ssh://-oProxyCommand=x/r", 65, /host begins with "-"|not a URL/],
  ["S46", "a program as transport", "ext::sh -c x", 66, /it is not in the build context$/],
  ["S46", "a protocol without encryption", "git://h/r.git", 65, /"git:\/\/" is not spoken here$/],
  ["S46", "a file", "file:///etc/r.git", 66, /it is not in the build context$/],
];
for (const [id, shows, source, code, error] of REFUSED) {
  Deno.test(`${id} ADD of a repository, refuses ${shows}`, async () => {
    await using site = await startSite();
    await fails(site, `ADD ["${source}", "/d/"]`, code, error);
  });
}

Deno.test("S45 ADD of a repository, follows no link in it to a subdirectory", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  const { work, commit } = await smallRepository(at.root);
  await Deno.symlink("/etc", `${work}/proj`);
  await commit("link");
  await fails(site, `ADD ${at.server.url("app.git").href}#main:proj /`, 66, /proj/);
});

Deno.test("a git context [2.4/4], keeps .git and gets the times of its commit as build arguments say", async () => {
  await using at = await gitSite();
  await using site = await startSite();
  await smallRepository(at.root, "app", { "Dockerfile": "FROM scratch\nCOPY . /\n" });
  const url = at.server.url("app.git").href;
  const of = async (args: readonly string[]): Promise<FlatImage> => {
    const { code, stderr } = await buildFrom(site, url, { args });
    assert.equal(code, 0, stderr);
    return await flatten(join(site.path, "image"));
  };
  const plain = await of([]);
  assert.ok(!plain.files.has("/.git"));
  assert.notEqual(plain.files.get("/Dockerfile")?.mtime, `${COMMIT_TIME}.000000000`);
  const kept = await of(["--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=true", "--build-arg=SOURCE_DATE_EPOCH=4000000000"]);
  assert.ok(kept.files.has("/.git"));
  assert.equal(kept.files.get("/Dockerfile")?.mtime, `${COMMIT_TIME}.000000000`);
  const { code, stderr } = await buildFrom(site, url, { args: ["--build-arg=BUILDKIT_CONTEXT_KEEP_GIT_DIR=maybe"] });
  assert.equal(code, 64);
  assert.match(stderr, /BUILDKIT_CONTEXT_KEEP_GIT_DIR="maybe": it is neither true nor false/);
});
