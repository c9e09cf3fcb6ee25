/**
 * The executor image in real pods: containerd and runc, driven as a kubelet does, with the runtime's default seccomp
 * profile.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { run } from "../support/environment/command.ts";
import type { FlatImage } from "../support/environment/flatten.ts";
import { EXECUTOR } from "../support/executor_site.ts";
import type { PodOutcome } from "../support/pods/kubelet.ts";
import type { ContainerSecurity } from "../support/pods/manifest.ts";
import { type OnePod, type PodSite, type PodSiteRequest, startPodSite } from "../support/pods/pod_site.ts";
import { pushedImage } from "../support/pods/pushed_image.ts";
import { startBasicRegistry } from "../support/registry_debian.ts";

/** A site whose config map `app` holds a Dockerfile; `REGISTRY/` stands for the registry in it. */
function startSite(dockerfile: string, request: PodSiteRequest = {}): Promise<PodSite> {
  return startPodSite({
    bases: ["busybox"],
    ...request,
    objects: (registry) => ({
      ...request.objects?.(registry),
      configMaps: { app: { Dockerfile: dockerfile.replaceAll("REGISTRY/", `${registry.host}/`) } },
    }),
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

/** The same with the work directory on a volume. */
function onVolume(site: PodSite, name: string, { args = [], ...rest }: OnePod = {}): OnePod {
  return building(site, name, {
    ...rest,
    args: ["--work-dir=/work", ...args],
    volumeMounts: [{ name: "work", mountPath: "/work" }],
    pod: { ...rest.pod, volumes: [{ name: "work", emptyDir: {} }] },
  });
}

/** Reads a pushed image. */
function pushed(site: PodSite, name: string): Promise<FlatImage> {
  return pushedImage(`${site.registry.host}/out/${name}`);
}

function assertSucceeded({ exits, logs }: PodOutcome): string {
  const log = logs["kiln"] ?? "";
  assert.deepEqual(exits, [{ code: 0, reason: "Completed", message: "" }], log);
  return log;
}

async function sha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
}

Deno.test("a pod answers --version without a shell, a home or a network", async () => {
  await using site = await startPodSite();
  assert.match(assertSucceeded(await site.kubelet.run(site.pod({ args: ["--version"] }))), /^\d+\.\d+\.\d+\n$/);
});

/** A pod that can build with RUN: what it may do, and what it says. */
interface Permitted {
  readonly name: string;
  readonly security: ContainerSecurity;
  readonly says: RegExp;
}

/** What `auto` chose, and why nothing better. */
const IN_PLACE = new RegExp(
  [
    "Isolation: plain directories, commands one at a time in this container's own root",
    "No better isolation: overlay is not possible: .*",
    "No better isolation: userns is not possible: .*",
  ].join("[^]*"),
);

const PERMITTED: readonly Permitted[] = [
  { name: "with what it gets by default", security: {}, says: IN_PLACE },
  {
    name: "that may mount",
    security: { capabilities: { add: ["SYS_ADMIN"] } },
    says: /Isolation: overlay mounts/,
  },
  {
    name: "with a read-only root",
    security: { readOnlyRootFilesystem: true },
    says: /Isolation: plain directories, chroot/,
  },
  {
    name: "without new privileges",
    security: { allowPrivilegeEscalation: false },
    says: IN_PLACE,
  },
  { name: "without SYS_CHROOT", security: { capabilities: { drop: ["SYS_CHROOT"] } }, says: IN_PLACE },
  { name: "without any capability", security: { capabilities: { drop: ["ALL"] } }, says: IN_PLACE },
];

Deno.test("pods build with RUN and push, and tell the digest as the message of their end", async (t) => {
  await using site = await startSite("FROM REGISTRY/base/busybox\nCOPY Dockerfile /input\nRUN echo built > /output\n");
  for (const { name, security, says } of PERMITTED) {
    await t.step(name, async () => {
      const args = ["--digest-file=/dev/termination-log"];
      const outcome = await site.kubelet.run(site.pod(onVolume(site, "app:1", { args, securityContext: security })));
      const log = assertSucceeded(outcome);
      assert.match(log, says);
      assert.ok(log.includes(`/out/app:1@${outcome.terminations["kiln"]}\n`), log);
      const { files } = await pushed(site, "app:1");
      assert.equal(files.get("/output")?.sha256, await sha256("built\n"));
    });
  }
});

/** What an image has where the container has files of its own, or mounts. */
const HOSTILE = [
  "/kaniko/executor",
  "/kaniko/.docker/config.json",
  "/kaniko/lib/libc.so.6",
  "/lib/x86_64-linux-gnu/libc.so.6",
  "/lib64/ld-linux-x86-64.so.2",
  "/etc/ld.so.preload",
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/passwd",
  "/etc/resolv.conf",
  "/etc/hosts",
  "/var/run/secrets/kubernetes.io/serviceaccount/token",
  "/workspace/Dockerfile",
  "/data/file",
];

Deno.test("a pod builds on an image that replaces the executor, its libraries and what is mounted, and after all is removed", async () => {
  await using site = await startSite(
    "FROM REGISTRY/base/debian AS wrecked\n" +
      "RUN rm -rf /lib /lib64 /usr /etc /var 2> /dev/null; echo wrecked > /wrecked\n" +
      "FROM REGISTRY/out/hostile\nCOPY --from=wrecked /wrecked /\n" +
      "RUN cat /data/* > /seen; echo written > /data/written; grep -c nameserver /etc/resolv.conf > /resolver\n" +
      "COPY Dockerfile /data/copied\nRUN cat /data/written > /still\n",
    { bases: ["busybox", "debian"] },
  );
  const context = await Deno.makeTempDir({ prefix: "kiln-hostile-" });
  try {
    for (const path of HOSTILE) {
      await Deno.mkdir(join(context, "evil", dirname(path)), { recursive: true });
      await Deno.writeTextFile(join(context, "evil", path), "evil");
    }
    await Deno.writeTextFile(
      join(context, "Dockerfile"),
      `FROM ${site.registry.base("busybox")}\nCOPY evil/ /\n`,
    );
    await run([
      ...[...EXECUTOR, `--context=${context}`, `--dockerfile=${context}/Dockerfile`],
      ...[`--destination=${site.registry.host}/out/hostile`, "--insecure", "--insecure-pull"],
      `--work-dir=${context}/work`,
    ]);
  } finally {
    await Deno.remove(context, { recursive: true });
  }
  const log = assertSucceeded(
    await site.kubelet.run(site.pod(building(site, "app:12", {
      volumeMounts: [{ name: "data", mountPath: "/data" }],
      pod: { volumes: [{ name: "data", emptyDir: {} }] },
    }))),
  );
  assert.match(log, IN_PLACE);
  assert.match(log, /RUN does not see what the image has at "\/kaniko"/);
  const { files } = await pushed(site, "app:12");
  for (const path of HOSTILE) assert.equal(files.get(path)?.sha256, await sha256("evil"), path);
  const said = { "/wrecked": "wrecked\n", "/seen": "", "/still": "written\n" };
  for (const [path, text] of Object.entries(said)) assert.equal(files.get(path)?.sha256, await sha256(text), path);
  assert.notEqual(files.get("/resolver")?.sha256, await sha256("0\n"));
  assert.ok(files.has("/data/copied") && !files.has("/data/written"));
});

// Seen red with the mount that moves the rootfs left out of lib/exec/command_script.ts: the listing is the pod's own.
Deno.test("a command of a pod that may mount, but not pivot_root, does not get out of its root by chroot", async () => {
  const escape =
    'mkdir "/in"; chroot "/in" or die; chdir ".." for 1..99; chroot "." or die; print "<$_>" for glob "/*"';
  await using site = await startSite(`FROM REGISTRY/base/debian\nRUN perl -e '${escape}'; exit 0\n`, {
    bases: ["debian"],
  });
  const securityContext = { capabilities: { add: ["SYS_ADMIN"] } };
  const log = assertSucceeded(await site.kubelet.run(site.pod(onVolume(site, "app:11", { securityContext }))));
  assert.match(log, /Isolation: overlay mounts/);
  const listing = /\] (<\/.*>)$/m.exec(log)?.[1] ?? "";
  assert.match(listing, /<\/bin>.*<\/in>/);
  assert.doesNotMatch(listing, /kaniko|workspace/);
});

const RESTRICTED: ContainerSecurity = {
  runAsUser: 1000,
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

Deno.test("pods that may do little build what needs no RUN", async (t) => {
  await using site = await startSite("FROM REGISTRY/base/busybox\nCOPY Dockerfile /input\nENV A=1\n");
  const pods: Readonly<Record<string, ContainerSecurity>> = {
    "without SYS_CHROOT": { capabilities: { drop: ["SYS_CHROOT"] } },
    "without any capability": { capabilities: { drop: ["ALL"] } },
    "of the restricted level": RESTRICTED,
  };
  for (const [name, securityContext] of Object.entries(pods)) {
    await t.step(name, async () => {
      assertSucceeded(await site.kubelet.run(site.pod(onVolume(site, "app:2", { securityContext }))));
      const { files, config } = await pushed(site, "app:2");
      assert.equal(files.get("/input")?.type, "file");
      assert.match(JSON.stringify(config.config?.["Env"]), /"A=1"/);
    });
  }
});

Deno.test("a pod of the restricted level says why RUN cannot be had", async () => {
  await using site = await startSite("FROM REGISTRY/base/busybox\nRUN echo built > /output\n");
  const { exits, logs } = await site.kubelet.run(site.pod(onVolume(site, "app:3", { securityContext: RESTRICTED })));
  assert.notEqual(exits[0]?.code, 0);
  assert.match(logs["kiln"] ?? "", /^error: Cannot .*\n(?:.*\n)*hint: /m);
  assert.doesNotMatch(logs["kiln"] ?? "", /a bug in Kiln/);
});

Deno.test("a pod pushes with a secret mounted where kaniko looks for it, and reads its config from a config map", async () => {
  await using registry = await startBasicRegistry();
  const auths = { [registry.host]: { auth: btoa("me:hunter2") } };
  await using site = await startSite(
    "FROM REGISTRY/base/busybox\nRUN --mount=type=secret,id=token,required=true sha256sum /run/secrets/token > /sum\n",
    {
      objects: () => ({
        secrets: { push: { ".dockerconfigjson": JSON.stringify({ auths }) }, build: { token: "s3cret-t0ken" } },
      }),
    },
  );
  const destination = `${registry.host}/private/app:1`;
  const log = assertSucceeded(
    await site.kubelet.run(site.pod(building(site, "app:4", {
      args: [`--destination=${destination}`, "--secret=id=token,src=/secrets/token"],
      volumeMounts: [
        { name: "push", mountPath: "/kaniko/.docker", readOnly: true },
        { name: "build", mountPath: "/secrets", readOnly: true },
      ],
      pod: {
        volumes: [
          { name: "push", secret: { secretName: "push", items: [{ key: ".dockerconfigjson", path: "config.json" }] } },
          { name: "build", secret: { secretName: "build" } },
        ],
      },
    }))),
  );
  assert.ok(log.includes(`${destination}@sha256:`));
  const { files } = await pushed(site, "app:4");
  assert.equal(files.get("/sum")?.sha256, await sha256(`${await sha256("s3cret-t0ken")}  /run/secrets/token\n`));
});

Deno.test("a pod with a memory limit builds a layer larger than that; one that is too small is killed for it", async () => {
  await using site = await startSite(
    "FROM REGISTRY/base/busybox\nRUN dd if=/dev/urandom of=/large bs=1M count=400 2>&1\n",
  );
  const pod = (memory: string): OnePod => onVolume(site, "app:5", { resources: { limits: { memory } } });
  assertSucceeded(await site.kubelet.run(site.pod(pod("256Mi"))));
  assert.equal((await pushed(site, "app:5")).files.get("/large")?.size, 400 * 1024 * 1024);
  const { exits } = await site.kubelet.run(site.pod(pod("24Mi")));
  assert.deepEqual(exits.map(({ code, reason }) => `${code} ${reason}`), ["137 OOMKilled"]);
});

Deno.test("a container that builds twice has two clean images", async () => {
  await using site = await startSite(
    "FROM REGISTRY/base/busybox\nRUN test ! -e /left && touch /left\nRUN mkdir -p /tmp/work && echo x > /tmp/work/x\n",
    { variant: "debug" },
  );
  const pod = building(site, "app:6");
  const build = ["/kaniko/executor", ...pod.args ?? []].join(" ");
  const script = `set -e\n${build}\n${build}7\nls /kaniko\n`;
  const log = assertSucceeded(
    await site.kubelet.run(site.pod({ ...pod, command: ["/busybox/sh", "-c"], args: [script] })),
  );
  assert.equal(log.match(/Done in/g)?.length, 2);
  const [first, second] = [await pushed(site, "app:6"), await pushed(site, "app:67")];
  assert.deepEqual([...second.files.keys()], [...first.files.keys()]);
});

Deno.test("two pods build on one work directory at the same time", async () => {
  const claim = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-claim-" });
  try {
    await using site = await startSite("FROM REGISTRY/base/busybox\nARG N\nRUN echo $N > /n\n", {
      objects: () => ({ claims: { work: claim } }),
    });
    const pod = (n: number): OnePod =>
      building(site, `app:${n}`, {
        args: ["--work-dir=/work", `--build-arg=N=${n}`],
        volumeMounts: [{ name: "work", mountPath: "/work" }],
        pod: { volumes: [{ name: "work", persistentVolumeClaim: { claimName: "work" } }] },
      });
    const outcomes = await Promise.all([8, 9].map((n) => site.kubelet.run(site.pod(pod(n)))));
    outcomes.forEach(assertSucceeded);
    for (const n of [8, 9]) {
      assert.equal((await pushed(site, `app:${n}`)).files.get("/n")?.sha256, await sha256(`${n}\n`));
    }
    assert.deepEqual([...Deno.readDirSync(join(claim, "builds"))].map(({ name }) => name), []);
  } finally {
    await run(["rm", "-rf", "--one-file-system", claim]);
  }
});

for (const how of ["terminate", "kill"] as const) {
  Deno.test(`a pod that is stopped half-way (${how}) pushes nothing, and the next one on its volume cleans up`, async () => {
    const claim = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-claim-" });
    try {
      await using site = await startSite(
        "FROM REGISTRY/base/busybox\nARG SECONDS\nRUN echo waiting && sleep $SECONDS\nRUN echo built > /output\n",
        { objects: () => ({ claims: { work: claim } }) },
      );
      const pod = (seconds: number): OnePod =>
        building(site, "app:10", {
          args: ["--work-dir=/work", `--build-arg=SECONDS=${seconds}`],
          volumeMounts: [{ name: "work", mountPath: "/work" }],
          pod: { volumes: [{ name: "work", persistentVolumeClaim: { claimName: "work" } }] },
        });
      const running = await site.kubelet.start(site.pod(pod(1000)));
      await running.said("kiln", "] waiting");
      running.stop(how);
      const { exits } = await running.outcome;
      assert.equal(exits[0]?.code, how === "terminate" ? 75 : 137);
      await assert.rejects(pushed(site, "app:10"), /manifest unknown/);
      assertSucceeded(await site.kubelet.run(site.pod(pod(0))));
      assert.equal((await pushed(site, "app:10")).files.get("/output")?.sha256, await sha256("built\n"));
      assert.deepEqual([...Deno.readDirSync(join(claim, "builds"))].map(({ name }) => name), []);
    } finally {
      await run(["rm", "-rf", "--one-file-system", claim]);
    }
  });
}
