/**
 * The self-extracting file, with a shell script in the place of deno: what counts is how it unpacks and what it
 * refuses to run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { DENO_FLAGS, writeSelfExtracting } from "../../../../scripts/build/self_extracting.ts";

interface Started {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes a file to start, gives a way to start it, and cleans up. */
async function withExecutor(
  body: (given: { folder: string; executor: string; start: typeof start }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    const [deno, bundle, executor] = [join(folder, "deno"), join(folder, "bundle"), join(folder, "executor")];
    await Deno.writeTextFile(deno, '#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n', { mode: 0o755 });
    await Deno.mkdir(join(bundle, "lib"), { recursive: true });
    await Deno.writeTextFile(join(bundle, "main.js"), "main");
    await Deno.writeTextFile(join(bundle, "lib/worker.js"), "worker");
    await writeSelfExtracting({ deno, architecture: Deno.build.arch, bundle, output: executor });
    await Deno.mkdir(join(folder, "cache"), { mode: 0o700 });
    await body({ folder, executor, start });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function start(executor: string, cache: string, args: readonly string[] = []): Promise<Started> {
  const { code, stdout, stderr } = await new Deno.Command(executor, {
    args: [...args],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", XDG_CACHE_HOME: cache },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** The only folder that was unpacked. */
function unpacked(cache: string): string {
  const names = [...Deno.readDirSync(join(cache, "kiln-executor"))].map((entry) => entry.name);
  assert.equal(names.length, 1, names.join(" "));
  return join(cache, "kiln-executor", names[0] ?? "");
}

Deno.test("a self-extracting file runs deno on the bundle, passes arguments and the exit code on", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const { code, stdout, stderr } = await start(executor, join(folder, "cache"), ["--a=b c", ""]);
    const main = join(unpacked(join(folder, "cache")), "app/main.js");
    assert.deepEqual({ code, stderr }, { code: 7, stderr: "" });
    assert.deepEqual(stdout.split("\n"), ["run", ...DENO_FLAGS, main, "--a=b c", "", ""]);
  });
});

Deno.test("a self-extracting file unpacks once, for nobody else to read", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const cache = join(folder, "cache");
    await start(executor, cache);
    const first = await Deno.stat(join(unpacked(cache), "deno"));
    await start(executor, cache);
    assert.equal((await Deno.stat(join(unpacked(cache), "deno"))).ino, first.ino);
    assert.equal(((await Deno.stat(unpacked(cache))).mode ?? 0) & 0o777, 0o700);
  });
});

Deno.test("a self-extracting file says that the current directory is gone", async () => {
  await withExecutor(async ({ folder, executor }) => {
    const script = 'mkdir gone; cd gone; rmdir ../gone; exec "$0" --version';
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["-c", script, executor],
      cwd: folder,
      env: { XDG_CACHE_HOME: join(folder, "cache") },
    }).output();
    assert.equal(code, 64);
    assert.match(
      new TextDecoder().decode(stderr),
      /^error: Cannot find the current directory: it does not exist any more$/m,
    );
  });
});

Deno.test("a self-extracting file may be started where the path of the current directory is unknown", async () => {
  await withExecutor(async ({ folder, executor }) => {
    const env = { XDG_CACHE_HOME: join(folder, "cache"), PWD: "/nowhere" };
    assert.equal((await new Deno.Command(executor, { cwd: folder, env }).output()).code, 7);
  });
});

Deno.test("a self-extracting file may be started first by many at once", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const cache = join(folder, "cache");
    const all = await Promise.all(Array.from({ length: 8 }, () => start(executor, cache)));
    assert.deepEqual(all.map(({ code, stderr }) => `${code}${stderr}`), Array(8).fill("7"));
    unpacked(cache);
  });
});

Deno.test("a self-extracting file that is damaged fails and leaves nothing", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    // Between two entries, where tar sees nothing wrong.
    await Deno.truncate(executor, 8192 + 1024);
    const { code, stderr } = await start(executor, join(folder, "cache"));
    assert.equal(code, 73);
    assert.match(stderr, /error: Cannot start Kiln: ".*executor" is damaged/);
    assert.deepEqual([...Deno.readDirSync(join(folder, "cache/kiln-executor"))], []);
  });
});

Deno.test("a self-extracting file does not run what a planted link points to", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const cache = join(folder, "cache");
    await start(executor, cache);
    const evil = join(folder, "evil");
    await Deno.rename(unpacked(cache), evil);
    const digest = /kiln_dir=\$1\/(\w+)/.exec(await readHeader(executor))?.[1] ?? "";
    await Deno.symlink(evil, join(cache, "kiln-executor", digest));
    const { code, stderr } = await start(executor, cache);
    assert.equal(code, 73);
    assert.match(stderr, /is not what was unpacked/);
  });
});

Deno.test("a self-extracting file does not use a folder others may write", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const cache = join(folder, "cache");
    await Deno.mkdir(join(cache, "kiln-executor"));
    await Deno.chmod(join(cache, "kiln-executor"), 0o775);
    assert.match((await start(executor, cache)).stderr, /others may write/);
    await Deno.chmod(join(cache, "kiln-executor"), 0o700);
    await Deno.chmod(cache, 0o777);
    assert.match((await start(executor, cache)).stderr, /others may write/);
  });
});

Deno.test("a self-extracting file does not use a folder that is somebody else's", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const cache = join(folder, "cache");
    // Only root can make one; anybody else plants a link in its place, which is refused the same way.
    if (Deno.uid() === 0) {
      await Deno.mkdir(join(cache, "kiln-executor"));
      await Deno.chown(join(cache, "kiln-executor"), 1000, 1000);
    } else {
      await Deno.symlink("/", join(cache, "kiln-executor"));
    }
    const { code, stderr } = await start(executor, cache);
    assert.equal(code, 73);
    assert.match(stderr, /is not a folder of your own/);
  });
});

/** Starts it in a mount namespace where `mounts`, lines of shell, have been run. */
async function startWith(mounts: string, executor: string, cache: string, home: string): Promise<Started> {
  const script = `${mounts}\nHOME="$2" XDG_CACHE_HOME="$1" exec "$0" --there`;
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["--mount", "--propagation=private", "sh", "-euc", script, executor, cache, home],
    clearEnv: true,
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

for (
  const [what, options] of [["can only be read", "ro"], ["lets nothing be run", "noexec"]] as const
) {
  Deno.test(`a self-extracting file goes on to HOME where the cache folder ${what}`, async () => {
    await withExecutor(async ({ folder, executor }) => {
      const [cache, home] = [join(folder, "cache"), join(folder, "home")];
      await Deno.mkdir(home, { mode: 0o700 });
      const mounts = `mount -t tmpfs -o ${options},mode=700 none "$1"`;
      const { code, stdout, stderr } = await startWith(mounts, executor, cache, home);
      assert.deepEqual({ code, stderr }, { code: 7, stderr: "" });
      assert.match(stdout, new RegExp(`^${home}/\\.cache/kiln-executor/\\w+/app/main\\.js\n--there$`, "m"));
      assert.deepEqual([...Deno.readDirSync(cache)], []);
    });
  });
}

Deno.test("a self-extracting file says why when it finds no place at all", async () => {
  await withExecutor(async ({ folder, executor }) => {
    const cache = join(folder, "cache");
    const mounts = `for place in "$1" /var/cache /tmp; do
      [ "$place" != /tmp ] || cp "$0" /var/tmp/kiln-self-$$
      mount -t tmpfs -o noexec,mode=700 none "$place"
    done
    trap 'rm -f /var/tmp/kiln-self-'$$ EXIT
    HOME=/nowhere XDG_CACHE_HOME="$1" /var/tmp/kiln-self-$$ || exit`;
    const { code, stderr } = await startWith(mounts, executor, cache, "/nowhere");
    assert.equal(code, 73);
    assert.equal(
      stderr,
      'error: Cannot start Kiln: nothing can be run from "/tmp/kiln-executor-0"\n' +
        "hint: set XDG_CACHE_HOME to a folder to write to and run from, with 110 MB free\n",
    );
  });
});

Deno.test("a self-extracting file that was unpacked starts from where nothing can be written any more", async () => {
  await withExecutor(async ({ folder, executor, start }) => {
    const cache = join(folder, "cache");
    await start(executor, cache);
    const mounts = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"';
    const { code, stdout } = await startWith(mounts, executor, cache, "/nowhere");
    assert.equal(code, 7);
    assert.match(stdout, new RegExp(`^${cache}/kiln-executor/`, "m"));
  });
});

Deno.test("writeSelfExtracting() writes the same bytes for the same input", async () => {
  await withExecutor(async ({ folder, executor }) => {
    const again = join(folder, "again");
    await writeSelfExtracting({
      deno: join(folder, "deno"),
      architecture: Deno.build.arch,
      bundle: join(folder, "bundle"),
      output: again,
    });
    assert.deepEqual(await Deno.readFile(again), await Deno.readFile(executor));
  });
});

async function readHeader(path: string): Promise<string> {
  const bytes = new Uint8Array(8192);
  using file = await Deno.open(path);
  await file.read(bytes);
  return new TextDecoder().decode(bytes);
}
