/**
 * The executor image in real pods: containerd and runc, driven as a kubelet does, with the runtime's default seccomp
 * profile.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { run } from "../support/environment/command.ts";
import { flatten } from "../support/environment/flatten.ts";
import type { ContainerSecurity } from "../support/pods/manifest.ts";
import { type OnePod, type PodSite, startPodSite } from "../support/pods/pod_site.ts";

const DOCKERFILE = `FROM REGISTRY/base/busybox
COPY Dockerfile /input
RUN echo built > /output
`;

/** A site whose config map `app` holds the Dockerfile above. */
function startSite(dockerfile = DOCKERFILE): Promise<PodSite> {
  return startPodSite({
    bases: ["busybox"],
    objects: ({ host }) => ({ configMaps: { app: { Dockerfile: dockerfile.replaceAll("REGISTRY/", `${host}/`) } } }),
  });
}

/** A pod that builds what is in the config map, mounted read-only as its context, and pushes it. */
function building(site: PodSite, name: string, { args = [], ...rest }: OnePod = {}): OnePod {
  return {
    ...rest,
    args: ["--insecure", "--insecure-pull", `--destination=${site.registry.host}/out/${name}`, ...args],
    volumeMounts: [{ name: "app", mountPath: "/workspace", readOnly: true }, ...rest.volumeMounts ?? []],
    pod: { ...rest.pod, volumes: [{ name: "app", configMap: { name: "app" } }, ...rest.pod?.volumes ?? []] },
  };
}

/** The text of a file of a pushed image. */
async function pushedFile(site: PodSite, name: string, path: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-pushed-" });
  try {
    const source = `docker://${site.registry.host}/out/${name}`;
    await run(["skopeo", "copy", "--quiet", "--src-tls-verify=false", source, `oci:${folder}/l:1`]);
    const { files } = await flatten(join(folder, "l"));
    return files.get(path)?.sha256 ?? `no ${path} in ${name}`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

Deno.test("a pod answers --version without a shell, a home or a network", async () => {
  await using site = await startPodSite();
  const { exits, logs } = await site.kubelet.run(site.pod({ args: ["--version"] }));
  assert.deepEqual(exits, [{ code: 0, reason: "Completed", message: "" }]);
  assert.match(logs["kiln"] ?? "", /^\d+\.\d+\.\d+\n$/);
});

const PODS: readonly { readonly name: string; readonly security: ContainerSecurity; readonly says: RegExp }[] = [
  {
    name: "with what it gets by default",
    security: {},
    says: /Isolation: plain directories, commands one at a time in this container/,
  },
  {
    name: "that may mount, with its work directory on a volume",
    security: { capabilities: { add: ["SYS_ADMIN"] } },
    says: /Isolation: overlay mounts/,
  },
];

for (const { name, security, says } of PODS) {
  Deno.test(`a pod ${name} builds and pushes`, async () => {
    await using site = await startSite();
    const work = { pod: { volumes: [{ name: "work", emptyDir: {} }] }, args: ["--work-dir=/work"] };
    const volumeMounts = [{ name: "work", mountPath: "/work" }];
    const pod = site.pod(building(site, "app:1", { ...work, volumeMounts, securityContext: security }));
    const { exits, logs } = await site.kubelet.run(pod);
    assert.deepEqual(exits.map(({ code }) => code), [0], logs["kiln"] ?? "");
    assert.match(logs["kiln"] ?? "", says);
    assert.equal(await pushedFile(site, "app:1", "/output"), await sha256("built\n"));
  });
}
