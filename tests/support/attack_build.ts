/**
 * One build of a hostile Dockerfile, context or base image, from the outside, and what became of it.
 *
 * In Dockerfiles and files `{BASE}` stands for busybox, `{IMAGE:name}` for a forged image. After every build nothing
 * may be left of it, however it ended.
 *
 * @module
 */
import type { ContainerOptions } from "./container.ts";
import { type FlatImage, flatten } from "./environment/flatten.ts";
import { type Outcome, type Site, type SiteFiles, startSite } from "./executor_site.ts";
import { addForgedImage, type ForgedImage } from "./forged_image.ts";
import { placeOf } from "./isolations.ts";
import { addBase } from "./registry_base.ts";
import { startFaultRegistry } from "./registry_fault.ts";

/** What is built. */
export interface AttackBuild {
  readonly dockerfile: string | Uint8Array;
  readonly files?: SiteFiles;
  readonly images?: Readonly<Record<string, ForgedImage>>;
  readonly isolation?: string;
  readonly args?: readonly string[];
  /** Goes in front of the command line. */
  readonly through?: readonly string[];
  /** What is special about the container of a build in place. */
  readonly container?: ContainerOptions;
  /** Changes the context before the build. */
  readonly arrange?: (site: Site) => void | Promise<void>;
  /** Looks at the place before it goes; the image is in the layout `out`. */
  readonly inspect?: (site: Site) => void | Promise<void>;
}

/** What became of it. */
export interface AttackOutcome extends Outcome {
  /** Of a build that succeeded. */
  readonly image: FlatImage | undefined;
  /** What the commands printed, both streams, without the step's label. */
  readonly output: readonly string[];
  readonly seconds: number;
}

/** Builds without pushing. */
export async function attack(build: AttackBuild): Promise<AttackOutcome> {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  const { dockerfile } = build;
  if (JSON.stringify([dockerfile, build.files]).includes("{BASE}")) await addBase(registry, "busybox");
  const references = Object.entries(build.images ?? {}).map(([name, image]) =>
    [`{IMAGE:${name}}`, addForgedImage(registry, `forged/${name}`, image)] as const
  );
  const fill = (text: string): string =>
    references.reduce(
      (filled, [place, reference]) => filled.replaceAll(place, reference),
      text.replaceAll("{BASE}", `${registry.host}/base/busybox:latest`),
    );
  await site.write({ ...build.files, Dockerfile: typeof dockerfile === "string" ? fill(dockerfile) : dockerfile });
  await build.arrange?.(site);
  const started = performance.now();
  const outcome = await site.run([
    "--no-push",
    "--insecure-pull",
    `--isolation=${build.isolation ?? "overlay"}`,
    `--oci-layout-path=${site.path}/out`,
    ...build.args ?? [],
  ], { through: [...build.through ?? [], ...await placeOf(build.isolation, site, build.container)] });
  const seconds = (performance.now() - started) / 1000;
  await site.assertNothingLeft();
  await build.inspect?.(site);
  const output = `${outcome.stdout}\n${outcome.stderr}`.split("\n")
    .flatMap((line) => /^\[[^\]]*\d+\/\d+\] (?!RUN)(.*)$/.exec(line)?.[1] ?? []);
  return { ...outcome, output, seconds, image: outcome.code === 0 ? await flatten(`${site.path}/out`) : undefined };
}
