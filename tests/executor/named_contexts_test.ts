/**
 * `--build-context`: layouts, repositories and files by name, the platforms they are for, and what is refused. The forms
 * that a Dockerfile and its image can show alone are in tests/specs/named_contexts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { startArchiveServer } from "../support/archive_server.ts";
import { baseLayout } from "../support/environment/bases.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { type FlatImage, flatten } from "../support/environment/flatten.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { errorIn } from "../support/failing_build.ts";
import { addForgedImage } from "../support/forged_image.ts";
import { gitSite, smallRepository, writeFiles } from "../support/git_site.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";

await prepared({ tools: ["git"] });

async function build(site: Site, dockerfile: string, args: readonly string[]): Promise<FlatImage> {
  await site.write({ Dockerfile: dockerfile });
  const image = join(site.path, "image");
  const { code, stderr } = await site.run(["--no-push", "--insecure-pull", `--oci-layout-path=${image}`, ...args]);
  assert.equal(code, 0, stderr);
  await site.assertNothingLeft();
  return await flatten(image);
}

function names({ files }: FlatImage): readonly string[] {
  return [...files.keys()].filter((path) => path !== "/").sort();
}

Deno.test("--build-context [6.2], takes images of OCI layouts with their config, by tag and by digest", async () => {
  await using site = await startSite({ a: "a" });
  const layout = join(site.path, "my layout");
  await run(["cp", "-r", await baseLayout("busybox"), layout]);
  const { manifests: [{ digest }] } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  for (const value of [`oci-layout://${layout}`, "oci-layout://my layout:latest", `oci-layout://${layout}@${digest}`]) {
    const image = await build(
      site,
      "FROM some/base:1 AS b\nRUN cp /bin/busybox /b\nFROM some/base:1\nCOPY --from=b /b /b\n",
      [
        `--build-context=some/base:1=${value}`,
      ],
    );
    assert.deepEqual(image.config.config?.["Cmd"], ["sh"]);
    assert.ok(image.files.get("/b")?.size === image.files.get("/bin/busybox")?.size);
  }
});

Deno.test("--build-context [3.14], of an image with triggers, fires them; one that replaces a stage does not", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite({ a: "a" });
  const layers = [archive(entry({ name: "base" }, "base"))];
  const fires = addForgedImage(registry, "fires", { layers, config: { OnBuild: ["COPY a /fired"], Env: ["A=b"] } });
  const based = await build(site, "FROM app\nCOPY a /own\n", [`--build-context=app=docker-image://${fires}`]);
  assert.deepEqual(names(based), ["/base", "/fired", "/own"]);
  const replaced = await build(site, "FROM scratch AS app\nCOPY a /own\n", [
    `--build-context=app=docker-image://${fires}`,
  ]);
  assert.deepEqual(names(replaced), ["/base"]);
  assert.deepEqual(replaced.config.config?.["Env"], [
    "A=b",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
  assert.deepEqual(replaced.config.history?.map(({ created_by }) => created_by), ["forged"]);
});

Deno.test("--build-context [6.2], of one platform, is not taken for another", async () => {
  await using site = await startSite({ a: "a" });
  await Deno.mkdir(join(site.path, "own"));
  await Deno.mkdir(join(site.path, "any"));
  await Deno.writeTextFile(join(site.path, "own/f"), "own");
  await Deno.writeTextFile(join(site.path, "any/f"), "any one");
  const dockerfile = "FROM scratch AS app\nCOPY a /a\nFROM scratch\nCOPY --from=app f /f\n";
  const args = ["--build-context=app::linux/arm64=own", "--build-context=app=any"];
  const size = async (...more: readonly string[]) =>
    (await build(site, dockerfile, [...args, ...more])).files.get("/f")?.size;
  assert.equal(await size("--custom-platform=linux/amd64"), 7);
  assert.equal(await size("--custom-platform=linux/arm64"), 3);
});

Deno.test("--build-context [6.2], takes repositories as ADD names them, and files of web servers as they are", async () => {
  await using at = await gitSite();
  await using server = await startArchiveServer(archive(entry({ name: "in" }, "x")));
  await using site = await startSite({ a: "a" });
  const { work, commit } = await smallRepository(at.root, "app", { "Dockerfile": "no", ".dockerignore": "f" });
  await writeFiles(work, { "d/f": "f" });
  await commit("second");
  const image = await build(
    site,
    "FROM src AS s\nFROM scratch\nCOPY --from=s / /s/\nCOPY --from=sub / /sub/\nCOPY --from=web / /web/\n",
    [
      `--build-context=src=${at.server.url("app.git").href}#main`,
      `--build-context=sub=${at.server.url("app.git").href}?subdir=d&keep-git-dir=0`,
      `--build-context=web=${server.url}`,
    ],
  );
  assert.deepEqual(names(image), [
    ...["/s", "/s/.dockerignore", "/s/Dockerfile", "/s/d", "/s/d/f"],
    ...["/sub", "/sub/f", "/web", "/web/context.tar.gz"],
  ]);
});

Deno.test("--build-context [6.2], unpacks archives that --context would", async () => {
  await using site = await startSite({ a: "a" });
  await Deno.writeFile(join(site.path, "app.tar"), archive(entry({ name: "in", uid: 3 }, "x")));
  const image = await build(site, "FROM scratch\nCOPY --from=app / /\n", ["--build-context=app=tar://app.tar"]);
  assert.deepEqual([...image.files].filter(([path]) => path !== "/").map(([path, { uid }]) => [path, uid]), [[
    "/in",
    0,
  ]]);
});

Deno.test("--build-context that nothing uses, is not fetched", async () => {
  await using server = await startArchiveServer(new Uint8Array());
  await using site = await startSite({ a: "a" });
  await build(site, "FROM scratch AS app\nFROM scratch\nCOPY a /\n", [
    `--build-context=app=${server.url}`,
    `--build-context=other=${server.url.replace("http:", "http:").replace(".gz", ".git")}`,
    "--build-context=image=docker-image://127.0.0.1:1/nobody/there",
  ]);
  assert.equal(server.seen.length, 0);
});

const REFUSED: readonly (readonly [flag: string, code: number, error: RegExp])[] = [
  ["app", 64, /--build-context "app": it has no "="$/],
  ["=.", 64, /Cannot use --build-context: nothing stands before the "="$/],
  ["scratch=.", 64, /nothing can take the place of "scratch"$/],
  ["Context::linux/amd64=.", 64, /nothing can take the place of "Context::linux\/amd64"$/],
  ["App=.", 64, /"library\/App" is not a repository name$/],
  ["app::plan9/=.", 64, /plan9/],
  ["app=", 64, /it names no context$/],
  ["app=target:build", 64, /"target:" names results of other builds, which only bake has$/],
  ["app=docker-image://A/B", 64, /is not a repository name|is not a registry host/],
  ["app=oci-layout://d@sha256:1", 64, /what follows "@" is not "sha256:"/],
  ["app=ftp://user:secret-1@h/x", 64, /there is no such kind of context$/],
  ["app=https://h/r.git?tag=a&branch=b", 64, /its query has both a tag and a branch$/],
  ["app=tar://stdin", 64, /stdin can only be the build context$/],
  ["app=nowhere", 66, /nowhere" as the context "app": it does not exist$/],
];
for (const [flag, code, error] of REFUSED) {
  Deno.test(`--build-context=${flag} [6.2], is refused`, async () => {
    await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY --from=app / /\n" });
    const outcome = await site.run(["--no-push", `--build-context=${flag}`]);
    assert.match(errorIn(outcome.stderr).split("\n")[0] ?? "", error);
    assert.equal(outcome.code, code, outcome.stderr);
    assert.doesNotMatch(outcome.stderr, /secret-1/);
  });
}
