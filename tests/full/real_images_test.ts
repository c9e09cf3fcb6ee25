/**
 * Real images, as people build them: Debian with apt-get, Node.js with npm, stages on busybox.
 *
 * Each is built on overlay mounts, pushed to a registry and written as OCI layout and docker archive, and once more in
 * a directory (`--isolation=chroot`). Other people's programs then read it: skopeo copies it from the registry, umoci
 * unpacks it, podman loads and runs it, `flatten.ts` complains about every fault. All must see the same tree.
 *
 * Debian and Node.js packages come from where the host has its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { type CaseContext, makeCaseContext } from "../support/case_context.ts";
import type { BaseName } from "../support/environment/bases.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { compareListings, type Listing } from "../support/environment/listing.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { listTree } from "../support/environment/tree_listing.ts";
import { EXECUTOR, memoryDirectory } from "../support/executor_site.ts";
import { startPodman } from "../support/podman.ts";

interface RealImage {
  /** The folder in `real_images/`. */
  readonly name: string;
  readonly base: BaseName;
  /** Commands to run in it, with what they print. */
  readonly runs: readonly { readonly command: readonly string[]; readonly prints: RegExp }[];
  /** Paths that must be there, so that an image of nothing cannot pass. */
  readonly has: readonly string[];
}

test({
  name: "busybox",
  base: "busybox",
  runs: [{ command: [], prints: /^HELLO, WORLD\none\n$/ }],
  has: ["/bin/busybox", "/content/hello", "/content/pipe"],
});

test({
  name: "npm",
  base: "node",
  runs: [
    { command: ["node", "server.js", "--check"], prints: /^express 4\.\S+ is there\n$/ },
    { command: ["id"], prints: /^uid=1000\(app\) gid=1000\(app\) groups=1000\(app\),2000\(extra\),2001\(more\)\n$/ },
  ],
  has: ["/app/node_modules/express/package.json", "/app/server.js"],
});

test({
  name: "apt",
  base: "debian",
  runs: [
    { command: [], prints: /^First\n$/ },
    { command: ["python3", "-c", "print(6 * 7)"], prints: /^42\n$/ },
    { command: ["cat", "id"], prints: /^uid=\d+\(site\) gid=\d+\(site\) groups=\d+\(site\)\n$/ },
  ],
  has: ["/usr/bin/git", "/usr/bin/sudo", "/usr/bin/ping", "/srv/site/.git/HEAD"],
});

function test(image: RealImage): void {
  Deno.test(`the ${image.name} image is the same to every reader, from both backends`, async () => {
    await prepared({ tools: ["skopeo", "umoci", "podman", "crun"], bases: [image.base] });
    await using registry = await startRegistry({ bases: [image.base] });
    const to = await Deno.makeTempDir({ prefix: "kiln-real-", ...memoryDirectory() });
    try {
      const from = join(import.meta.dirname ?? ".", "real_images", image.name);
      await check(image, await makeCaseContext({ from, to, registry: registry.host }), { to, host: registry.host });
    } finally {
      await run(["rm", "-rf", "--one-file-system", to]);
    }
  });
}

async function check(image: RealImage, context: CaseContext, place: { to: string; host: string }): Promise<void> {
  const { to, host } = place;
  const reference = `${host}/out/${image.name}:1`;
  const [layout, archive, other] = [join(to, "layout"), join(to, "archive.tar"), join(to, "other")];
  const pushed = [`--destination=${reference}`, "--insecure", `--oci-layout-path=${layout}`, `--tar-path=${archive}`];
  const started = Math.floor(Date.now() / 1000);
  await Promise.all([
    build(context, ["--isolation=overlay", ...pushed, `--work-dir=${join(to, "overlay")}`]),
    build(context, [
      "--isolation=chroot",
      "--no-push",
      `--oci-layout-path=${other}`,
      `--work-dir=${join(to, "chroot")}`,
    ]),
  ]);
  const { files, config } = await flatten(layout);
  for (const path of image.has) assert.ok(files.has(path), `${path} is missing`);
  const same = (listing: Listing): void => {
    // An unpacked tree has a root in any case; an image from nothing need not say anything about it.
    const except = (path: string): boolean => path === "/" && !files.has("/");
    assert.deepEqual(compareListings(files, listing, { except }), []);
  };

  const chroot = await flatten(other);
  assert.deepEqual(settled(chroot.files, started), settled(files, started));
  assert.deepEqual(chroot.config.config, config.config);

  same((await flatten(archive)).files);
  const copied = join(to, "copied");
  await run(["skopeo", "copy", "--quiet", "--src-tls-verify=false", `docker://${reference}`, `oci:${copied}:1`]);
  same((await flatten(copied)).files);

  const bundle = join(to, "bundle");
  await run(["umoci", "unpack", "--image", `${layout}:1`, bundle]);
  same(await listTree(join(bundle, "rootfs")));

  const storage = join(to, "podman");
  await Deno.mkdir(storage);
  await using podman = await startPodman(storage);
  const name = await podman.load(archive);
  for (const { command, prints } of image.runs) assert.match(await podman.run(name, command), prints);
}

async function build(context: CaseContext, args: readonly string[]): Promise<void> {
  await run([
    ...EXECUTOR,
    ...[`--context=${context.context}`, `--dockerfile=${context.dockerfile}`, "--insecure-pull", "--log-format=text"],
    ...args,
  ]);
}

/** What two builds of the same Dockerfile must agree on, one text a file. */
function settled(files: Listing, started: number): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...files].map(([path, file]) => {
      const mtime = Number(file.mtime) >= started ? "now" : file.mtime;
      return [path, { ...file, mtime }];
    }),
  );
}
