/**
 * Writes the executor image's root file system; runs in the build stage of `Dockerfile`.
 *
 *     [DENORT_BIN=FILE] deno run -A scripts/image/write_root.ts --root=FOLDER --debug-root=FOLDER
 *
 * `--root` gets `/kaniko` and nothing else:
 *
 * | path                                | what it is                                                              |
 * | ----------------------------------- | ----------------------------------------------------------------------- |
 * | executor                            | the compiled program; where denort cannot be had, a launcher of the two |
 * | deno, app/, .deno/                  | only then: the runtime, the bundle, the runtime's own folder            |
 * | lib/                                | loader and libraries of the executor's own                              |
 * | ssl/certs/ca-certificates.crt       | the certificates of this stage                                          |
 * | .docker/                            | for a config.json                                                       |
 * | licenses/                           | of what is not ours                                                     |
 *
 * `--debug-root` gets what the debug variant adds: `/busybox` and `/bin/sh`. The stage must have patchelf, CA
 * certificates and a static busybox.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { join } from "node:path/posix";
import { HIDDEN_HOME } from "../../lib/sys/hidden_home.ts";
import { PRIVATE_MOUNTS_VARIABLE } from "../../lib/sys/private_mounts.ts";
import { denoBinary } from "../build.ts";
import { makeBundle } from "../build/bundle.ts";
import { compile } from "../build/compile.ts";
import { unpackDownloadedDenort } from "../build/downloaded_denort.ts";
import { makeLauncher } from "../build/launcher.ts";
import { DENO_FLAGS, RUNTIME_SETTINGS } from "../build/self_extracting.ts";
import { PrivateLibc } from "./private_libc.ts";
import { runMain } from "../run_main.ts";

const SOURCE = join(import.meta.dirname ?? ".", "../..");

/** Where this system has its libraries, the loader too. */
const SYSTEM_LIBRARIES: readonly string[] = [`${Deno.build.arch}-linux-gnu`, ""].flatMap((triplet) => [
  join("/lib", triplet),
  join("/usr/lib", triplet),
]).concat("/lib64", "/usr/lib64");

const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** What Debian says about the packages that go into the image. */
const LICENSES = ["libc6", "libgcc-s1", "ca-certificates"] as const;

/** What to write. */
export interface RootRequest {
  /** The folder that becomes the image's `/`. */
  readonly root: string;
  /** The runtime to compile in; without it Deno downloads its own. */
  readonly denort?: string;
  /** The deno that compiles; this one unless told. */
  readonly deno?: string;
}

/** Writes `/kaniko`. */
export async function writeRoot(request: RootRequest): Promise<void> {
  await writeExecutor(request);
  await writeSettings(request.root);
}

/** The program with its runtime and its libraries. */
async function writeExecutor({ root, denort: given, deno }: RootRequest): Promise<void> {
  const home = join(root, "kaniko");
  await Deno.mkdir(home, { recursive: true });
  const libc = new PrivateLibc(root, SYSTEM_LIBRARIES);
  const scratch = await Deno.makeTempDir({ prefix: "kiln-image-" });
  try {
    const [bundle, denort] = [join(scratch, "bundle"), join(scratch, "denort")];
    await makeBundle(SOURCE, bundle);
    const compiler = deno === undefined ? {} : { deno };
    let reason: string | undefined;
    if (given === undefined) {
      reason = await compile({ bundle, output: join(scratch, "executor"), ...compiler });
      if (reason === undefined) await unpackDownloadedDenort(Deno.build.arch, denort);
    } else {
      await Deno.copyFile(given, denort);
    }
    if (reason === undefined) {
      // patchelf would lose the data that a compiled program carries behind its runtime: the runtime comes first.
      await libc.adopt(denort);
      await compile({ bundle, output: join(home, "executor"), denort, ...compiler });
      console.log("/kaniko/executor: compiled");
    } else {
      await writeFallback({ home, bundle, libc });
      console.log(`/kaniko/executor: the FALLBACK, a launcher of /kaniko/deno: ${reason}`);
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** The deno that runs this, the bundle, and a launcher of the two. */
async function writeFallback(
  { home, bundle, libc }: { readonly home: string; readonly bundle: string; readonly libc: PrivateLibc },
): Promise<void> {
  await copyFile(await denoBinary(), join(home, "deno"), 0o755);
  await libc.adopt(join(home, "deno"));
  await copyTree(bundle, join(home, "app"));
  await Deno.mkdir(join(home, ".deno"));
  const launcher = makeLauncher({
    architecture: Deno.build.arch,
    argv: ["/kaniko/deno", "run", ...DENO_FLAGS, "/kaniko/app/main.js"],
    env: [`HOME=${HIDDEN_HOME}`, "DENO_DIR=/kaniko/.deno", ...RUNTIME_SETTINGS],
    namespaceVariable: PRIVATE_MOUNTS_VARIABLE,
    failure: 'error: Cannot start "/kaniko/deno": the kernel refuses to run it',
  });
  await Deno.writeFile(join(home, "executor"), launcher, { mode: 0o755 });
}

/** Certificates, places for configuration, licences. */
async function writeSettings(root: string): Promise<void> {
  const home = join(root, "kaniko");
  await Deno.mkdir(join(home, "ssl/certs"), { recursive: true });
  await copyFile(CERTIFICATES, join(home, "ssl/certs/ca-certificates.crt"), 0o644);
  await Deno.mkdir(join(home, ".docker"));
  await Deno.mkdir(join(home, "licenses"));
  await copyFile(join(SOURCE, "LICENSE"), join(home, "licenses/kiln"), 0o644);
  for (const name of LICENSES) {
    await copyFile(`/usr/share/doc/${name}/copyright`, join(home, "licenses", name), 0o644);
  }
  // A build as an ordinary user keeps its state here as well; the sticky bit guards the files of root.
  await Deno.chmod(home, 0o1777);
}

/** A shell for CI systems that want one, where kaniko's debug image has it. */
async function writeDebug(root: string): Promise<void> {
  const folder = join(root, "busybox");
  await Deno.mkdir(folder, { recursive: true });
  const { success, stdout } = await new Deno.Command("busybox", { args: ["--list"] }).output();
  if (!success) throw new Error("Cannot list the applets of busybox");
  await copyFile("/bin/busybox", join(folder, "busybox"), 0o755);
  for (const applet of new TextDecoder().decode(stdout).trim().split("\n")) {
    if (applet !== "busybox") await Deno.symlink("busybox", join(folder, applet));
  }
  await Deno.mkdir(join(root, "bin"));
  await Deno.symlink("/busybox/sh", join(root, "bin/sh"));
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory) await copyTree(source, target);
    else await copyFile(source, target, 0o644);
  }
}

async function copyFile(from: string, to: string, mode: number): Promise<void> {
  await Deno.copyFile(from, to);
  await Deno.chmod(to, mode);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { "root": { type: "string" }, "debug-root": { type: "string" } },
  });
  const { root, "debug-root": debugRoot } = values;
  if (root === undefined || debugRoot === undefined) {
    throw new Error("usage: write_root.ts --root=FOLDER --debug-root=FOLDER");
  }
  Deno.umask(0o022);
  const denort = Deno.env.get("DENORT_BIN");
  await writeRoot({ root, ...denort === undefined ? {} : { denort } });
  await writeDebug(debugRoot);
}

if (import.meta.main) await runMain(main);
