/**
 * Makes the executor image with the executor itself, from `Dockerfile`.
 *
 *     deno task image [flags of the executor]
 *
 * Writes `dist/image`, an OCI layout, and pushes where `--destination` says. `--target=debug` makes the variant with a
 * shell. `--build-arg=BASE=IMAGE` and `--build-arg=RUNTIME=IMAGE` name other images to build on; see `Dockerfile`.
 * The files carry the time of the last commit (`SOURCE_DATE_EPOCH` says otherwise): the same source gives the same
 * image.
 *
 * @module
 */
import { join } from "node:path/posix";
import { build, verify } from "./build.ts";
import { imageSize, startedMemory } from "./image/figures.ts";
import { lastCommit } from "./last_commit.ts";
import { removeIfThere } from "./remove_if_there.ts";
import { runMain } from "./run_main.ts";

const ROOT = join(import.meta.dirname ?? ".", "..");

async function main(args: readonly string[]): Promise<number> {
  const built = await build({ source: ROOT, output: join(ROOT, "dist"), denort: Deno.env.get("DENORT_BIN") });
  const layout = join(ROOT, "dist/image");
  if (!args.some((arg) => arg.startsWith("--oci-layout-path"))) await removeIfThere(layout);
  const flags = [
    `--context=dir://${ROOT}`,
    `--dockerfile=${join(ROOT, "Dockerfile")}`,
    `--oci-layout-path=${layout}`,
    ...args.some((arg) => /^(--destination|-d)\b/.test(arg)) ? [] : ["--no-push"],
  ];
  const { code } = await new Deno.Command(built.executor, {
    args: [...flags, ...args],
    env: { SOURCE_DATE_EPOCH: Deno.env.get("SOURCE_DATE_EPOCH") ?? await lastCommit(ROOT) },
  }).spawn().status;
  if (code === 0) await printFigures(layoutOf(args) ?? layout, built.executor);
  return code;
}

function layoutOf(args: readonly string[]): string | undefined {
  const flag = "--oci-layout-path";
  const at = args.findLastIndex((arg) => arg === flag || arg.startsWith(`${flag}=`));
  return args[at] === flag ? args[at + 1] : args[at]?.slice(flag.length + 1);
}

async function printFigures(layout: string, executor: string): Promise<void> {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const { pulled, unpacked } = await imageSize(layout);
  const milliseconds = await verify(executor, ROOT);
  console.log(`image: ${megabytes(pulled)} to pull, ${megabytes(unpacked)} unpacked (kaniko's executor alone: 76 MB)
start: --version in ${milliseconds.toFixed(0)} ms, ${megabytes(await startedMemory(executor))} resident at most
tiny build: "deno task bench w1" times it (kaniko's: 0.17 s, 11 MiB)`);
}

if (import.meta.main) await runMain(() => main(Deno.args));
