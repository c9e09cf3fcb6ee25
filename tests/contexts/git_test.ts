import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { prepared } from "../support/environment/environment.ts";
import { fetchGit } from "../support/git_fetch.ts";
import { git, listFolder, makeRepository, type TestRepository } from "../support/git_repository.ts";
import { Cut, type GitServerOptions, startGitServer } from "../support/git_server.ts";
import { createIdentity } from "../support/registry_server.ts";
import { gitSite, refusal, smallRepository, writeFiles } from "../support/git_site.ts";

await prepared({ tools: ["git", "openssl"] });

/** A repository with everything a tree can hold, and deltas in its pack. */
async function manifold(root: string): Promise<TestRepository> {
  const repository = await makeRepository(root, "app");
  const { work } = repository;
  await writeFiles(work, {
    "d/e/f": "hello\n",
    "empty": "",
    "d.x": "after d in order of names, before it in order of trees\n",
  });
  await Deno.writeTextFile(`${work}/run`, "#!/bin/sh\n", { mode: 0o755 });
  await Deno.symlink("../nowhere", `${work}/d/link`);
  await Deno.symlink("/etc", `${work}/absolute`);
  const lines = Array.from({ length: 2000 }, (_, at) => `line ${at * 7919 % 1009}`);
  for (let at = 0; at < 40; at++) {
    await writeFiles(work, { [`similar/${at}`]: `${lines.slice(at * 9).join("\n")}\n${at}` });
  }
  await new Deno.Command("sh", {
    args: ["-c", String.raw`printf x > "$(printf 'latin1-\351')"; printf y > "$(printf 'new\nline')"`],
    cwd: work,
  }).output();
  await repository.commit("all kinds");
  await git(repository.bare, "repack", "-adfq", "--depth=50");
  return repository;
}

for (const oldProtocol of [false, true]) {
  Deno.test(`git context by protocol version ${oldProtocol ? 0 : 2}, is what git clone checks out`, async () => {
    await using at = await gitSite({ oldProtocol });
    const { bare } = await manifold(at.root);
    await git(at.root, "clone", "-q", bare, "clone");
    const { directory } = await at.fetch("app.git");
    assert.deepEqual(await listFolder(directory), await listFolder(`${at.root}/clone`));
    assert.equal((await listFolder(directory)).length, 98);
  });
}

Deno.test("git context, has no .git in it", async () => {
  await using at = await gitSite();
  await smallRepository(at.root);
  const { directory } = await at.fetch("app.git");
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["f"]);
});

Deno.test("git context without a reference, is the HEAD of the remote", async () => {
  await using at = await gitSite();
  const { work, bare, commit } = await smallRepository(at.root);
  await git(work, "checkout", "-q", "-b", "other");
  await writeFiles(work, { "f": "other\n" });
  await commit("other");
  await git(bare, "symbolic-ref", "HEAD", "refs/heads/other");
  const { directory } = await at.fetch("app.git");
  assert.equal(await Deno.readTextFile(`${directory}/f`), "other\n");
});

for (const oldProtocol of [false, true]) {
  Deno.test(`git references by protocol version ${oldProtocol ? 0 : 2}, are found by every form of their names`, async () => {
    await using at = await gitSite({ oldProtocol });
    const { work, bare, commit, first } = await smallRepository(at.root);
    await git(work, "tag", "light");
    await git(work, "tag", "-a", "-m", "a tag", "annotated");
    await git(work, "tag", "-a", "-m", "a tag of a tag", "nested", "annotated");
    await git(work, "push", "-q", "--tags", "origin");
    await git(work, "push", "-q", "origin", "HEAD:refs/pull/1/head", "HEAD:refs/heads/feature/x");
    await writeFiles(work, { "f": "two\n" });
    const second = await commit("second");
    const forms = [
      "light",
      "annotated",
      "nested",
      "refs/tags/nested",
      "refs/pull/1/head",
      "pull/1/head",
      "feature/x",
      first,
    ];
    for (const ref of forms) {
      const { directory, messages } = await at.fetch("app.git", { ref });
      assert.equal(await Deno.readTextFile(`${directory}/f`), "one\n", ref);
      assert(messages.some((line) => line.includes(first)), ref);
    }
    for (const ref of ["main", "refs/heads/main", "heads/main", "HEAD", second.toUpperCase()]) {
      const { directory } = await at.fetch("app.git", { ref });
      assert.equal(await Deno.readTextFile(`${directory}/f`), "two\n", ref);
    }
    assert.equal(await git(bare, "rev-parse", "main"), second);
  });
}

Deno.test("git reference that is a branch and a tag, is the branch", async () => {
  await using at = await gitSite();
  const { work, commit } = await smallRepository(at.root);
  await git(work, "tag", "both");
  await git(work, "checkout", "-q", "-b", "both");
  await writeFiles(work, { "f": "branch\n" });
  await commit("branch");
  await git(work, "push", "-q", "origin", "refs/tags/both");
  const { directory } = await at.fetch("app.git", { ref: "both" });
  assert.equal(await Deno.readTextFile(`${directory}/f`), "branch\n");
});

Deno.test("git option branch, wins over the fragment and is found among tags too", async () => {
  await using at = await gitSite();
  const { work, commit } = await smallRepository(at.root);
  await git(work, "tag", "v1");
  await git(work, "push", "-q", "--tags", "origin");
  await writeFiles(work, { "f": "two\n" });
  await commit("second");
  const { directory } = await at.fetch("app.git", { ref: "main", options: { branch: "v1" } });
  assert.equal(await Deno.readTextFile(`${directory}/f`), "one\n");
});

Deno.test("git commit given after the reference, is what is checked out", async () => {
  await using at = await gitSite();
  const { work, commit, first } = await smallRepository(at.root);
  await writeFiles(work, { "f": "two\n" });
  await commit("second");
  const { directory } = await at.fetch("app.git", { ref: "main", commit: first });
  assert.equal(await Deno.readTextFile(`${directory}/f`), "one\n");
});

Deno.test("git commit that an old server does not give by its name, is found in the history", async () => {
  let posts = 0;
  await using at = await gitSite({
    oldProtocol: true,
    async *alter(request, body): AsyncGenerator<Uint8Array> {
      if (request.method !== "POST" || posts++ > 0) return yield* body;
      await Array.fromAsync(body);
      yield Buffer.from("0028ERR upload-pack: not our ref 0123456");
    },
  });
  const { work, commit, first } = await smallRepository(at.root);
  for (let count = 0; count < 60; count++) await git(work, "commit", "-q", "--allow-empty", "-m", `${count}`);
  await writeFiles(work, { "f": "last\n" });
  await commit("last");
  const { directory, messages } = await at.fetch("app.git", { ref: first });
  assert.equal(await Deno.readTextFile(`${directory}/f`), "one\n");
  assert(messages.some((line) => line.startsWith("debug: ") && line.includes("does not give the commit")));
});

Deno.test("git commit that is nowhere, is an error that names it", async () => {
  await using at = await gitSite();
  await smallRepository(at.root);
  const ref = "0123456789".repeat(4);
  const error = await refusal(at.fetch("app.git", { ref }));
  assert.equal(error.kind, "context");
  assert.equal(
    error.message,
    `Cannot find the commit ${ref} in ${at.server.url("app.git").href}: the server does not have it`,
  );
});

Deno.test("git reference that is missing, is an error that names it", async () => {
  await using at = await gitSite();
  await smallRepository(at.root);
  const error = await refusal(at.fetch("app.git", { ref: "nope" }));
  assert.equal(error.kind, "context");
  assert.equal(
    error.message,
    `Cannot find "nope" in ${at.server.url("app.git").href}: it has no branch, tag or other reference of this name`,
  );
});

Deno.test("git repository without commits, is an error", async () => {
  await using at = await gitSite();
  await makeRepository(at.root, "app");
  const error = await refusal(at.fetch("app.git"));
  assert.match(error.message, /the repository has no commit there$/);
});

Deno.test("git repository that is missing, is an error that names the host", async () => {
  await using at = await gitSite();
  const error = await refusal(at.fetch("nope.git"));
  assert.equal(error.kind, "context");
  assert.match(error.message, /knows no such repository \(404 Not Found\)/);
});

Deno.test("git repository with SHA-256, is refused by name", async () => {
  await using at = await gitSite();
  await git(at.root, "init", "-q", "--bare", "--object-format=sha256", "app.git");
  const error = await refusal(at.fetch("app.git"));
  assert.equal(error.message, "Cannot use the repository: its objects are named by SHA-256");
});

Deno.test("git subdirectory, takes the place of the repository", async () => {
  await using at = await gitSite();
  await smallRepository(at.root, "app", { "a/b/f": "below\n", "a/g": "beside\n", "h": "above\n" });
  const { directory } = await at.fetch("app.git", { subdirectory: "a/b" });
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["f"]);
});

for (const subdirectory of ["link", "link/etc", "f", "missing", "a/../../x", ".."]) {
  Deno.test(`S45 git subdirectory "${subdirectory}" that is no directory of the commit, is refused`, async () => {
    await using at = await gitSite();
    const { work, commit } = await smallRepository(at.root, "app", { "a/x": "", "f": "" });
    await Deno.symlink("/", `${work}/link`);
    await commit("link");
    const error = await refusal(at.fetch("app.git", { subdirectory }));
    assert.equal(error.kind, "context");
    assert.match(error.message, /^Cannot use the subdirectory /);
  });
}

Deno.test("git credentials, are sent from GIT_USERNAME and GIT_PASSWORD, GIT_TOKEN or the URL", async () => {
  await using at = await gitSite({ credential: "user:pass word" });
  await smallRepository(at.root);
  const url = at.server.url("app.git");
  const inUrl = new URL(url);
  [inUrl.username, inUrl.password] = ["user", "pass word"];
  const environment = { GIT_USERNAME: "user", GIT_PASSWORD: "pass word" };
  const { secrets } = await at.fetch("app.git", { environment });
  assert.deepEqual(secrets, [`Basic ${btoa("user:pass word")}`, btoa("user:pass word"), "pass word"]);
  const { messages } = await at.fetch("app.git", { url: inUrl });
  assert(!messages.join("\n").includes("pass"));
  await using token = await startGitServer({ root: at.root, credential: "tok:" });
  await fetchGit(at.root, { url: token.url("app.git"), environment: { ...environment, GIT_TOKEN: "tok" } });
});

Deno.test("git credentials that are wrong, are refused at once and not shown", async () => {
  await using at = await gitSite({ credential: "user:right" });
  await smallRepository(at.root);
  const wrong = await refusal(at.fetch("app.git", { environment: { GIT_TOKEN: "hunter2" } }));
  assert.equal(wrong.kind, "denied");
  assert.match(wrong.message, /does not allow it with these credentials \(401 Unauthorized\): who are you\?$/);
  assert(!`${wrong.message}${wrong.hint}`.includes("hunter2"));
  assert.equal(at.server.requests.length, 1);
  const none = await refusal(at.fetch("app.git"));
  assert.match(none.message, /does not allow it without credentials/);
  assert.equal(none.hint, "a private repository needs GIT_TOKEN, or GIT_USERNAME and GIT_PASSWORD");
});

Deno.test("S49 git server that redirects to another host, does not make us hand over credentials", async () => {
  await using other = await gitSite();
  await smallRepository(other.root);
  await using at = await gitSite({
    intercept: (request, response) => {
      response.writeHead(302, { location: other.server.url("app.git/info/refs?service=git-upload-pack").href });
      response.end();
      return request.url !== undefined;
    },
  });
  await at.fetch("app.git", { environment: { GIT_TOKEN: "secret" } });
  assert.equal(at.server.requests.length, 1);
  assert.equal(at.server.requests[0]?.authorization, `Basic ${btoa("secret:")}`);
  assert(other.server.requests.length >= 3);
  assert(other.server.requests.every(({ authorization }) => authorization === undefined));
});

Deno.test("git server that redirects on the same host, is followed with credentials", async () => {
  await using at = await gitSite({
    credential: "tok:",
    intercept: (request, response) => {
      if (request.url?.startsWith("/old/") !== true) return false;
      response.writeHead(301, { location: request.url.replace("/old/", "/") });
      response.end();
      return true;
    },
  });
  await smallRepository(at.root);
  const { directory } = await at.fetch("old/app.git", { environment: { GIT_TOKEN: "tok" } });
  assert.equal(await Deno.readTextFile(`${directory}/f`), "one\n");
});

Deno.test("git server that is something else, is an error that asks for the URL", async () => {
  await using at = await gitSite({
    intercept: (_request, response) => {
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html>");
      return true;
    },
  });
  const error = await refusal(at.fetch("app.git"));
  assert.match(error.message, /it has the type "text\/html", not .*; is there a repository at this URL\?$/);
});

/** Lets so many bytes of the first answer with a pack through. */
function cutting(bytes: number, times: number): Pick<GitServerOptions, "alter"> {
  let left = times;
  return {
    async *alter(request, body): AsyncGenerator<Uint8Array> {
      if (request.method !== "POST" || left === 0) return yield* body;
      let through = 0;
      for await (const chunk of body) {
        if (chunk.length + through < bytes) {
          through += chunk.length;
          yield chunk;
          continue;
        }
        left--;
        yield chunk.subarray(0, bytes - through);
        throw new Cut();
      }
    },
  };
}

Deno.test("F36 git connection that is cut in the middle of the pack, is tried again", async () => {
  await using at = await gitSite(cutting(5_000, 1));
  const { work, commit } = await smallRepository(at.root);
  await Deno.writeFile(`${work}/big`, crypto.getRandomValues(new Uint8Array(60_000)));
  await commit("big");
  const { directory, messages } = await at.fetch("app.git");
  assert.equal((await Deno.stat(`${directory}/big`)).size, 60_000);
  assert(messages.some((line) => line.startsWith("warn: ") && line.includes("(try 2 of 5)")));
});

Deno.test("F36 git branch that is moved between listing and fetching, is looked up again", async () => {
  let posts = 0;
  await using at = await gitSite({
    // After the listing, before the pack: the branch is rewritten and the old commit is gone.
    intercept: async ({ method }) => {
      if (method === "POST" && ++posts === 2) await move();
      return false;
    },
  });
  const { work, bare } = await smallRepository(at.root);
  const move = async () => {
    await writeFiles(work, { "f": "rewritten\n" });
    await git(work, "commit", "-q", "--amend", "-a", "-m", "rewritten");
    await git(work, "push", "-q", "--force", "origin", "HEAD");
    await git(bare, "reflog", "expire", "--expire=all", "--all");
    await git(bare, "gc", "-q", "--prune=now");
  };
  const { directory } = await at.fetch("app.git");
  assert.equal(await Deno.readTextFile(`${directory}/f`), "rewritten\n");
  assert.equal(posts, 4);
});

Deno.test("S48 git pack with a byte changed on the way, is an integrity error and leaves nothing", async () => {
  await using at = await gitSite({
    async *alter(request, body): AsyncGenerator<Uint8Array> {
      const chunks = await Array.fromAsync(body);
      const all = Buffer.concat(chunks);
      // Well behind the first objects, in the middle of content that does not compress.
      if (request.method === "POST" && all.length > 10_000) all.writeUInt8((all[8_000] ?? 0) ^ 1, 8_000);
      yield all;
    },
  });
  const { work, commit } = await smallRepository(at.root);
  await Deno.writeFile(`${work}/big`, crypto.getRandomValues(new Uint8Array(60_000)));
  await commit("big");
  const error = await refusal(at.fetch("app.git"));
  assert.equal(error.kind, "integrity");
  assert.match(error.message, /^Cannot read the pack: /);
  const made = [...Deno.readDirSync(at.root)].find(({ name }) => name.startsWith("context-"));
  assert.deepEqual([...Deno.readDirSync(`${at.root}/${made?.name}`)], []);
});

Deno.test("git submodules, are fetched on demand, nested and with relative URLs", async () => {
  await using at = await gitSite({ credential: "tok:" });
  const inner = await smallRepository(at.root, "inner", { "i": "inner\n" });
  const middle = await smallRepository(at.root, "middle", { "m": "middle\n" });
  await git(middle.work, "submodule", "--quiet", "add", inner.bare, "deps/inner");
  await git(middle.work, "config", "-f", ".gitmodules", "submodule.deps/inner.url", "../inner.git");
  await middle.commit("inner");
  const outer = await smallRepository(at.root, "outer");
  await git(outer.work, "submodule", "--quiet", "add", middle.bare, "lib/middle");
  await git(outer.work, "config", "-f", ".gitmodules", "submodule.lib/middle.url", "../middle.git");
  await outer.commit("middle");
  const environment = { GIT_TOKEN: "tok" };
  const shallow = await at.fetch("outer.git", { environment });
  assert.deepEqual([...Deno.readDirSync(`${shallow.directory}/lib/middle`)], []);
  assert(shallow.messages.some((line) => line.includes("--git recurse-submodules=true")));
  const deep = await at.fetch("outer.git", { environment, options: { recurseSubmodules: true } });
  assert.equal(await Deno.readTextFile(`${deep.directory}/lib/middle/m`), "middle\n");
  assert.equal(await Deno.readTextFile(`${deep.directory}/lib/middle/deps/inner/i`), "inner\n");
});

Deno.test("git subdirectory within a submodule, is fetched from there", async () => {
  await using at = await gitSite();
  const inner = await smallRepository(at.root, "inner", { "a/i": "inner\n", "b": "" });
  const outer = await smallRepository(at.root, "outer");
  await git(outer.work, "submodule", "--quiet", "add", inner.bare, "sub");
  await git(outer.work, "config", "-f", ".gitmodules", "submodule.sub.url", "../inner.git");
  await outer.commit("sub");
  const { directory } = await at.fetch("outer.git", { subdirectory: "sub/a" });
  assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["i"]);
});

Deno.test("S49 git submodule on another host, does not get the credentials", async () => {
  await using other = await gitSite();
  const inner = await smallRepository(other.root, "inner");
  await using at = await gitSite({ credential: "tok:" });
  const outer = await smallRepository(at.root, "outer");
  await git(outer.work, "submodule", "--quiet", "add", inner.bare, "sub");
  await git(outer.work, "config", "-f", ".gitmodules", "submodule.sub.url", other.server.url("inner.git").href);
  await outer.commit("sub");
  const options = { recurseSubmodules: true };
  const { directory } = await at.fetch("outer.git", { environment: { GIT_TOKEN: "tok" }, options });
  assert.equal(await Deno.readTextFile(`${directory}/sub/f`), "one\n");
  assert(other.server.requests.length > 0);
  assert(other.server.requests.every(({ authorization }) => authorization === undefined));
});

for (
  const [url, found] of [
    ["file:///etc", /"file" is not a way to a repository/],
    ["ext::sh -c touch% /tmp/x", /neither https, http nor ssh/],
    ["../../../../x", /leads above the host/],
    ["--upload-pack=touch", /looks like an option/],
    ["ssh://-oProxyCommand=touch/x", /malformed|looks like an option/],
    ["http://169.254.169.254/x.git", /link-local or reserved address/],
  ] as const
) {
  Deno.test(`S46 S47 git submodule with the URL "${url}", is refused`, async () => {
    await using at = await gitSite();
    const inner = await smallRepository(at.root, "inner");
    const outer = await smallRepository(at.root, "outer");
    await git(outer.work, "submodule", "--quiet", "add", inner.bare, "sub");
    await git(outer.work, "config", "-f", ".gitmodules", "submodule.sub.url", url);
    await outer.commit("sub");
    const error = await refusal(at.fetch("outer.git", { options: { recurseSubmodules: true } }));
    assert.match(error.message, found);
  });
}

Deno.test("git directory that is kept, is a shallow clone that git finds clean", async () => {
  await using at = await gitSite();
  const { work, commit } = await manifold(at.root);
  await git(work, "commit", "-q", "--allow-empty", "-m", "last");
  await git(work, "tag", "-a", "-m", "a tag", "v1");
  await git(work, "push", "-q", "--tags", "origin");
  const last = await commit("really last");
  const environment = { BUILDKIT_CONTEXT_KEEP_GIT_DIR: "1" };
  for (const ref of [undefined, "main", last]) {
    const { directory } = await at.fetch("app.git", { environment, ...(ref === undefined ? {} : { ref }) });
    assert.equal(await git(directory, "rev-parse", "HEAD"), last);
    assert.equal(await git(directory, "status", "--porcelain"), "");
    assert.equal(await git(directory, "log", "--format=%s"), "really last");
    assert.equal(await git(directory, "rev-parse", "--abbrev-ref", "HEAD"), ref === last ? "HEAD" : "main");
    assert.equal(await git(directory, "fsck", "--full", "--strict"), "");
    assert.equal(await git(directory, "config", "remote.origin.url"), at.server.url("app.git").href);
  }
  const { directory } = await at.fetch("app.git", { environment, options: { depth: 2 } });
  assert.equal(await git(directory, "log", "--format=%s"), "really last\nlast");
  const tagged = await at.fetch("app.git", { environment, ref: "v1" });
  assert.equal(await git(tagged.directory, "describe"), "v1");
});

Deno.test("git directory that is kept, does not hold the credentials", async () => {
  await using at = await gitSite({ credential: "user:hunter2" });
  await smallRepository(at.root);
  const url = at.server.url("app.git");
  [url.username, url.password] = ["user", "hunter2"];
  const { directory } = await at.fetch("app.git", { url, environment: { BUILDKIT_CONTEXT_KEEP_GIT_DIR: "1" } });
  assert.equal(await git(directory, "rev-list", "--count", "HEAD"), "1");
  assert(!(await Deno.readTextFile(`${directory}/.git/config`)).includes("hunter2"));
});

Deno.test("git credentials of BuildKit's secrets, are sent before all others", async () => {
  const environment = { GIT_TOKEN: "wrong" };
  for (
    const [credential, secretValues] of [
      ["x-access-token:tok", { GIT_AUTH_TOKEN: "tok\n" }],
      ["x-access-token:tok", { GIT_AUTH_TOKEN: "other", "GIT_AUTH_TOKEN.127.0.0.1": "tok" }],
      ["a:b", { GIT_AUTH_TOKEN: "other", GIT_AUTH_HEADER: `Basic ${btoa("a:b")}` }],
    ] as const
  ) {
    await using at = await gitSite({ credential });
    await smallRepository(at.root);
    await at.fetch("app.git", { environment, secretValues });
  }
});

Deno.test("git server with a certificate nobody knows, is refused unless insecure-skip-tls is set", async () => {
  await using at = await gitSite({ tls: await createIdentity() });
  await smallRepository(at.root);
  const error = await refusal(at.fetch("app.git"));
  assert.match(error.message, /the certificate of "127\.0\.0\.1:\d+" is not accepted/);
  const { directory } = await at.fetch("app.git", { options: { insecureSkipTls: true } });
  assert.equal(await Deno.readTextFile(`${directory}/f`), "one\n");
});

Deno.test("git repository that is larger than --context-size-limit, is refused", async () => {
  await using at = await gitSite();
  const { work, commit } = await smallRepository(at.root);
  await Deno.writeFile(`${work}/big`, crypto.getRandomValues(new Uint8Array(60_000)));
  await commit("big");
  const error = await refusal(at.fetch("app.git", { maxBytes: 50_000 }));
  assert.equal(error.kind, "context");
  assert.match(error.message, /^Cannot fetch the git repository ".*": it has more than 50000 bytes$/);
  await at.fetch("app.git", { maxBytes: 70_000 });
});

for (const oldProtocol of [false, true]) {
  Deno.test(`F36 git server of version ${oldProtocol ? 0 : 2} that is not able to leave out history, sends all of it`, async () => {
    await using at = await gitSite({
      oldProtocol,
      async *alter(request, body): AsyncGenerator<Uint8Array> {
        if (request.method !== "GET") return yield* body;
        const text = Buffer.concat(await Array.fromAsync(body)).toString("latin1");
        yield Buffer.from(text.replace("=shallow", "=shallox").replace(" shallow ", " shallox "), "latin1");
      },
    });
    const { work, commit } = await smallRepository(at.root);
    await writeFiles(work, { "f": "two\n" });
    await commit("second");
    const environment = { BUILDKIT_CONTEXT_KEEP_GIT_DIR: "1" };
    const { directory, messages } = await at.fetch("app.git", { environment });
    assert.equal(await git(directory, "log", "--format=%s"), "second\nfirst");
    assert.equal(await git(directory, "status", "--porcelain"), "");
    assert(messages.some((line) => line.endsWith("it gives only the whole history")));
  });
}
