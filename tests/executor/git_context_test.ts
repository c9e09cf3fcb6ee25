/**
 * Builds whose context is a git repository, from the outside: kaniko's grammar and variables (kaniko.md 2.3, 3.1).
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { assertContextFails, buildFrom, COPY_ALL, filesFrom, imageFiles } from "../support/context_build.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { startSite } from "../support/executor_site.ts";
import { git } from "../support/git_repository.ts";
import { gitSite, smallRepository, writeFiles } from "../support/git_site.ts";
import { startSshServer } from "../support/git_ssh_server.ts";
import { createIdentity } from "../support/registry_server.ts";

await prepared({ tools: ["git"] });

const HTTP = { GIT_PULL_METHOD: "http" };
const FILES = { "Dockerfile": COPY_ALL, "a": "a\n", "sub/Dockerfile": COPY_ALL, "sub/b": "b\n" } as const;
const ALL = ["/Dockerfile", "/a", "/sub/", "/sub/Dockerfile", "/sub/b"];

Deno.test("a git context, is what each form of the fragment says", async () => {
  await using at = await gitSite();
  const { work, first, commit } = await smallRepository(at.root, "app", FILES);
  await git(work, "checkout", "-q", "-b", "dev");
  await writeFiles(work, { "c": "c\n" });
  const second = await commit("second");
  await git(work, "tag", "v1", first);
  await git(work, "push", "-q", "origin", "v1", "dev", "dev:refs/pull/7/head");
  const url = `git://${at.server.host}/app.git`;
  const later = [...ALL, "/c"].sort();
  const FORMS: readonly (readonly [fragment: string, args: readonly string[], files: readonly string[]])[] = [
    ["", [], ALL],
    ["#refs/heads/dev", [], later],
    ["#dev", [], later],
    ["#v1", [], ALL],
    [`#${second}`, [], later],
    [`#refs/heads/dev#${first}`, [], ALL],
    ["#refs/pull/7/head", [], later],
    ["#dev:sub", [], ["/Dockerfile", "/b"]],
    ["#:sub", [], ["/Dockerfile", "/b"]],
    ["#v1", ["--git=branch=dev", "--git=single-branch=true", "--git=depth=1"], later],
    ["#dev", ["--context-sub-path=sub"], ["/Dockerfile", "/b"]],
  ];
  for (const [fragment, args, files] of FORMS) {
    await using site = await startSite();
    assert.deepEqual(await filesFrom(site, `${url}${fragment}`, { env: HTTP, args }), files, `${fragment} ${args}`);
  }
});

Deno.test("a git context, keeps a .git that git works with when it is asked for", async () => {
  await using at = await gitSite();
  const { first } = await smallRepository(at.root, "app", FILES);
  await using site = await startSite();
  const env = { ...HTTP, BUILDKIT_CONTEXT_KEEP_GIT_DIR: "1" };
  const { code, stderr } = await buildFrom(site, `git://${at.server.host}/app.git`, { env });
  assert.equal(code, 0, stderr);
  const copy = join(site.path, "copy");
  await Deno.mkdir(copy);
  const { manifests: [{ digest }] } = JSON.parse(await Deno.readTextFile(join(site.path, "image/index.json")));
  const blob = (digest: string): string => join(site.path, "image/blobs", digest.replace(":", "/"));
  const { layers } = JSON.parse(await Deno.readTextFile(blob(digest)));
  await run(["tar", "--no-same-owner", "-C", copy, "-xzf", blob(layers[0].digest)]);
  assert.equal((await git(copy, "rev-parse", "HEAD")).trim(), first);
  assert.equal((await git(copy, "status", "--porcelain")).trim(), "");
});

Deno.test("a git context, gets the credentials of kaniko's variables and of the URL, and no log shows them", async () => {
  const FROM: readonly (readonly [credential: string, env: Record<string, string>, userinfo: string])[] = [
    ["the-token:", { GIT_TOKEN: "the-token", GIT_USERNAME: "other", GIT_PASSWORD: "other" }, ""],
    ["me:the-password", { GIT_USERNAME: "me", GIT_PASSWORD: "the-password" }, "x:y@"],
    ["me:the-password", {}, "me:the-password@"],
    ["the-token:", {}, "the-token@"],
  ];
  for (const [credential, env, userinfo] of FROM) {
    await using at = await gitSite({ credential });
    await smallRepository(at.root, "app", FILES);
    await using site = await startSite();
    const context = `git://${userinfo}${at.server.host}/app.git`;
    const { code, stdout, stderr } = await buildFrom(site, context, {
      env: { ...HTTP, ...env },
      args: ["--verbosity=trace"],
    });
    assert.equal(code, 0, stderr);
    assert.deepEqual(await imageFiles(site), ALL);
    assert.doesNotMatch(stdout + stderr, /the-token|the-password/);
    const image = await run(["grep", "-rlaE", "the-token|the-password", site.path], { accept: [0, 1] });
    assert.equal(image.stdout, "", "written to disk");
  }
});

Deno.test("a git context, whose credentials are wrong ends with 77 and shows none of them", async () => {
  await using at = await gitSite({ credential: "the-token:" });
  await smallRepository(at.root, "app", FILES);
  await using site = await startSite();
  const { stdout, stderr } = await assertContextFails(site, `git://${at.server.host}/app.git`, {
    env: { ...HTTP, GIT_TOKEN: "a-wrong-token" },
    args: ["--verbosity=trace"],
    code: 77,
    error: /^Cannot fetch http:\/\/127\.0\.0\.1:\d+\/app\.git: .*401/,
  });
  assert.doesNotMatch(stdout + stderr, /a-wrong-token/);
});

Deno.test("a git context, that is not there or lacks the reference ends with 66", async () => {
  await using at = await gitSite();
  await smallRepository(at.root, "app", FILES);
  await using site = await startSite();
  const url = `git://${at.server.host}`;
  await assertContextFails(site, `${url}/none.git`, { env: HTTP, code: 66, error: /^Cannot fetch .*none\.git: .*404/ });
  await assertContextFails(site, `${url}/app.git#nope`, { env: HTTP, code: 66, error: /^Cannot find "nope" in / });
  await assertContextFails(site, `${url}/app.git#:nope`, { env: HTTP, code: 66, error: /subdirectory "nope"/ });
  await assertContextFails(site, `${url}/app.git`, {
    env: HTTP,
    args: ["--git=branch=nope"],
    code: 66,
    error: /^Cannot find "nope" in .*it has no branch or tag of this name$/,
  });
});

Deno.test("a git context over https, is refused without its certificate, and fetched with insecure-skip-tls", async () => {
  const tls = await createIdentity();
  await using at = await gitSite({ tls });
  await smallRepository(at.root, "app", FILES);
  await using site = await startSite();
  const context = `git://${at.server.host}/app.git`;
  await assertContextFails(site, context, { code: 69, error: /certificate .* is not accepted/ });
  assert.deepEqual(await filesFrom(site, context, { args: ["--git=insecure-skip-tls=true"] }), ALL);
  const ca = join(site.path, "ca.pem");
  await Deno.writeTextFile(ca, tls.cert);
  assert.deepEqual(await filesFrom(site, context, { env: { SSL_CERT_FILE: ca } }), ALL);
});

Deno.test("a git context, has its submodules when it is asked for them, and says so when it is not", async () => {
  await using at = await gitSite();
  await smallRepository(at.root, "lib", { "l": "l\n" });
  const { work, commit } = await smallRepository(at.root, "app", { "Dockerfile": COPY_ALL });
  await git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../lib.git", "vendor/lib");
  await commit("with a submodule");
  await using site = await startSite();
  const url = `git://${at.server.host}/app.git`;
  const { stderr } = await buildFrom(site, url, { env: HTTP });
  assert.match(stderr, /The submodule "vendor\/lib" is an empty directory; --git recurse-submodules=true/);
  assert.deepEqual(await imageFiles(site), ["/.gitmodules", "/Dockerfile", "/vendor/", "/vendor/lib/"]);
  const args = ["--git=recurse-submodules=true"];
  const files = await filesFrom(site, url, { env: HTTP, args });
  assert.deepEqual(files, ["/.gitmodules", "/Dockerfile", "/vendor/", "/vendor/lib/", "/vendor/lib/l"]);
});

Deno.test("a git context over ssh, takes the key of --ssh, of an agent or of --git, and only known hosts", async () => {
  await prepared({ tools: ["ssh", "sshd"] });
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const { bare } = await smallRepository(at.root, "app", FILES);
  await using site = await startSite();
  const context = `ssh://root@127.0.0.1:${ssh.port}${bare}#main`;
  const known = `--git=ssh-known-hosts=${ssh.knownHosts}`;
  assert.deepEqual(await filesFrom(site, context, { args: [known, `--git=ssh-key=${ssh.key}`] }), ALL);
  assert.deepEqual(await filesFrom(site, context, { args: [known, `--ssh=default=${ssh.key}`] }), ALL);
  const socket = join(at.root, "agent");
  const agent = new Deno.Command("ssh-agent", { args: ["-D", "-a", socket], stdout: "null", stderr: "null" }).spawn();
  try {
    // It has no other way to say that it listens.
    await run(["sh", "-c", 'until ssh-add -q "$1"; [ $? -ne 2 ]; do :; done', "sh", ssh.key], {
      env: { SSH_AUTH_SOCK: socket },
    });
    assert.deepEqual(await filesFrom(site, context, { args: [known], env: { SSH_AUTH_SOCK: socket } }), ALL);
    assert.deepEqual(await filesFrom(site, context, { args: [known, `--ssh=default=${socket}`] }), ALL);
  } finally {
    agent.kill();
    await agent.status;
  }
  await using other = await startSite();
  await assertContextFails(other, context, {
    args: [`--ssh=default=${ssh.key}`],
    code: 77,
    error: /Host key verification/,
  });
  await assertContextFails(other, context, {
    args: [known, `--ssh=default=${ssh.otherKey}`],
    code: 77,
    error: /Permission denied/,
  });
});
