/**
 * The real images of `real_images/`, built in pods in every way they permit, and on this machine: with
 * SOURCE_DATE_EPOCH set all are the same, to the last byte.
 *
 * Debian and Node.js packages come from where the host has its own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { makeCaseContext } from "../support/case_context.ts";
import type { BaseName } from "../support/environment/bases.ts";
import { run } from "../support/environment/command.ts";
import { EXECUTOR, memoryDirectory } from "../support/executor_site.ts";
import type { ContainerSecurity } from "../support/pods/manifest.ts";
import { startPodSite } from "../support/pods/pod_site.ts";

/** `isPlain`: its commands give no files to others. */
const IMAGES: readonly { readonly name: string; readonly base: BaseName; readonly isPlain?: boolean }[] = [
  { name: "busybox", base: "busybox", isPlain: true },
  { name: "npm", base: "node" },
  { name: "apt", base: "debian" },
];

interface PodKind {
  readonly name: string;
  readonly security: ContainerSecurity;
  readonly args: readonly string[];
  readonly says: RegExp;
  readonly onlyPlain?: boolean;
}

const PODS: readonly PodKind[] = [
  {
    name: "default",
    security: {},
    args: [],
    says: /Isolation: plain directories, commands one at a time in this container/,
  },
  { name: "chroot", security: {}, args: ["--isolation=chroot"], says: /Isolation: plain directories, chroot/ },
  {
    name: "no-chroot",
    security: { capabilities: { drop: ["SYS_CHROOT"] } },
    args: [],
    says: /Isolation: plain directories, commands one at a time in this container/,
  },
  {
    name: "powerless",
    security: { capabilities: { drop: ["ALL"] } },
    args: [],
    says: /Isolation: plain directories, commands one at a time in this container/,
    onlyPlain: true,
  },
  {
    name: "mounting",
    security: { capabilities: { add: ["SYS_ADMIN"] } },
    args: [],
    says: /Isolation: overlay mounts/,
  },
];

/** Before anything of today is made, after what is in the bases. */
const EPOCH = "1790000000";

for (const { name, base, isPlain = false } of IMAGES) {
  Deno.test(`the ${name} image is the same bytes from every pod and from the host`, async (t) => {
    const to = await Deno.makeTempDir({ prefix: "kiln-pod-image-", ...memoryDirectory() });
    await using site = await startPodSite({ bases: [base] });
    try {
      const from = join(import.meta.dirname ?? ".", "real_images", name);
      const context = await makeCaseContext({ from, to, registry: site.registry.host });
      const command = (context: string, dockerfile: string, destination: string): readonly string[] => [
        ...[`--context=${context}`, `--dockerfile=${dockerfile}`, `--destination=${destination}`],
        ...["--insecure", "--insecure-pull", "--log-format=text"],
      ];
      const reference = (by: string): string => `${site.registry.host}/out/${name}:${by}`;
      const work = `--work-dir=${join(to, "work")}`;
      await run([...EXECUTOR, ...command(context.context, context.dockerfile, reference("host")), work], {
        env: { SOURCE_DATE_EPOCH: EPOCH },
      });
      const expected = await digestOf(reference("host"));
      for (const pod of PODS.filter(({ onlyPlain = false }) => isPlain || !onlyPlain)) {
        await t.step(pod.name, async () => {
          const { exits, logs } = await site.kubelet.run(site.pod({
            args: [
              ...command("/context/context", "/context/Dockerfile", reference(pod.name)),
              "--work-dir=/work",
              ...pod.args,
            ],
            env: [{ name: "SOURCE_DATE_EPOCH", value: EPOCH }],
            securityContext: pod.security,
            volumeMounts: [
              { name: "context", mountPath: "/context", readOnly: true },
              { name: "work", mountPath: "/work" },
            ],
            pod: { volumes: [{ name: "context", hostPath: { path: to } }, { name: "work", emptyDir: {} }] },
          }));
          assert.deepEqual(exits.map(({ code }) => code), [0], logs["kiln"] ?? "");
          assert.match(logs["kiln"] ?? "", pod.says);
          assert.equal(await digestOf(reference(pod.name)), expected);
        });
      }
    } finally {
      await run(["rm", "-rf", "--one-file-system", to]);
    }
  });
}

async function digestOf(reference: string): Promise<string> {
  const { stdout } = await run(["skopeo", "inspect", "--tls-verify=false", `docker://${reference}`]);
  return JSON.parse(stdout).Digest;
}
