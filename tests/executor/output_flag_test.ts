/**
 * `--output` (dockerfile.md 6.3): files and images where BuildKit's users want them, several at a time, and what is
 * refused by name.
 *
 * Guards, each seen red when taken out: the extractor that follows no link of the directory and `forThisMachine` in
 * lib/image/export_tree.ts, the SecretGuard there.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { compareListings, type Listing } from "../support/environment/listing.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { listTree } from "../support/environment/tree_listing.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { errorIn } from "../support/failing_build.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";

await prepared({ tools: ["skopeo", "getfattr"], bases: ["busybox"] });

/** Makes entries of every kind, one of which could be dangerous on a host. */
const DOCKERFILE = `FROM {BASE} AS all
COPY --chown=5:6 a /made/a
RUN ln /made/a /made/hard && ln -s a /made/link && mkdir /made/dir && chmod 1777 /made/dir && chown 7 /made/dir \\
    && mkfifo /made/pipe && mknod /made/null c 1 3 && cp /bin/busybox /made/suid && chmod 4755 /made/suid \\
    && rm /etc/group; touch -h -d @1000000000 /made/* /made
FROM scratch AS made
COPY --from=all /made /made
`;

const BACKENDS = ["overlay", "chroot"] as const;

async function build(site: Site, args: readonly string[]): Promise<Outcome> {
  await using registry = await startRegistry({ bases: ["busybox"] });
  await site.write({ Dockerfile: DOCKERFILE.replaceAll("{BASE}", registry.base("busybox")), a: "the content\n" });
  const outcome = await site.run(["--insecure-pull", ...args]);
  assert.equal(outcome.code, 0, outcome.stderr);
  await site.assertNothingLeft();
  return outcome;
}

async function unpackedTar(site: Site, name: string): Promise<Listing> {
  const folder = await Deno.makeTempDir({ dir: site.path });
  await run(["tar", "--xattrs", "--xattrs-include=*", "-C", folder, "-xpf", join(site.path, name)]);
  return await listTree(folder);
}

for (const isolation of BACKENDS) {
  Deno.test(`--output type=local and type=tar [6.3], give the files of the image (${isolation})`, async () => {
    await using site = await startSite();
    const args = [`--isolation=${isolation}`, "--target=all"];
    const { stdout } = await build(site, [
      ...args,
      ...["-o", "files", "--output=type=tar,dest=files.tar", "--output=type=oci,dest=image.tar,name=app:1"],
    ]);
    assert.match(stdout, /^sha256:[0-9a-f]{64}$/m);
    const image = (await flatten(join(site.path, "image.tar"))).files;
    assert.equal(image.get("/etc/group"), undefined);
    const tar = await unpackedTar(site, "files.tar");
    assert.deepEqual(compareListings(tar, image, { except: (path) => path === "/" }), []);
    const local = await listTree(join(site.path, "files"));
    // Files of a directory are the builder's own, and open no device.
    const expected = new Map(
      [...image].filter(([path]) => path !== "/made/null").map(([path, file]) =>
        [path, { ...file, uid: 0, gid: 0, mode: path === "/made/suid" ? "0755" : file.mode }] as const
      ),
    );
    assert.deepEqual(compareListings(local, expected, { except: (path) => path === "/" }), []);
    assert.equal(local.get("/made/hard")?.sameAs, "/made/a");
  });
}

Deno.test("--output of files alone [6.3], makes no layers and no image, and needs no destination", async () => {
  await using site = await startSite();
  const { stdout, stderr } = await build(site, ["--output=type=local,dest=out,platform-split=true"]);
  assert.doesNotMatch(stdout, /sha256/);
  assert.match(stderr, /Wrote the directory "[^"]*\/out\/linux_[a-z0-9]+": \d+ files/);
  assert.match(stderr, /1 devices of the image are not in/);
  const [platform] = [...Deno.readDirSync(join(site.path, "out"))].map(({ name }) => name);
  assert.equal(await Deno.readTextFile(join(site.path, "out", platform ?? "", "made/a")), "the content\n");
});

Deno.test("--output of files [6.3], has names that no layer can hold", async () => {
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({
    Dockerfile: `FROM ${registry.base("busybox")}\nRUN mkdir /d && touch /d/.wh.x\n`,
  });
  const { code, stderr } = await site.run(["--insecure-pull", "-o", "out", "--output=type=tar,dest=out.tar"]);
  assert.equal(code, 0, stderr);
  assert.ok((await Deno.lstat(join(site.path, "out/d/.wh.x"))).isFile);
  assert.match((await run(["tar", "-tf", join(site.path, "out.tar"), "d"])).stdout, /^d\/\.wh\.x$/m);
});

Deno.test("--output type=local [6.3], replaces what is in the way, follows no link, and keeps what is not", async () => {
  await using site = await startSite();
  const out = join(site.path, "out");
  await Deno.mkdir(join(out, "kept"), { recursive: true });
  await Deno.mkdir(join(site.path, "outside"));
  await Deno.writeTextFile(join(site.path, "outside/a"), "untouched");
  await Deno.symlink("../outside", join(out, "made"));
  await build(site, ["--output=type=local,dest=out"]);
  assert.equal(await Deno.readTextFile(join(site.path, "outside/a")), "untouched");
  assert.deepEqual([...Deno.readDirSync(join(site.path, "outside"))].length, 1);
  assert.ok((await Deno.lstat(join(out, "made"))).isDirectory);
  assert.ok((await Deno.lstat(join(out, "kept"))).isDirectory);
  // A second time, over itself, with a file and a directory in the way.
  await Deno.remove(join(out, "made/link"));
  await Deno.mkdir(join(out, "made/link/full"), { recursive: true });
  await Deno.remove(join(out, "made/dir"));
  await Deno.writeTextFile(join(out, "made/dir"), "file");
  await Deno.writeTextFile(join(out, "made/own"), "own");
  await build(site, ["--output=type=local,dest=out,mode=delete"]);
  assert.equal(await Deno.readLink(join(out, "made/link")), "a");
  assert.ok((await Deno.lstat(join(out, "made/dir"))).isDirectory);
  await assert.rejects(Deno.lstat(join(out, "made/own")), Deno.errors.NotFound);
  await assert.rejects(Deno.lstat(join(out, "kept")), Deno.errors.NotFound);
});

Deno.test("--output to stdout [6.3], has nothing but the archive, and what commands print is on stderr", async () => {
  for (
    const [args, lists] of [
      [["-o", "-"], "made/a"],
      [["--output=type=oci,dest=-"], "index.json"],
      [["--output=type=docker,dest=-"], "manifest.json"],
      [["--output=type=docker,dest=/dev/stdout"], "manifest.json"],
      [["--no-push", "--tar-path=/dev/stdout"], "manifest.json"],
    ] as const
  ) {
    await using registry = await startRegistry({ bases: ["busybox"] });
    await using site = await startSite({ a: "the content\n" });
    const dockerfile = `${DOCKERFILE.replaceAll("{BASE}", registry.base("busybox"))}`.replace(
      "RUN ",
      "RUN echo printed && ",
    );
    await site.write({ Dockerfile: dockerfile });
    const { code, stdout, stderr } = await site.run(["--insecure-pull", ...args], {
      through: ["sh", "-c", '"$@" | tar -t', "sh"],
    });
    assert.equal(code, 0, stderr);
    assert.ok(stdout.split("\n").includes(lists), `${lists} in ${stdout}`);
    assert.match(stderr, /\] printed$/m);
  }
});

Deno.test("--output type=oci and type=docker [6.3], are what others load, under all names", async () => {
  await using site = await startSite();
  await build(site, [
    '--output=type=oci,dest=oci.tar,"name=reg.example/app:1,reg.example/app:2"',
    "--output=type=docker,dest=docker.tar,name=reg.example/app",
    "--output=type=oci,tar=false,dest=layout,name=app:3",
    "--output=type=cacheonly",
    "--digest-file=digest",
  ]);
  const inspect = async (source: string): Promise<{ readonly Digest: string; readonly Layers: readonly string[] }> =>
    JSON.parse((await run(["skopeo", "inspect", source], { cwd: site.path })).stdout);
  const oci = await inspect("oci-archive:oci.tar:1");
  assert.equal((await inspect("oci-archive:oci.tar:2")).Digest, oci.Digest);
  assert.equal((await inspect("oci:layout:3")).Digest, oci.Digest);
  assert.equal(await Deno.readTextFile(join(site.path, "digest")), oci.Digest);
  const index = JSON.parse((await run(["tar", "-xOf", join(site.path, "oci.tar"), "index.json"])).stdout);
  assert.deepEqual(
    index.manifests.map(({ annotations }: { annotations: Record<string, string> }) =>
      annotations["io.containerd.image.name"]
    ),
    ["reg.example/app:1", "reg.example/app:2"],
  );
  const [{ RepoTags }] = JSON.parse(
    (await run(["tar", "-xOf", join(site.path, "docker.tar"), "manifest.json"])).stdout,
  );
  assert.deepEqual(RepoTags, ["reg.example/app:latest"]);
  await inspect("docker-archive:docker.tar");
});

Deno.test("--output type=registry and type=image [6.3], push by name and by digest alone", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY a /\n", a: "a" });
  const { code, stdout, stderr } = await site.run([
    `--output=type=registry,name=${registry.host}/one:1,registry.insecure=true,annotation.team=own`,
    `--output=type=image,name=${registry.host}/two,push=true,push-by-digest=true`,
    `--destination=${registry.host}/three:3`,
  ]);
  assert.equal(code, 0, stderr);
  const digest = /@(sha256:[0-9a-f]+)/.exec(stdout)?.[1] ?? "";
  const has = (key: string): boolean => registry.manifests.has(key);
  assert.deepEqual([has("one:1"), has("three:3"), has(`two@${digest}`), has("two:latest")], [true, true, true, false]);
  assert.deepEqual(
    stdout.trim().split("\n").sort(),
    ["one:1", "three:3", "two"].map((name) => `${registry.host}/${name}@${digest}`),
  );
  const stored = JSON.parse(new TextDecoder().decode(registry.manifests.get("one:1")?.bytes));
  assert.deepEqual(stored.annotations, { team: "own" });
});

Deno.test("--output [6.3], clamps times to SOURCE_DATE_EPOCH, and gives the same bytes twice", async () => {
  const digests = new Set<string>();
  for (const name of ["one", "two"]) {
    await using site = await startSite();
    await build(site, ["--output=type=tar,dest=files.tar", "-o", "out", "--build-arg=SOURCE_DATE_EPOCH=900000000"]);
    digests.add((await run(["sha256sum", join(site.path, "files.tar")])).stdout.split(" ")[0] ?? name);
    assert.equal((await Deno.stat(join(site.path, "out/made/a"))).mtime?.getTime(), 900_000_000_000);
  }
  assert.equal(digests.size, 1);
});

Deno.test("S65 --output of files, refuses one with a secret in it", async () => {
  for (const output of ["type=local,dest=out", "type=tar,dest=out.tar"]) {
    await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY a /\n", a: "a secret value 1234" });
    const { code, stderr } = await site.run([`--output=${output}`, "--secret=id=mine,env=MINE"], {
      env: { MINE: "a secret value 1234" },
    });
    assert.equal(code, 77, stderr);
    assert.match(errorIn(stderr), /"\/a".*contains the secret "mine"/);
    await assert.rejects(Deno.lstat(join(site.path, "out.tar")), Deno.errors.NotFound);
  }
});

const REFUSED: readonly (readonly [flags: readonly string[], error: RegExp])[] = [
  [["type=locl,dest=x"], /there is no type "locl"/],
  [["dest=x"], /it has no type$/],
  [["type=local"], /it has no dest$/],
  [["type=docker"], /it has no dest$/],
  [["type=local,dest=-"], /a directory cannot be written to stdout$/],
  [["type=local,dest=x,nmae=y"], /"nmae" is no key of the type local$/],
  [["type=local,dest=x,dest=y"], /"dest" is given twice$/],
  [["type=local,dest=x,mode=move"], /mode="move" is not one of copy, delete$/],
  [["type=local,dest=/,mode=delete"], /it is the root$/],
  [["type=tar,dest=x,attestation-prefix=y"], /"attestation-prefix" cannot be done: there are no attestations$/],
  [["type=image,name=a"], /it keeps nothing: there is no image store$/],
  [["type=registry"], /it has no name to push to$/],
  [["type=registry,name=a,force-compression=true"], /"force-compression=true" cannot be done: layers of the base/],
  [["type=registry,name=a,store=true"], /"store" cannot be done: there is no image store$/],
  [["type=registry,name=a,compression=estargz"], /layers cannot be written as estargz$/],
  [["type=registry,name=a,annotation-index.x=y"], /"annotation-index.x" cannot be done/],
  [["type=registry,name=a,rewrite-timestamp=false"], /always those of SOURCE_DATE_EPOCH/],
  [["type=registry,name=a,source-date-epoch=1"], /set the build argument SOURCE_DATE_EPOCH$/],
  [["type=oci,dest=x,tar=maybe"], /tar="maybe" is neither true nor false$/],
  [["type=oci,dest=x,compression=zstd", "type=docker,dest=y"], /the archive is one for docker load$/],
  [["type=oci,dest=x,compression=zstd", "type=oci,dest=y,compression=gzip"], /the image has one compression$/],
  [["type=oci,dest=x", "type=tar,dest=x"], /--output type=oci names it, too$/],
  [["type=oci,dest=-", "-"], /--output type=tar to stdout: --output type=oci names it, too$/],
];
for (const [flags, error] of REFUSED) {
  Deno.test(`--output ${flags.join(" and ")} [6.3], is refused`, async () => {
    await using site = await startSite({ Dockerfile: "FROM scratch\n" });
    const { code, stderr } = await site.run(flags.map((flag) => `--output=${flag}`));
    assert.match(errorIn(stderr).split("\n")[0] ?? "", error);
    assert.equal(code, 64, stderr);
    await site.assertNothingLeft();
  });
}
