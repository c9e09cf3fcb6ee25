/**
 * What is made for arm64, run under qemu-user: the compiled program, with the denort and the compiler of Deno 2.7.11
 * from npm (never shipped, deno.md 9), and the launcher.
 *
 * qemu-user starts no other arm64 program from one (there is no binfmt here), so only what needs no second start is
 * tried: everything that builds nothing.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { makeBundle } from "../../scripts/build/bundle.ts";
import { compile } from "../../scripts/build/compile.ts";
import { makeLauncher } from "../../scripts/build/launcher.ts";
import { fetchCompiler, fetchDenort } from "../../scripts/build/old_denort.ts";
import { cacheFolder } from "../support/environment/cache.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import type { Tool } from "../support/environment/tools.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");
const LIBRARIES = "/usr/aarch64-linux-gnu";
const QEMU: readonly Tool[] = [
  "qemu-aarch64-static",
  `${LIBRARIES}/lib/libc.so.6`,
  `${LIBRARIES}/lib/libgcc_s.so.1`,
];

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-arm64-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("an executor compiled for arm64 answers --version, parses a Dockerfile and expands words", async () => {
  await prepared({ tools: QEMU });
  await inFolder(async (folder) => {
    const tools = join(cacheFolder(), "denort");
    const [bundle, output] = [join(folder, "bundle"), join(folder, "executor")];
    await makeBundle(ROOT, bundle);
    const denort = await fetchDenort(tools, "arm64");
    await compile({ bundle, output, architecture: "aarch64", denort, deno: await fetchCompiler(tools) });
    const executor = ["qemu-aarch64-static", "-L", LIBRARIES, output];

    const { stdout: version } = await run([Deno.execPath(), "run", "-A", join(ROOT, "main.ts"), "--version"]);
    assert.equal((await run([...executor, "--version"])).stdout, version);

    await Deno.writeTextFile(join(folder, "Dockerfile"), "FROM scratch\nCOPY a /b\n");
    const parsed = await run([...executor, "debug", "parse", join(folder, "Dockerfile")]);
    assert.equal(parsed.stdout, '(from "scratch")\n(copy "a" "/b")\n');

    const expanded = await run([...executor, "debug", "words", "--env", "A=x"], { stdin: "${A}y\n" });
    assert.equal(expanded.stdout, '["xy"]\n');
  });
});

Deno.test("a launcher for arm64 becomes the program, with its arguments and variables first", async () => {
  await prepared({ tools: QEMU });
  await inFolder(async (folder) => {
    const file = join(folder, "launcher");
    const launch = async (path: string, args: readonly string[]): Promise<string> => {
      const launcher = makeLauncher({
        architecture: "aarch64",
        argv: [path, "-c", 'printf "<%s>" "$@"; echo " $NAME $(readlink /proc/self/ns/mnt) $IN"', "sh", "zero"],
        env: ["NAME=ours"],
        namespaceVariable: "IN",
        failure: "error: Cannot start it",
      });
      await Deno.writeFile(file, launcher, { mode: 0o755 });
      const { stdout, stderr } = await run(["qemu-aarch64-static", file, ...args], { accept: [0, 70] });
      return stdout + stderr;
    };
    const [, namespace, named] = /^<zero><one><> ours (\S+) (\S+)\n$/.exec(await launch("/bin/sh", ["one", ""])) ?? [];
    assert.match(namespace ?? "", /^mnt:\[\d+\]$/);
    assert.equal(named, namespace);
    assert.notEqual(namespace, Deno.readLinkSync("/proc/self/ns/mnt"));
    assert.equal(await launch("/nowhere", []), "error: Cannot start it\n");
  });
});
