/**
 * The executor in a root file system that is somebody else's: what it shares with the image it builds where there is
 * nothing but the container. Whatever a loader, a C library or Deno might read there is wrong.
 *
 *     await using root = await startForeignRoot(async (path) => await unpackImage(layout, path));
 *     const { code, stderr } = await root.run(["--version"]);
 *
 * @module
 */
import { join } from "node:path/posix";
import { run, SEARCH_PATH } from "./environment/command.ts";
import { prepared } from "./environment/environment.ts";
import { memoryDirectory, type Outcome } from "./executor_site.ts";

/** A root with `/kaniko` in it. */
export interface ForeignRoot extends AsyncDisposable {
  /** Where it is on this machine. */
  readonly path: string;
  /** Runs `/kaniko/executor` in it. */
  run(args: readonly string[], options?: ForeignRun): Promise<Outcome>;
  /** Puts another `/lib` in the place of the one there is, also while something runs. */
  replaceLibraries(): Promise<void>;
}

/** How to run it. */
export interface ForeignRun {
  /** A file to write the names of all files to that are opened. */
  readonly trace?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Names under which a program of Debian's would find its libraries. */
const LIBRARIES = [
  "ld-linux-x86-64.so.2",
  "ld-linux-aarch64.so.1",
  ...["libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1"],
  ...["libnss_files.so.2", "libnss_dns.so.2", "libnss_foreign.so.2", "foreign.so"],
];
const FOLDERS = [
  "lib",
  "lib64",
  "lib/x86_64-linux-gnu",
  "lib/aarch64-linux-gnu",
  "usr/lib",
  "usr/lib/x86_64-linux-gnu",
];

const FOREIGN_FILES = {
  "etc/ld.so.preload": "/lib/foreign.so\n",
  "etc/ld.so.cache": "glibc-ld.so.cache1.1, but not really",
  "etc/nsswitch.conf": "hosts: foreign\n",
  "etc/hosts": "127.0.0.1 localhost registry.test\n",
  "etc/resolv.conf": "nameserver 127.0.0.1\n",
  "deno.json": "{ this is no JSON",
  "package.json": "{ this is no JSON",
  "workspace/deno.json": "{ this is no JSON",
  "root/.npmrc": "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n=\nregistry=no url\n",
  "workspace/.npmrc": "registry=no url\n",
};

/** Makes a root; `fill` puts `/kaniko` in it. */
export async function startForeignRoot(fill: (path: string) => Promise<void>): Promise<ForeignRoot> {
  await prepared({ tools: ["strace"] });
  const path = await Deno.makeTempDir({ prefix: "kiln-root-", ...memoryDirectory() });
  await Deno.chmod(path, 0o755);
  await fill(path);
  for (const folder of ["etc", "proc", "dev", "tmp", "root", "workspace"]) {
    await Deno.mkdir(join(path, folder), { recursive: true });
  }
  for (const [name, text] of Object.entries(FOREIGN_FILES)) await Deno.writeTextFile(join(path, name), text);
  await run(["mknod", "-m", "666", join(path, "dev/null"), "c", "1", "3"]);
  await run(["mknod", "-m", "666", join(path, "dev/urandom"), "c", "1", "9"]);
  await writeLibraries(path, "junk");
  return {
    path,
    run: (args, options) => execute(path, args, options),
    async replaceLibraries(): Promise<void> {
      for (const folder of ["lib", "lib64", "usr/lib"]) await run(["rm", "-rf", join(path, folder)]);
      await writeLibraries(path, "other junk");
    },
    [Symbol.asyncDispose]: async () => void await run(["rm", "-rf", "--one-file-system", path]),
  };
}

/** Unpacks an image with umoci. */
export async function unpackImage(layout: string, path: string): Promise<void> {
  await prepared({ tools: ["umoci", "skopeo"] });
  const scratch = await Deno.makeTempDir({ prefix: "kiln-unpack-", ...memoryDirectory() });
  try {
    await run(["skopeo", "copy", "--quiet", `oci:${layout}`, `oci:${scratch}/layout:1`]);
    await run(["umoci", "unpack", "--image", `${scratch}/layout:1`, `${scratch}/bundle`]);
    await run(["cp", "-a", `${scratch}/bundle/rootfs/.`, path]);
  } finally {
    await run(["rm", "-rf", "--one-file-system", scratch]);
  }
}

async function writeLibraries(path: string, content: string): Promise<void> {
  for (const folder of FOLDERS) {
    await Deno.mkdir(join(path, folder), { recursive: true });
    for (const name of LIBRARIES) await Deno.writeTextFile(join(path, folder, name), content, { mode: 0o755 });
  }
}

async function execute(path: string, args: readonly string[], { trace, env = {} }: ForeignRun = {}): Promise<Outcome> {
  const script = 'mount -t proc proc "$0/proc" && cd / && exec "$@"';
  const tracing = trace === undefined ? [] : ["strace", "-f", "-qq", "-e", "trace=openat,open,execve", "-o", trace];
  const namespaces = ["--mount", "--propagation=private", "--pid", "--fork", "--kill-child"];
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: [...namespaces, "sh", "-c", script, path, ...tracing, "chroot", path, "/kaniko/executor", ...args],
    clearEnv: true,
    env: { PATH: SEARCH_PATH, HOME: "/root", LD_LIBRARY_PATH: "/lib:/lib64:/usr/lib", ...env },
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}
