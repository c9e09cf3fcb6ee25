/**
 * A node with the executor image at hand: a registry with bases and the image, and a kubelet that pulls from it.
 *
 *     await using site = await startPodSite({ bases: ["busybox"] });
 *     const { exits, logs } = await site.kubelet.run(site.pod({ args: ["--version"] }));
 *
 * @module
 */
import type { BaseName } from "../environment/bases.ts";
import { run } from "../environment/command.ts";
import { type LocalRegistry, startRegistry } from "../environment/registry_server.ts";
import { executorImage, type ImageVariant } from "../executor_image.ts";
import { type Kubelet, startKubelet } from "./kubelet.ts";
import type { ClusterObjects, ContainerSpec, PodManifest, PodSpec } from "./manifest.ts";

/** What a site starts with. */
export interface PodSiteRequest {
  readonly bases?: readonly BaseName[];
  readonly variant?: ImageVariant;
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
  const { bases = [], variant = "executor", objects } = request;
  const layout = await executorImage(variant);
  await using stack = new AsyncDisposableStack();
  const registry = stack.use(await startRegistry({ bases: [...bases, "pause"] }));
  const image = `${registry.host}/kiln/${variant}:test`;
  await run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", `oci:${layout}`, `docker://${image}`]);
  const kubelet = stack.use(await startKubelet(registry, objects?.(registry)));
  const resources = stack.move();
  return {
    registry,
    kubelet,
    image,
    pod: ({ pod = {}, ...container }) => ({ spec: { ...pod, containers: [{ image, ...container, name: "kiln" }] } }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}
