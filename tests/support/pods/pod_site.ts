/**
 * A node with the executor image at hand: a registry with bases and the image, and a kubelet that pulls from it.
 *
 *     await using site = await startPodSite({ bases: ["busybox"] });
 *     const { exits, logs } = await site.kubelet.run(site.pod({ args: ["--version"] }));
 *
 * @module
 */
import { join } from "node:path/posix";
import type { BaseName } from "../environment/bases.ts";
import { run } from "../environment/command.ts";
import { type LocalRegistry, startRegistry } from "../environment/registry_server.ts";
import { executorImage, type ImageVariant } from "../executor_image.ts";
import { EXECUTOR } from "../executor_site.ts";
import type { ContainerdRelease } from "./containerd_release.ts";
import { type Kubelet, startKubelet } from "./kubelet.ts";
import type { ClusterObjects, ContainerSpec, PodManifest, PodSpec } from "./manifest.ts";

/** What a site starts with. */
export interface PodSiteRequest {
  readonly bases?: readonly BaseName[];
  readonly variant?: ImageVariant;
  /** Which containerd; Debian's unless told. */
  readonly release?: ContainerdRelease;
  /** The secrets, config maps and claims of the cluster; may name what is in the registry. */
  readonly objects?: (registry: LocalRegistry) => ClusterObjects;
}

/** A pod of one container of the executor image, called `kiln`: what differs from the plainest. */
export type OnePod = Omit<Partial<ContainerSpec>, "name"> & { readonly pod?: Omit<Partial<PodSpec>, "containers"> };

/** The site. */
export interface PodSite extends AsyncDisposable {
  readonly registry: LocalRegistry;
  readonly kubelet: Kubelet;
  /** The reference of the executor image. */
  readonly image: string;
  pod(container: OnePod): PodManifest;
}

/** Starts a site. */
export async function startPodSite(request: PodSiteRequest = {}): Promise<PodSite> {
  const { bases = [], variant = "executor", objects, release } = request;
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await startRegistry({ bases: [...bases, "pause"] }));
  const image = await publishExecutor(registry, variant);
  const kubelet = stack.use(await startKubelet(registry, objects?.(registry), release));
  const resources = stack.move();
  return {
    registry,
    kubelet,
    image,
    pod: ({ pod = {}, ...container }) => ({ spec: { ...pod, containers: [{ image, ...container, name: "kiln" }] } }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Pushes the executor image with the executor itself, and returns its reference. */
export async function publishExecutor(
  registry: LocalRegistry,
  variant: ImageVariant,
  tag: string = "test",
): Promise<string> {
  const layout = await executorImage(variant);
  const reference = `${registry.host}/kiln/${variant}:${tag}`;
  const work = await Deno.makeTempDir({ prefix: "kiln-publish-" });
  try {
    await Deno.writeTextFile(join(work, "Dockerfile"), "FROM image\n");
    await run([
      ...[...EXECUTOR, `--context=${work}`, `--build-context=image=oci-layout://${layout}`],
      ...[`--dockerfile=${join(work, "Dockerfile")}`, `--destination=${reference}`, `--work-dir=${join(work, "work")}`],
    ]);
  } finally {
    await run(["rm", "-rf", "--one-file-system", work]);
  }
  return reference;
}
