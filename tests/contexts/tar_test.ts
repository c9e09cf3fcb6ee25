/**
 * `tar://FILE` and `tar://stdin`: every compression, a sub-path, an ignore file, damaged and hostile archives.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { gzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import {
  assertContextFails,
  buildFrom,
  COPY_ALL,
  filesFrom,
  imageFiles,
  packContext,
} from "../support/context_build.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { compareListings } from "../support/environment/listing.ts";
import { listTree } from "../support/environment/tree_listing.ts";
import { startSite } from "../support/executor_site.ts";
import { archive, entry } from "../support/tar_forge.ts";

await prepared({ tools: ["bzip2", "xz", "zstd", "getfattr"] });

const FILES = { "Dockerfile": COPY_ALL, "a": "a\n", "sub/Dockerfile": COPY_ALL, "sub/b": "b\n" } as const;
const ALL = ["/Dockerfile", "/a", "/sub/", "/sub/Dockerfile", "/sub/b"];

const COMPRESSIONS: readonly (readonly [name: string, options: readonly string[]])[] = [
  ["plain", []],
  ["gzip", ["--gzip"]],
  ["bzip2", ["--bzip2"]],
  ["xz", ["--xz"]],
  ["zstd", ["--zstd"]],
];
for (const [name, options] of COMPRESSIONS) {
  Deno.test(`a tar context, ${name}, is told by its content and gives the files it was made of`, async () => {
    await using site = await startSite(FILES);
    const path = await packContext(site, "context.bin", options);
    const listing = await listTree(site.context);
    assert.deepEqual(await filesFrom(site, `tar://${path}`), ALL);
    const { files } = await flatten(join(site.path, "image"));
    assert.deepEqual(compareListings(listing, files, { except: (path) => path === "/" }), []);
  });

  Deno.test(`a tar context on stdin, ${name}, gives the same`, async () => {
    await using site = await startSite(FILES);
    const stdin = await Deno.readFile(await packContext(site, "context.bin", options));
    assert.deepEqual(await filesFrom(site, "tar://stdin", { stdin }), ALL);
  });
}

Deno.test("a tar context, comes through a pipe that a shell names", async () => {
  await using site = await startSite(FILES);
  const through = ["bash", "-c", `"$@" --context=tar://<(tar -C '${site.context}' -cz .)`, "bash"];
  const { code, stderr } = await site.run(["--no-push", `--oci-layout-path=${join(site.path, "image")}`], { through });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await imageFiles(site), ALL);
});

Deno.test("a tar context, in a pipe that is cut off fails by its state", async () => {
  await using site = await startSite(FILES);
  const path = await packContext(site, "c.tgz", ["--gzip"]);
  await assertContextFails(site, "tar://pipe", {
    through: ["bash", "-c", `mkfifo pipe; (head -c 40 '${path}' > pipe)& "$@"`, "bash"],
    code: 78,
    error: /^Cannot use the archive ".*pipe": .*truncated/,
  });
});

Deno.test("a tar context, is found relative to the current directory", async () => {
  await using site = await startSite(FILES);
  await packContext(site, "c.tar");
  assert.deepEqual(await filesFrom(site, "tar://c.tar"), ALL);
});

Deno.test("a tar context, has its sub-path as root, and the Dockerfile in it", async () => {
  await using site = await startSite(FILES);
  const path = await packContext(site, "c.tar");
  assert.deepEqual(await filesFrom(site, `tar://${path}`, { args: ["--context-sub-path=sub"] }), ["/Dockerfile", "/b"]);
});

Deno.test("a tar context, is taken whole, as in Docker, and its .dockerignore counts only when it is asked for", async () => {
  await using site = await startSite({
    ...FILES,
    ".dockerignore": "a\n",
    "other": COPY_ALL,
    "other.dockerignore": "sub\nother*\n",
  });
  const path = await packContext(site, "c.tar");
  const { stderr } = await buildFrom(site, `tar://${path}`);
  assert.match(
    stderr,
    /WARN.*The \.dockerignore of the archive ".*" is not applied, as in Docker; --context-dockerignore/,
  );
  const whole = await imageFiles(site);
  assert.ok(whole.includes("/a") && whole.includes("/sub/b"));
  const args = ["--context-dockerignore"];
  const plain = await filesFrom(site, `tar://${path}`, { args });
  assert.ok(!plain.includes("/a") && plain.includes("/sub/b"));
  const other = await filesFrom(site, `tar://${path}`, { args: [...args, "--dockerfile=other"] });
  assert.deepEqual(other, ["/.dockerignore", "/Dockerfile", "/a"]);
});

Deno.test("a tar context, with files of somebody else gives files of root", async () => {
  await using site = await startSite();
  const bytes = archive(entry({ name: "Dockerfile" }, COPY_ALL), entry({ name: "x", uid: 12, gid: 34 }, "x"));
  await filesFrom(site, "tar://stdin", { stdin: bytes });
  const { files } = await flatten(join(site.path, "image"));
  assert.deepEqual([files.get("/x")?.uid, files.get("/x")?.gid], [0, 0]);
});

for (const file of [`<(printf 'FROM scratch\\nCOPY a /z\\n')`, "/dev/stdin"]) {
  Deno.test(`a Dockerfile in the pipe ${file}, is read`, async () => {
    await using site = await startSite({ a: "a" });
    const script = `printf 'FROM scratch\\nCOPY a /z\\n' | "$@" --dockerfile ${file}`;
    const { code, stderr } = await site.run(["--no-push"], { through: ["bash", "-c", script, "bash"] });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /COPY a \/z/);
  });
}

Deno.test("a Dockerfile on stdin, is built with the context it is given", async () => {
  await using site = await startSite({ a: "a" });
  const stdin = new TextEncoder().encode("FROM scratch\nCOPY a /z\n");
  assert.deepEqual(await filesFrom(site, site.context, { args: ["--dockerfile=-"], stdin }), ["/z"]);
});

Deno.test("a Dockerfile here, is taken before that of the archive", async () => {
  await using site = await startSite(FILES);
  const path = await packContext(site, "c.tar");
  await Deno.writeTextFile(join(site.path, "Dockerfile"), "FROM scratch\nCOPY a /mine\n");
  assert.deepEqual(await filesFrom(site, `tar://${path}`), ["/mine"]);
});

Deno.test("a tar context, with the right checksum is built, with another one it is not", async () => {
  await using site = await startSite(FILES);
  const path = await packContext(site, "c.tar.gz", ["--gzip"]);
  const digest = createHash("sha256").update(await Deno.readFile(path)).digest("hex");
  assert.deepEqual(await filesFrom(site, `tar://${path}`, { args: [`--context-checksum=sha256:${digest}`] }), ALL);
  await Deno.remove(join(site.path, "image"), { recursive: true });
  for (const [context, stdin] of [[`tar://${path}`], ["tar://stdin", await Deno.readFile(path)]] as const) {
    await assertContextFails(site, context, {
      args: [`--context-checksum=sha256:${"0".repeat(64)}`],
      ...(stdin === undefined ? {} : { stdin }),
      code: 78,
      error: /^Cannot use the archive .*: its digest is sha256:[0-9a-f]{64}, not that of --context-checksum$/,
    });
  }
});

Deno.test("a tar context, that is no archive, empty, cut off or not there fails by its state", async () => {
  await using site = await startSite(FILES);
  const path = await packContext(site, "c.tar.gz", ["--gzip"]);
  const whole = await Deno.readFile(path);
  const failures: readonly (readonly [stdin: Uint8Array<ArrayBuffer>, error: RegExp])[] = [
    [new Uint8Array(), /it is empty$/],
    [
      new TextEncoder().encode("<html>not an archive</html>".repeat(40)),
      /^Cannot use the archive on stdin: cannot read the archive: it is a page for a browser, not an archive$/,
    ],
    [whole.slice(0, whole.length - 20), /truncated/],
    [whole.slice(0, 40), /truncated/],
  ];
  for (const [stdin, error] of failures) await assertContextFails(site, "tar://stdin", { stdin, code: 78, error });
  const missing = join(site.path, "missing.tar");
  await assertContextFails(site, `tar://${missing}`, {
    code: 66,
    error: `Cannot use the archive "${missing}": it does not exist`,
  });
  await assertContextFails(site, `tar://${site.context}`, {
    code: 66,
    error: `Cannot use the archive "${site.context}": it is a directory`,
  });
});

Deno.test("a tar context, without a Dockerfile says where it was looked for", async () => {
  await using site = await startSite();
  await assertContextFails(site, "tar://stdin", {
    stdin: archive(entry({ name: "x" }, "x")),
    code: 65,
    error:
      `Cannot find the Dockerfile "Dockerfile": there is none at ${site.path}/Dockerfile or "Dockerfile" of the archive on stdin`,
  });
});

Deno.test("a tar context, of one directory, as archives of releases are, says how to take it", async () => {
  await using site = await startSite();
  const stdin = archive(entry({ name: "app-1.0/Dockerfile" }, COPY_ALL), entry({ name: "app-1.0/x" }, "x"));
  const { stderr } = await assertContextFails(site, "tar://stdin", {
    stdin,
    code: 65,
    error: /^Cannot find the Docker/,
  });
  assert.match(stderr, /hint: all of the context is in "app-1.0": --context-sub-path=app-1.0$/m);
  const args = ["--context-sub-path=app-1.0"];
  assert.deepEqual(await filesFrom(site, "tar://stdin", { stdin, args }), ["/Dockerfile", "/x"]);
});

Deno.test("a tar context, without the sub-path fails by name", async () => {
  await using site = await startSite(FILES);
  const path = await packContext(site, "c.tar");
  await assertContextFails(site, `tar://${path}`, {
    args: ["--context-sub-path=nope"],
    code: 66,
    error: `Cannot use the build context "nope" of the archive "${path}": it does not exist`,
  });
});

Deno.test("a tar context on stdin, larger than --context-size-limit is refused", async () => {
  await using site = await startSite();
  await assertContextFails(site, "tar://stdin", {
    stdin: archive(entry({ name: "Dockerfile" }, COPY_ALL), entry({ name: "x" }, "x".repeat(100_000))),
    args: ["--context-size-limit=64k"],
    code: 66,
    error: "Cannot fetch the archive on stdin: it has more than 65536 bytes",
  });
});

Deno.test("a tar context, that expands beyond a limit is refused, and the flag is named [S26]", async () => {
  await using site = await startSite();
  const bomb = new Uint8Array(
    gzipSync(archive(entry({ name: "Dockerfile" }, COPY_ALL), entry({ name: "x" }, new Uint8Array(8 * 1024 ** 2)))),
  );
  const { stderr } = await assertContextFails(site, "tar://stdin", {
    stdin: bomb,
    args: ["--expanded-size-limit=1m"],
    code: 78,
    error: /it expands to more than 1048576 bytes$/,
  });
  assert.match(stderr, /hint: .*--expanded-size-limit/);
});

Deno.test("a Dockerfile that is wrong, ends the build while the context is still coming", async () => {
  await using site = await startSite({ x: "FROM\n" });
  await assertContextFails(site, "tar://stdin", {
    stdin: archive(entry({ name: "x" }, new Uint8Array(32 * 1024 ** 2))),
    args: [`--dockerfile=${join(site.context, "x")}`],
    code: 65,
    error: /^Cannot /,
  });
});
