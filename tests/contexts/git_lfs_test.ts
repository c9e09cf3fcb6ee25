import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { run } from "../support/environment/command.ts";
import { gitEnvironment, listFolder } from "../support/git_repository.ts";
import { lfsStore, startLfsServer } from "../support/git_lfs_server.ts";
import { gitSite, refusal, smallRepository } from "../support/git_site.ts";

await prepared({ tools: ["git", "git-lfs"] });

const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content);

Deno.test("git LFS files, are what git-lfs downloads from the same server", async () => {
  const store = lfsStore();
  await using at = await gitSite({ intercept: store.answer });
  const big = crypto.getRandomValues(new Uint8Array(65_536));
  const pointer = store.add(big);
  await smallRepository(at.root, "app", {
    ".gitattributes":
      "[attr]large filter=lfs -text\n*.bin filter=lfs diff=lfs -text\n/only/here/** large\n*.txt -filter\n",
    "a.bin": pointer,
    "deep/er/same.bin": pointer,
    "other.bin": store.add(text("other")),
    "not.dat": pointer,
    "x.txt": pointer,
    "only/here/y": store.add(text("y")),
    "here/y": pointer,
    "sub/.gitattributes": "*.bin !filter\nz filter=lfs\n",
    "sub/b.bin": pointer,
    "sub/z": store.add(text("z")),
    "no-pointer.bin": "text\n",
  });
  const { directory } = await at.fetch("app.git");
  const env = { ...gitEnvironment(), HOME: at.root, GIT_CONFIG_NOSYSTEM: "0" };
  await run(["git", "lfs", "install", "--skip-repo"], { cwd: at.root, env });
  await run(["git", "clone", "-q", at.server.url("app.git").href, `${at.root}/clone`], { env });
  assert.deepEqual(await listFolder(directory), await listFolder(`${at.root}/clone`));
  assert.deepEqual(await Deno.readFile(`${directory}/deep/er/same.bin`), big);
  assert.equal(await Deno.readTextFile(`${directory}/not.dat`), pointer);
});

Deno.test("git LFS server, gets the credentials of the repository on its own host", async () => {
  const store = lfsStore();
  await using at = await gitSite({
    intercept: async (request, response) =>
      request.headers.authorization === `Basic ${btoa("tok:")}` && await store.answer(request, response),
    credential: "tok:",
  });
  await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "a.bin": store.add(text("a")) });
  const { directory } = await at.fetch("app.git", { environment: { GIT_TOKEN: "tok" } });
  assert.equal(await Deno.readTextFile(`${directory}/a.bin`), "a");
});

Deno.test("S49 git LFS object on another host, is fetched without the credentials", async () => {
  const elsewhere = lfsStore();
  await using other = await startLfsServer(elsewhere);
  const store = lfsStore({ objectsAt: () => other.url });
  await using at = await gitSite({ intercept: store.answer, credential: "tok:" });
  const pointer = store.add(text("a"));
  elsewhere.add(text("a"));
  await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer });
  const { directory } = await at.fetch("app.git", { environment: { GIT_TOKEN: "tok" } });
  assert.equal(await Deno.readTextFile(`${directory}/a.bin`), "a");
  assert.deepEqual(elsewhere.downloads.map(({ authorization }) => authorization), [undefined]);
});

Deno.test("S47 git LFS object at a link-local address, is refused", async () => {
  const store = lfsStore({ objectsAt: () => "http://169.254.169.254" });
  await using at = await gitSite({ intercept: store.answer });
  await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "a.bin": store.add(text("a")) });
  const error = await refusal(at.fetch("app.git"));
  assert.match(error.message, /^Cannot download the LFS file "a.bin": .* link-local or reserved address$/);
});

Deno.test("F36 git LFS server that answers 503, is asked again", async () => {
  const store = lfsStore({ refusals: 1 });
  await using at = await gitSite({ intercept: store.answer });
  await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "a.bin": store.add(text("a")) });
  const { directory, messages } = await at.fetch("app.git");
  assert.equal(await Deno.readTextFile(`${directory}/a.bin`), "a");
  assert.equal(messages.filter((line) => line.startsWith("warn: ")).length, 2);
});

for (const [how, content] of [["other content", "b"], ["more content", "aa"]] as const) {
  Deno.test(`git LFS object with ${how} than its pointer says, is an integrity error`, async () => {
    const store = lfsStore();
    await using at = await gitSite({ intercept: store.answer });
    const pointer = store.add(text("a"));
    store.damage(pointer, text(content));
    await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "a.bin": pointer });
    const error = await refusal(at.fetch("app.git"));
    assert.equal(error.kind, "integrity");
    assert.match(error.message, /^Cannot use the LFS file "a.bin": it/);
  });
}

Deno.test("git LFS object that the server does not have, is an error with its path", async () => {
  const store = lfsStore();
  await using at = await gitSite({ intercept: store.answer });
  const pointer = lfsStore().add(text("a"));
  await smallRepository(at.root, "app", { ".gitattributes": "*.bin filter=lfs\n", "d/a.bin": pointer });
  const error = await refusal(at.fetch("app.git"));
  assert.equal(error.kind, "context");
  assert.equal(error.message, 'Cannot download the LFS file "d/a.bin": the server says 404 Object does not exist');
});

Deno.test("git LFS object that is wrong, stops the downloads of the others", async () => {
  const wrong = text("a");
  const slow = crypto.getRandomValues(new Uint8Array(50_000));
  const held = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const store = lfsStore({
    intercept(oid, response): boolean {
      if (!pointers.slow.includes(oid)) return false;
      response.writeHead(200, { "content-length": slow.length });
      response.write(slow.subarray(0, 10), () => held.resolve());
      response.on("close", () => stopped.resolve());
      return true;
    },
  });
  const pointers = { wrong: store.add(wrong), slow: store.add(slow) };
  store.damage(pointers.wrong, text("b"));
  await using at = await gitSite({
    intercept: async (request, response) => {
      // The wrong one is not answered before the slow one has begun.
      if (request.url?.startsWith("/lfs-objects/") && pointers.wrong.includes(request.url.slice(13))) {
        await held.promise;
      }
      return await store.answer(request, response);
    },
  });
  await smallRepository(at.root, "app", {
    ".gitattributes": "*.bin filter=lfs\n",
    "a.bin": pointers.wrong,
    "b.bin": pointers.slow,
  });
  const error = await refusal(at.fetch("app.git"));
  assert.match(error.message, /^Cannot use the LFS file "a.bin": its SHA-256/);
  // The server would never end it.
  await stopped.promise;
});
