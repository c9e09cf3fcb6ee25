import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { SEARCH_PATH } from "../support/environment/command.ts";
import { fetchGit } from "../support/git_fetch.ts";
import { git, listFolder } from "../support/git_repository.ts";
import { lfsStore, startLfsServer } from "../support/git_lfs_server.ts";
import { gitSite, refusal, smallRepository, writeFiles } from "../support/git_site.ts";
import { startSshServer } from "../support/git_ssh_server.ts";

await prepared({ tools: ["git", "ssh", "sshd"] });

const PATH = { PATH: SEARCH_PATH };

for (const acceptsProtocol of [true, false]) {
  Deno.test(`git over ssh by protocol version ${acceptsProtocol ? 2 : 0}, is what git clone checks out`, async () => {
    await using at = await gitSite();
    await using ssh = await startSshServer(at.root, { acceptsProtocol });
    const { work, bare, commit, first } = await smallRepository(at.root, "it's (an) app");
    await writeFiles(work, { "d/x": "two\n" });
    await commit("second");
    await git(at.root, "clone", "-q", bare, "clone");
    const url = new URL(`ssh://root@127.0.0.1:${ssh.port}${encodeURI(bare)}`);
    const options = { sshKey: ssh.key, sshKnownHosts: ssh.knownHosts };
    const { directory } = await fetchGit(at.root, { url, options, environment: PATH });
    assert.deepEqual(await listFolder(directory), await listFolder(`${at.root}/clone`));
    const older = await fetchGit(at.root, { url, options, environment: PATH, ref: first });
    assert.deepEqual([...Deno.readDirSync(older.directory)].map(({ name }) => name), ["f"]);
  });
}

Deno.test("git submodule with a relative URL over ssh, is fetched over ssh", async () => {
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const inner = await smallRepository(at.root, "inner");
  const outer = await smallRepository(at.root, "outer");
  await git(outer.work, "submodule", "--quiet", "add", inner.bare, "sub");
  await git(outer.work, "config", "-f", ".gitmodules", "submodule.sub.url", "../inner.git");
  await outer.commit("sub");
  const url = new URL(`ssh://root@127.0.0.1:${ssh.port}${outer.bare}`);
  const options = { sshKey: ssh.key, sshKnownHosts: ssh.knownHosts, recurseSubmodules: true };
  const { directory } = await fetchGit(at.root, { url, options, environment: PATH });
  assert.equal(await Deno.readTextFile(`${directory}/sub/f`), "one\n");
});

Deno.test("git over ssh to a host whose key is not the known one, is refused", async () => {
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const { bare } = await smallRepository(at.root);
  const url = new URL(`ssh://root@127.0.0.1:${ssh.port}${bare}`);
  await Deno.writeTextFile(`${at.root}/none`, "");
  for (const sshKnownHosts of [ssh.wrongHosts, `${at.root}/none`]) {
    const options = { sshKey: ssh.key, sshKnownHosts };
    const error = await refusal(fetchGit(at.root, { url, options, environment: PATH }));
    assert.equal(error.kind, "denied");
    assert.match(error.message, /Host key verification failed/);
  }
});

Deno.test("git over ssh with a key the server does not accept, is refused", async () => {
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const { bare } = await smallRepository(at.root);
  const url = new URL(`ssh://root@127.0.0.1:${ssh.port}${bare}`);
  const options = { sshKey: ssh.otherKey, sshKnownHosts: ssh.knownHosts };
  const error = await refusal(fetchGit(at.root, { url, options, environment: PATH }));
  assert.equal(error.kind, "denied");
  assert.match(error.message, /Permission denied/);
});

Deno.test("git over ssh to a repository that is missing, is an error with the server's words", async () => {
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const url = new URL(`ssh://root@127.0.0.1:${ssh.port}/nope.git`);
  const options = { sshKey: ssh.key, sshKnownHosts: ssh.knownHosts };
  const error = await refusal(fetchGit(at.root, { url, options, environment: PATH }));
  assert.equal(error.kind, "context");
  assert.match(error.message, /'\/nope.git' does not appear to be a git repository/);
});

Deno.test("git over ssh to a host that no name server knows, is tried again, and is no fault of the context", async () => {
  await using at = await gitSite();
  const url = new URL("ssh://git@no-such-host.invalid/app.git");
  const error = await refusal(fetchGit(at.root, { url, environment: PATH }));
  assert.equal(error.kind, "registry");
  assert.match(error.message, /Could not resolve hostname no-such-host\.invalid/);
});

Deno.test("git over ssh without an ssh program, is an error that names it", async () => {
  await using at = await gitSite();
  const url = new URL("ssh://git@127.0.0.1/app.git");
  const error = await refusal(fetchGit(at.root, { url, environment: { PATH: at.root } }));
  assert.equal(error.message, 'Cannot fetch ssh://git@127.0.0.1/app.git: there is no program "ssh" here');
});

Deno.test("S46 git over ssh with a path that is a command, runs nothing but git-upload-pack", async () => {
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const url = new URL(`ssh://root@127.0.0.1:${ssh.port}/x`);
  url.pathname = `/x';touch ${at.root}/touched;'$(touch ${at.root}/touched)`;
  const options = { sshKey: ssh.key, sshKnownHosts: ssh.knownHosts };
  const error = await refusal(fetchGit(at.root, { url, options, environment: PATH }));
  assert.match(error.message, /does not appear to be a git repository/);
  assert(!(await Array.fromAsync(Deno.readDir(at.root))).some(({ name }) => name === "touched"));
});

Deno.test("git LFS files over ssh, come from where git-lfs-authenticate says", async () => {
  const store = lfsStore();
  await using lfs = await startLfsServer(store);
  await using at = await gitSite();
  await using ssh = await startSshServer(at.root, { acceptsProtocol: true });
  const pointer = store.add(new TextEncoder().encode("large"));
  const { bare } = await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer });
  // The command a real server would have, for this user's session alone.
  await Deno.writeTextFile(
    `${at.root}/key.pub`,
    (await Deno.readTextFile(`${at.root}/key.pub`)).replace(
      /^/,
      `command="${at.root}/session" `,
    ),
  );
  const answer = JSON.stringify({ href: `${lfs.url}/info/lfs`, header: { Authorization: "RemoteAuth x" } });
  await Deno.writeTextFile(
    `${at.root}/session`,
    `#!/bin/sh\ncase "$SSH_ORIGINAL_COMMAND" in\n"git-lfs-authenticate '${bare}' download") echo '${answer}';;\n` +
      `*) exec sh -c "$SSH_ORIGINAL_COMMAND";;\nesac\n`,
    { mode: 0o755 },
  );
  const url = new URL(`ssh://root@127.0.0.1:${ssh.port}${bare}`);
  const options = { sshKey: ssh.key, sshKnownHosts: ssh.knownHosts };
  const { directory } = await fetchGit(at.root, { url, options, environment: PATH });
  assert.equal(await Deno.readTextFile(`${directory}/a.bin`), "large");
});
