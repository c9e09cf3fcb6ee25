/**
 * The base images the tests build on, as OCI layouts in the cache.
 *
 * None comes from a hub: busybox is Debian's static binary and its links, debian a debootstrap of bookworm, node that
 * with Node.js and npm on top. All have the users and groups below, so that USER, `--chown` and supplementary groups
 * can be tested on each.
 *
 * @module
 */
import { join } from "node:path/posix";
import { cached } from "./cache.ts";
import { findProgram, run } from "./command.ts";
import { builderBase, pauseBase, runtimeBase } from "./image_bases.ts";
import { EPOCH_SECONDS, hostArchitecture, writeLayout } from "./layout_writer.ts";
import { ensureTools } from "./tools.ts";

/** The bases tests lean on. */
export const BASES = ["busybox", "debian", "node"] as const;

/** Bases that only some lanes lean on: the bench's, and what the executor image is built on and run beside. */
type RareBase = "fat" | "builder" | "runtime" | "pause";

/** The name of a base, and of its repository (`base/NAME`) in a registry of the environment. */
export type BaseName = typeof BASES[number] | RareBase;

/** Returns the OCI layout (tag `latest`) of a base, making it when it is not in the cache. */
export async function baseLayout(name: BaseName): Promise<string> {
  switch (name) {
    case "busybox":
      return await busybox();
    case "debian":
      return await debian();
    case "node":
      return await node();
    case "fat":
      return await fat();
    case "builder":
      return await builderBase(await debianTree());
    case "runtime":
      return await runtimeBase();
    case "pause":
      await ensureTools(["busybox"]);
      return await pauseBase();
  }
}

/** The root file system of the debian base as a folder; never change it. Needs root. */
export async function debianTree(): Promise<string> {
  await ensureTools(["debootstrap"]);
  const mirror = await debianMirror();
  return await cached({
    name: "debian-tree",
    inputs: ["2", mirror, SUITE, hostArchitecture()],
    what: `a Debian ${SUITE} tree with debootstrap from ${mirror}`,
    make: async (folder) => await makeDebianTree(join(folder, "root"), mirror),
  }).then((folder) => join(folder, "root"));
}

const SUITE = "bookworm";

/** `app` (1000) has a primary and two supplementary groups; names and numbers all differ. */
const GROUPS = "extra:x:2000:app\nmore:x:2001:app\n";

async function busybox(): Promise<string> {
  await ensureTools(["busybox"]);
  const binary = findProgram("busybox") ?? "busybox";
  const applets = (await run([binary, "--list"])).stdout.split("\n").filter((name) =>
    name !== "" && name !== "busybox"
  );
  const version = (await run([binary], { accept: [0, 1] })).stdout.split("\n")[0] ?? "";
  return await cached({
    name: "busybox",
    inputs: ["2", version, hostArchitecture(), ...applets],
    what: "the busybox base",
    make: async (folder) => {
      const root = await Deno.makeTempDir({ dir: folder });
      await makeBusyboxTree(root, { binary, applets });
      const config = { Cmd: ["sh"] };
      await writeLayout(folder, { layers: [{ folder: root, asRoot: true, mtimeSeconds: EPOCH_SECONDS }], config });
      await Deno.remove(root, { recursive: true });
    },
  });
}

async function makeBusyboxTree(
  root: string,
  from: { readonly binary: string; readonly applets: readonly string[] },
): Promise<void> {
  await Deno.chmod(root, 0o755);
  for (const folder of ["bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "usr/bin", "usr/sbin", "var/tmp"]) {
    await Deno.mkdir(join(root, folder), { recursive: true });
  }
  for (const folder of ["tmp", "var/tmp"]) await Deno.chmod(join(root, folder), 0o1777);
  await Deno.chmod(join(root, "root"), 0o700);
  await Deno.copyFile(from.binary, join(root, "bin/busybox"));
  await Deno.chmod(join(root, "bin/busybox"), 0o755);
  // Hard links, as in the official image: layers must keep them.
  for (const applet of from.applets) await Deno.link(join(root, "bin/busybox"), join(root, "bin", applet));
  await Deno.symlink("../../bin/env", join(root, "usr/bin/env"));
  const users = [
    "root:x:0:0:root:/root:/bin/sh",
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
    "bin:x:2:2:bin:/bin:/bin/false",
    "www-data:x:33:33:www-data:/var/www:/bin/false",
    "app:x:1000:1000:app:/home/app:/bin/sh",
    "nobody:x:65534:65534:nobody:/home:/bin/false",
  ];
  const groups = ["root:x:0:", "daemon:x:1:", "bin:x:2:", "www-data:x:33:", "app:x:1000:", "nogroup:x:65534:"];
  await Deno.writeTextFile(join(root, "etc/passwd"), `${users.join("\n")}\n`);
  await Deno.writeTextFile(join(root, "etc/group"), `${groups.join("\n")}\n${GROUPS}`);
}

async function debian(): Promise<string> {
  const tree = await debianTree();
  return await cached({
    name: "debian",
    inputs: ["1", tree],
    what: "the debian base",
    make: async (folder) => {
      await writeLayout(folder, { layers: [{ folder: tree }], config: { Cmd: ["bash"] } });
    },
  });
}

async function makeDebianTree(root: string, mirror: string): Promise<void> {
  if (Deno.uid() !== 0) throw new Error("Cannot make a Debian base: debootstrap needs root\nhint: run as root");
  await run(["debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, root, mirror]);
  await run(["chroot", root, "apt-get", "clean"]);
  await run(["chroot", root, "groupadd", "--gid", "2000", "extra"]);
  await run(["chroot", root, "groupadd", "--gid", "2001", "more"]);
  await run(["chroot", root, "useradd", "--create-home", "--uid", "1000", "--groups", "extra,more", "app"]);
  const leftOver = ["var/lib/apt/lists", "var/cache/apt", "var/cache/ldconfig/aux-cache", "var/log/bootstrap.log"];
  for (const path of leftOver) await remove(join(root, path));
  await Deno.mkdir(join(root, "var/lib/apt/lists/partial"), { recursive: true });
  await Deno.mkdir(join(root, "var/cache/apt/archives/partial"), { recursive: true });
  await Deno.writeTextFile(join(root, "etc/apt/sources.list"), `deb ${mirror} ${SUITE} main\n`);
  await copyHostTrust(root);
  // debootstrap copies the host's name server in; images bring none.
  await Deno.writeTextFile(join(root, "etc/resolv.conf"), "");
}

/** What the host needs to reach its package sources, the image needs too: its certificates and apt's proxy. */
async function copyHostTrust(root: string): Promise<void> {
  const bundle = "etc/ssl/certs/ca-certificates.crt";
  if (exists(`/${bundle}`)) await Deno.copyFile(`/${bundle}`, join(root, bundle));
  if (findProgram("apt-config") === undefined) return;
  const { stdout } = await run(["apt-config", "dump", "Acquire::http::Proxy", "Acquire::https::Proxy"]);
  const proxies = stdout.split("\n").filter((line) => /^Acquire::https?::Proxy "."/.test(line));
  if (proxies.length > 0) await Deno.writeTextFile(join(root, "etc/apt/apt.conf.d/90proxy"), `${proxies.join("\n")}\n`);
}

/** The mirror of the host's own sources when it is a Debian mirror, else Debian's. */
async function debianMirror(): Promise<string> {
  const fallback = "http://deb.debian.org/debian";
  const folder = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list"];
  if (exists(folder)) { for (const entry of Deno.readDirSync(folder)) files.push(join(folder, entry.name)); }
  for (const file of files.filter(exists)) {
    const text = await Deno.readTextFile(file);
    const urls = [...text.matchAll(/^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?:\/\/\S+)/gm)].map(([, url = ""]) => url);
    const mirror = urls.find((url) => /\/debian\/?$/.test(url));
    if (mirror !== undefined) return mirror.replace(/\/$/, "");
  }
  return fallback;
}

async function node(): Promise<string> {
  const tree = await debianTree();
  const program = findProgram("node");
  const version = program === undefined ? "Debian's" : (await run([program, "--version"])).stdout.trim();
  return await cached({
    name: "node",
    inputs: ["1", tree, version],
    what: `the node base (${version})`,
    make: async (folder) => {
      const scratch = await Deno.makeTempDir({ dir: folder });
      const config = { Cmd: ["node"], Env: [`PATH=${PATH}`, `NODE_VERSION=${version.replace(/^v/, "")}`] };
      const added = join(scratch, "added");
      if (program !== undefined && await addHostNode(added, program) && await works(tree, added, scratch)) {
        await writeLayout(folder, { layers: [{ folder: tree }, { folder: added }], config });
      } else {
        await writeLayout(folder, { layers: [{ folder: await installNode(tree, scratch) }], config });
      }
      await run(["rm", "-rf", "--one-file-system", scratch]);
    },
  });
}

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Copies the host's Node.js and npm; returns false where npm is not beside it as usual. */
async function addHostNode(added: string, program: string): Promise<boolean> {
  const npm = findProgram("npm");
  if (npm === undefined) return false;
  // .../node_modules/npm/bin/npm-cli.js, however many links lead there
  const package_ = join(await Deno.realPath(npm), "../..");
  if (!exists(join(package_, "bin/npm-cli.js"))) return false;
  for (const folder of ["usr/bin", "usr/etc", "usr/lib/node_modules"]) {
    await Deno.mkdir(join(added, folder), { recursive: true });
  }
  await run(["cp", "-L", program, join(added, "usr/bin/node")]);
  await run(["cp", "-a", "--no-preserve=ownership", package_, join(added, "usr/lib/node_modules/npm")]);
  for (const name of ["npm", "npx"]) {
    await Deno.symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(added, `usr/bin/${name}`));
  }
  await Deno.writeTextFile(join(added, "usr/etc/npmrc"), await npmSettings(npm));
  return true;
}

/** The registry the host uses, and its certificates through the bundle that `copyHostTrust` carries. */
async function npmSettings(npm: string): Promise<string> {
  const registry = (await run([npm, "config", "get", "registry"])).stdout.trim();
  const cafile = "cafile=/etc/ssl/certs/ca-certificates.crt";
  return `registry=${registry}\n${cafile}\nfund=false\naudit=false\nupdate-notifier=false\n`;
}

/** A host's Node.js may be built for another libc than the base has. */
async function works(tree: string, added: string, scratch: string): Promise<boolean> {
  const trial = join(scratch, "trial");
  await run(["cp", "-a", tree, trial]);
  await run(["cp", "-a", `${added}/.`, trial]);
  const { code } = await run(["chroot", trial, "npm", "--version"], { accept: [0, 1, 126, 127] });
  return code === 0;
}

/** Debian's own Node.js, which brings some 300 packages with it. */
async function installNode(tree: string, scratch: string): Promise<string> {
  const root = join(scratch, "debian");
  await run(["cp", "-a", tree, root]);
  await Deno.copyFile("/etc/resolv.conf", join(root, "etc/resolv.conf"));
  const install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends nodejs npm";
  await run(["chroot", root, "sh", "-c", `${install} && apt-get clean && rm -rf /var/lib/apt/lists/*`], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
  await Deno.writeTextFile(join(root, "etc/resolv.conf"), "");
  return root;
}

/** Debian and two layers of copies of its smaller files: some 97,000 entries, 1.6 GB, for what scales with the base. */
async function fat(): Promise<string> {
  const tree = await debianTree();
  return await cached({
    name: "fat",
    inputs: ["1", tree],
    what: "the fat base (97,000 files, 1.6 GB), about a minute",
    make: async (folder) => {
      const scratch = await Deno.makeTempDir({ dir: folder });
      const layers = [];
      for (const [index, copies] of [7, 7].entries()) {
        const added = join(scratch, `added${index}`);
        for (let copy = 0; copy < copies; copy++) {
          const target = join(added, `opt/layer${index}/copy${copy}`);
          await Deno.mkdir(target, { recursive: true });
          const select = "find . '(' -type d -o -type l -o -type f -size -2000k ')' -print0";
          const pack = `cd "$1/usr" && ${select} | tar --null --no-recursion -T - -cf -`;
          await run(["sh", "-ec", `${pack} | tar -C "$2" -xf -`, "sh", tree, target]);
        }
        layers.push({ folder: added });
      }
      await writeLayout(folder, { layers: [{ folder: tree }, ...layers], config: { Cmd: ["bash"] } });
      await run(["rm", "-rf", "--one-file-system", scratch]);
    },
  });
}

async function remove(path: string): Promise<void> {
  await run(["rm", "-rf", "--one-file-system", path]);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
