/**
 * The demo: builds a multi-stage example with Kiln, into an OCI layout and a registry, and runs the result.
 *
 *     deno task demo                                builds with the source
 *     deno task demo --executor=dist/executor      builds with a built executor
 *
 * Everything else is there to serve or to prove: a registry of its own on loopback, the flattening reader of the
 * tests, skopeo to ask the registry, umoci and chroot to unpack and run the image. Any step that fails ends it.
 *
 * @module
 */
import { join } from "node:path/posix";
import { run, SEARCH_PATH } from "../tests/support/environment/command.ts";
import { prepared } from "../tests/support/environment/environment.ts";
import { flatten, type ManifestJson } from "../tests/support/environment/flatten.ts";
import { type LocalRegistry, startRegistry } from "../tests/support/environment/registry_server.ts";
import { runMain } from "./run_main.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");
const HUB_BASE = "docker.io/library/busybox:stable";
const GREETING = "Hello from Kiln";

/** What the image must print. */
const EXPECTED = `Kiln demo: ${GREETING}, this page was made in one stage and copied into another.
user 10001, folder /srv, arguments: from the entrypoint
`;

async function main(): Promise<void> {
  const executor = executorCommand(Deno.args);
  await prepared({ tools: ["busybox", "docker-registry", "skopeo", "umoci"] });
  if (Deno.uid() !== 0) {
    throw new Error("Cannot run the demo: it unpacks and runs an image\nhint: run it as root, or in a container");
  }
  await using registry = await startRegistry({ bases: ["busybox"] });
  const base = await chooseBase(registry);
  const folder = await Deno.makeTempDir({ prefix: "kiln-demo-" });
  try {
    const layout = join(folder, "layout");
    const destination = `${registry.host}/demo:1`;
    const seconds = await build([
      ...executor,
      `--context=dir://${join(ROOT, "scripts/demo/context")}`,
      `--dockerfile=${join(ROOT, "scripts/demo/Dockerfile")}`,
      `--build-arg=BASE=${base}`,
      `--build-arg=GREETING=${GREETING}`,
      `--oci-layout-path=${layout}`,
      `--destination=${destination}`,
      "--insecure",
      "--insecure-pull",
    ]);
    await show(layout, destination, seconds);
    await prove(layout, folder);
  } finally {
    await run(["rm", "-rf", "--one-file-system", folder]);
  }
  console.log("\nThe demo worked");
}

function executorCommand(args: readonly string[]): readonly string[] {
  const [argument, ...others] = args;
  if (argument === undefined) return [Deno.execPath(), "run", "-A", join(ROOT, "main.ts")];
  const path = /^--executor=(.+)$/.exec(argument)?.[1];
  if (path === undefined || others.length > 0) throw new Error("usage: deno task demo [--executor=PATH]");
  return [join(path.startsWith("/") ? "/" : Deno.cwd(), path)];
}

/** Docker Hub's busybox where the Hub answers, else the one made from busybox-static. */
async function chooseBase(registry: LocalRegistry): Promise<string> {
  const why = await hubUnusableBecause();
  if (why === undefined) {
    say(`base image: ${HUB_BASE}, pulled from Docker Hub`);
    return HUB_BASE;
  }
  const base = registry.base("busybox");
  say(`base image: ${base}, made from Debian's busybox-static (Docker Hub: ${why})`);
  return base;
}

/** Asks for the very manifest, as a pull would: the Hub may answer and still refuse (rate limits). */
async function hubUnusableBecause(): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(5000);
    const scope = "repository:library/busybox:pull";
    const login = await fetch(`https://auth.docker.io/token?service=registry.docker.io&scope=${scope}`, { signal });
    const { token } = await login.json();
    const manifest = await fetch("https://registry-1.docker.io/v2/library/busybox/manifests/stable", {
      method: "HEAD",
      headers: { authorization: `Bearer ${token}`, accept: "application/vnd.oci.image.index.v1+json" },
      signal,
    });
    await manifest.body?.cancel();
    return manifest.ok ? undefined : `answers ${manifest.status}`;
  } catch (error) {
    return error instanceof Error && error.name === "TimeoutError" ? "does not answer in 5 s" : "cannot be reached";
  }
}

async function build(command: readonly string[]): Promise<number> {
  const [program = "", ...args] = command;
  say(`$ ${command.map((word) => word.includes(" ") ? `"${word}"` : word).join(" ")}`);
  const started = performance.now();
  const { code } = await new Deno.Command(program, { args, cwd: ROOT }).spawn().status;
  if (code !== 0) throw new Error(`Cannot build the example: the executor ended with exit code ${code}`);
  return (performance.now() - started) / 1000;
}

/** Prints what was made, after reading it back from both places. */
async function show(layout: string, destination: string, seconds: number): Promise<void> {
  const { manifests: [descriptor] } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const { stdout } = await run(["skopeo", "inspect", "--tls-verify=false", `docker://${destination}`]);
  const pushed: string = JSON.parse(stdout).Digest;
  if (pushed !== descriptor.digest) {
    throw new Error(`Cannot vouch for the push: the layout holds ${descriptor.digest}, the registry ${pushed}`);
  }
  const { files, manifest, config } = await flatten(layout);
  say(`built and pushed ${destination}`);
  console.log(`digest   ${pushed}`);
  const history = (config.history ?? []).filter((entry) => entry.empty_layer !== true);
  for (const [index, layer] of (manifest?.layers ?? []).entries()) {
    const what = (history[index]?.created_by ?? "").replaceAll(/\s+/g, " ").slice(0, 60);
    console.log(`layer ${index + 1}  ${layer.digest.slice(0, 19)}  ${size(layer.size)}  ${what}`);
  }
  console.log(`total    ${size(total(manifest))} compressed, ${files.size} files`);
  console.log(`time     ${seconds.toFixed(2)} s`);
}

/** Unpacks the image with umoci and runs what its config says, as the user it says. */
async function prove(layout: string, folder: string): Promise<void> {
  const bundle = join(folder, "bundle");
  const { manifests: [descriptor] } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const tag: string | undefined = descriptor.annotations?.["org.opencontainers.image.ref.name"];
  if (tag === undefined) await nameImage(layout);
  await run(["umoci", "unpack", "--image", `${layout}:${tag ?? "demo"}`, bundle]);
  const { process } = JSON.parse(await Deno.readTextFile(join(bundle, "config.json")));
  const { uid, gid, additionalGids = [] } = process.user;
  const environment = (process.env as readonly string[]).map((entry): [string, string] => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  say(`run it: ${process.args.join(" ")} as user ${uid}`);
  const { success, stdout, stderr } = await new Deno.Command("/usr/sbin/chroot", {
    args: [
      `--userspec=${uid}:${gid}`,
      `--groups=${additionalGids.join(",")}`,
      join(bundle, "rootfs"),
      "/bin/sh",
      "-c",
      'cd "$1" && shift && exec "$@"',
      "sh",
      process.cwd,
      ...process.args,
    ],
    clearEnv: true,
    env: { PATH: SEARCH_PATH, ...Object.fromEntries(environment) },
  }).output();
  const said = new TextDecoder().decode(stdout);
  console.log(said.trimEnd().replaceAll(/^/gm, "| "));
  if (!success || said !== EXPECTED) {
    throw new Error(`Cannot vouch for the image: it should print\n${EXPECTED}${new TextDecoder().decode(stderr)}`);
  }
}

/** umoci finds images by name only. */
async function nameImage(layout: string): Promise<void> {
  const path = join(layout, "index.json");
  const index = JSON.parse(await Deno.readTextFile(path));
  index.manifests[0].annotations = { "org.opencontainers.image.ref.name": "demo" };
  await Deno.writeTextFile(path, JSON.stringify(index));
}

function total(manifest: ManifestJson | undefined): number {
  return (manifest?.layers ?? []).reduce((sum, layer) => sum + layer.size, 0);
}

function size(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`.padStart(11);
}

function say(text: string): void {
  console.log(`\n== ${text}`);
}

if (import.meta.main) await runMain(main);
