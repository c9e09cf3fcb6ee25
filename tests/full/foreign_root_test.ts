/**
 * `/kaniko/executor` in a root whose other files are somebody else's, both ways it is made: started by the launcher
 * (the image of this machine) and compiled, with the denort and the compiler of Deno 2.7.11 from npm (deno.md 9), which
 * is never shipped.
 *
 * What must not count: libraries and loaders of the same names, LD_LIBRARY_PATH, ld.so.preload, ld.so.cache,
 * nsswitch.conf, deno.json, package.json, .npmrc. Seen to fail: without `--force-rpath` the executor loads the root's libc;
 * without `redirect` in scripts/image/private_libc.ts the loader complains about foreign.so and opens nsswitch.conf;
 * without `--no-config` Deno does not start for deno.json, without the hidden home (lib/sys/hidden_home.ts) for .npmrc.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { fetchCompiler, fetchDenort } from "../../scripts/build/old_denort.ts";
import { writeRoot } from "../../scripts/image/write_root.ts";
import { cacheFolder } from "../support/environment/cache.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { listTree } from "../support/environment/tree_listing.ts";
import { compareListings } from "../support/environment/listing.ts";
import { executorImage } from "../support/executor_image.ts";
import { startForeignRoot, unpackImage } from "../support/foreign_root.ts";

const KINDS: Readonly<Record<string, (path: string) => Promise<void>>> = {
  "started by the launcher": async (path) => await unpackImage(await executorImage(), path),
  async compiled(path): Promise<void> {
    await prepared({ tools: ["patchelf"] });
    const tools = join(cacheFolder(), "denort");
    const denort = await fetchDenort(tools, Deno.build.arch === "x86_64" ? "x64" : "arm64");
    await writeRoot({ root: path, denort, deno: await fetchCompiler(tools) });
  },
};

/** What a process may open besides `/kaniko`: kernel's files, names of hosts, the time zone. */
const ITS_OWN = /^\/(kaniko|proc|dev|sys)(\/|$)|^\/etc\/(hosts|resolv\.conf|localtime)$|^\/usr\/share\/zoneinfo\//;

for (const [kind, fill] of Object.entries(KINDS)) {
  Deno.test(`an executor that is ${kind} reads no code and no settings of a foreign root`, async () => {
    await using root = await startForeignRoot(fill);
    const before = await listTree(root.path);
    const trace = await Deno.makeTempFile({ prefix: "kiln-trace-" });
    try {
      const { code, stdout, stderr } = await root.run(["--version"], { trace });
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
      assert.deepEqual(foreignFiles(await Deno.readTextFile(trace)), []);
      const except = (path: string): boolean => path === "/kaniko/.deno" || path.startsWith("/kaniko/.deno/");
      assert.deepEqual(compareListings(before, await listTree(root.path), { except }), []);
    } finally {
      await Deno.remove(trace);
    }
  });

  Deno.test(`an executor that is ${kind} builds in a foreign root whose libraries are replaced meanwhile`, async () => {
    await using registry = await startRegistry({ bases: ["busybox"] });
    await using root = await startForeignRoot(fill);
    const { resolve: replaced, promise: replacing } = Promise.withResolvers<void>();
    await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
      await root.replaceLibraries();
      replaced();
      return new Response("replaced\n");
    });
    const port = registry.host.split(":")[1];
    await Deno.writeTextFile(
      join(root.path, "workspace/Dockerfile"),
      `FROM registry.test:${port}/base/busybox AS first
RUN wget -q -O /replaced http://127.0.0.1:${server.addr.port}/
FROM registry.test:${port}/base/busybox
COPY --from=first /replaced /copied
COPY Dockerfile /context
RUN cat /copied > /ran
`,
    );
    const { code, stdout, stderr } = await root.run([
      "--insecure",
      "--insecure-pull",
      `--destination=registry.test:${port}/out/app:1`,
      "--oci-layout-path=/work/layout",
      "--work-dir=/work/state",
    ]);
    assert.equal(code, 0, stderr);
    await replacing;
    assert.match(stdout, /^registry\.test:\d+\/out\/app:1@sha256:[0-9a-f]{64}\n$/);
    assert.doesNotMatch(stderr, /ld\.so|preload|JSON/);
    const { files } = await flatten(join(root.path, "work/layout"));
    assert.equal(files.get("/ran")?.size, "replaced\n".length);
    const left = [...(await listTree(root.path)).keys()].filter((path) => !/^\/(kaniko|lib|lib64|usr)/.test(path));
    assert.deepEqual(left.filter((path) => !path.startsWith("/work/")).sort(), EXPECTED_FILES);
  });
}

/** What is there when a root is made, and nothing more. */
const EXPECTED_FILES = [
  ...["/", "/deno.json", "/dev", "/dev/null", "/dev/urandom", "/etc", "/etc/hosts", "/etc/ld.so.cache"],
  ...[
    "/etc/ld.so.preload",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/package.json",
    "/proc",
    "/root",
    "/root/.npmrc",
  ],
  ...["/tmp", "/work", "/workspace", "/workspace/.npmrc", "/workspace/Dockerfile", "/workspace/deno.json"],
];

/** Files of the root that were opened or started, after the executor was. */
function foreignFiles(trace: string): readonly string[] {
  const lines = trace.split("\n");
  const start = lines.findIndex((line) => line.includes('execve("/kaniko/executor"'));
  assert.ok(start >= 0, "the executor was not started");
  return lines.slice(start).flatMap((line) => {
    const [, path = ""] = /(?:openat\(AT_FDCWD, |open\(|execve\()"([^"]*)"/.exec(line) ?? [];
    return path === "" || ITS_OWN.test(path) ? [] : [path];
  });
}
