/** Git contexts of the size that hurts: what they take of memory and time, beside git itself. */
import assert from "node:assert/strict";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { git, gitEnvironment, listFolder, makeRepository, type TestRepository } from "../support/git_repository.ts";
import { gitSite } from "../support/git_site.ts";

await prepared({ tools: ["git"] });

interface Taken {
  readonly seconds: number;
  readonly peakBytes: number;
  readonly directory: string;
}

async function fetchAlone(url: URL, root: string): Promise<Taken> {
  const script = new URL("../support/git_fetch_alone.ts", import.meta.url).pathname;
  const { stdout } = await run([Deno.execPath(), "run", "-A", "--no-check", script, url.href, root]);
  // what the script prints
  return JSON.parse(stdout) as Taken;
}

async function clone(url: URL, to: string): Promise<number> {
  const started = performance.now();
  await run(["git", "clone", "-q", "--depth=1", url.href, to], { env: gitEnvironment() });
  return (performance.now() - started) / 1000;
}

/** Best of three each, by turns: other work on the machine slows both. */
async function compareTimes(url: URL, root: string): Promise<{ readonly ours: number; readonly theirs: number }> {
  let [ours, theirs] = [Infinity, Infinity];
  for (let turn = 0; turn < 3; turn++) {
    theirs = Math.min(theirs, await clone(url, `${root}/clone`));
    const taken = await fetchAlone(url, root);
    ours = Math.min(ours, taken.seconds);
    if (turn === 0) assert.deepEqual(await listFolder(taken.directory), await listFolder(`${root}/clone`));
    for (const folder of [taken.directory, `${root}/clone`]) await Deno.remove(folder, { recursive: true });
  }
  return { ours, theirs };
}

async function writeRandom(path: string, megabytes: number): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  const block = new Uint8Array(1024 ** 2);
  for (let written = 0; written < megabytes; written++) {
    for (let at = 0; at < block.length; at += 65_536) crypto.getRandomValues(block.subarray(at, at + 65_536));
    await file.write(block);
  }
}

/** 520 MB in the pack: incompressible files, source-like ones, and a file of 60 MB stored as a delta of another. */
async function large(root: string): Promise<TestRepository> {
  const repository = await makeRepository(root, "large");
  const { work, bare } = repository;
  // Random bytes do not compress; trying takes minutes.
  for (const folder of [work, bare]) await git(folder, "config", "core.compression", "0");
  for (let at = 0; at < 20; at++) await writeRandom(`${work}/random${at}`, 20);
  await writeRandom(`${work}/first`, 60);
  await Deno.copyFile(`${work}/first`, `${work}/second`);
  await writeRandom(`${work}/second.part`, 6);
  await run(["dd", `if=${work}/second.part`, `of=${work}/second`, "bs=1M", "seek=30", "conv=notrunc", "status=none"]);
  await Deno.remove(`${work}/second.part`);
  await repository.commit("large");
  await git(repository.bare, "repack", "-adfq", "--window=3");
  return repository;
}

/** Many small files, most of them deltas. */
async function many(root: string): Promise<TestRepository> {
  const repository = await makeRepository(root, "many");
  const lines = (await Deno.readTextFile(new URL("../../lib/http/transport.ts", import.meta.url))).split("\n");
  for (let folder = 0; folder < 300; folder++) {
    await Deno.mkdir(`${repository.work}/${folder}`);
    for (let file = 0; file < 100; file++) {
      const text = `// ${folder} ${file} ${folder * 7919 % 1009}\n${lines.slice(file, file + 150).join("\n")}\n`;
      await Deno.writeTextFile(`${repository.work}/${folder}/${file}.ts`, text);
    }
  }
  await repository.commit("many");
  await git(repository.bare, "repack", "-adfq");
  return repository;
}

Deno.test("git repository of 500 MB, is fetched in 256 MiB of memory and 1.3 times git's time", async () => {
  await using at = await gitSite();
  await large(at.root);
  const url = at.server.url("large.git");
  const { peakBytes, directory } = await fetchAlone(url, at.root);
  await Deno.remove(directory, { recursive: true });
  const { ours, theirs } = await compareTimes(url, at.root);
  console.log(`large: ${(peakBytes / 1024 ** 2).toFixed(0)} MiB, ${ours.toFixed(1)} s, git ${theirs.toFixed(1)} s`);
  assert(peakBytes < 256 * 1024 ** 2, `it took ${peakBytes} bytes`);
  assert(ours < 1.3 * theirs, `it took ${ours} s, git ${theirs} s`);
});

Deno.test("git repository of 30,000 small files, is fetched in 256 MiB of memory and 1.3 times git's time", async () => {
  await using at = await gitSite();
  await many(at.root);
  const url = at.server.url("many.git");
  const { peakBytes, directory } = await fetchAlone(url, at.root);
  await Deno.remove(directory, { recursive: true });
  const { ours, theirs } = await compareTimes(url, at.root);
  console.log(`many: ${(peakBytes / 1024 ** 2).toFixed(0)} MiB, ${ours.toFixed(1)} s, git ${theirs.toFixed(1)} s`);
  assert(peakBytes < 256 * 1024 ** 2, `it took ${peakBytes} bytes`);
  assert(ours < 1.3 * theirs, `it took ${ours} s, git ${theirs} s`);
});
