/**
 * The examples of the documentation, as they are run: in pods of the kind that each system makes, with nothing replaced
 * but the addresses of registries and git servers. What needs Go is checked here, too: Pod Security levels by
 * Kubernetes' own admission policy, and GitHub's workflow by actionlint.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { VERSION } from "../../lib/cli/version.ts";
import { run } from "../support/environment/command.ts";
import { argoPod } from "../support/examples/argo.ts";
import { examplePath, readExample, withFolder } from "../support/examples/example.ts";
import { githubPod } from "../support/examples/github.ts";
import { gitlabPod } from "../support/examples/gitlab.ts";
import { jenkinsAgent, jenkinsPod } from "../support/examples/jenkins.ts";
import { kubernetesPod } from "../support/examples/kubernetes.ts";
import { tektonPods } from "../support/examples/tekton.ts";
import { lintWorkflow, podSecurity, type PodSecurityLevel } from "../support/examples/validators.ts";
import { startGitServer } from "../support/git_server.ts";
import { smallRepository } from "../support/git_site.ts";
import type { PodOutcome } from "../support/pods/kubelet.ts";
import type { ContainerSecurity, PodManifest } from "../support/pods/manifest.ts";
import { type PodSite, type PodSiteRequest, publishExecutor, startPodSite } from "../support/pods/pod_site.ts";
import { pushedImage } from "../support/pods/pushed_image.ts";
import { startBasicRegistry } from "../support/registry_debian.ts";

/** The context of all builds: with commands, and without. */
const WITH_RUN = "FROM REGISTRY/base/busybox\nWORKDIR /app\nCOPY . .\nRUN cat page | tr a-z A-Z > /page\n";
const WITHOUT_RUN = "FROM REGISTRY/base/busybox\nCOPY --chown=7:7 page /page\n";

/** A site with what the examples name: both images, volumes with sources, secrets. */
async function startSite(
  request: Pick<PodSiteRequest, "release"> = {},
): Promise<PodSite & { readonly sources: string; addresses(git?: string): Addresses }> {
  const sources = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-sources-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => {
    await run(["rm", "-rf", "--one-file-system", sources]);
  });
  const site = stack.use(
    await startPodSite({
      ...request,
      bases: ["busybox"],
      objects: ({ host }) => ({
        claims: { "app-sources": sources },
        secrets: {
          "push-credentials": { ".dockerconfigjson": JSON.stringify({ auths: { [host]: {} } }) },
          "git-token": { token: "t0ken" },
        },
      }),
    }),
  );
  for (const variant of ["executor", "debug"] as const) await publishExecutor(site.registry, variant, VERSION);
  await Deno.chmod(sources, 0o755);
  await Deno.writeTextFile(join(sources, "page"), "a page\n");
  await Deno.writeTextFile(join(sources, "Dockerfile"), WITH_RUN.replace("REGISTRY", site.registry.host));
  const resources = stack.move();
  return {
    ...site,
    sources,
    addresses: (git = "git.example.com") => ({
      "registry.example.com": site.registry.host,
      "https://git.example.com": `http://${git}`,
    }),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

type Addresses = Readonly<Record<string, string>>;

/** Runs a pod to its end and returns its log. */
async function build(site: PodSite, pod: PodManifest): Promise<string> {
  return succeeded(await site.kubelet.run(pod));
}

function succeeded({ exits, logs }: PodOutcome): string {
  const log = Object.values(logs).join("");
  assert.deepEqual(exits, [{ code: 0, reason: "Completed", message: "" }], log);
  return log;
}

/** Fails unless an image has the page that the Dockerfile makes. */
async function assertBuilt(reference: string, page: string, credentials?: string): Promise<void> {
  const { files } = await pushedImage(reference, credentials);
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(page));
  assert.equal(files.get("/page")?.sha256, new Uint8Array(hash).toHex());
}

async function digestOf(reference: string, credentials?: string): Promise<string> {
  const access = ["--tls-verify=false", ...credentials === undefined ? [] : [`--creds=${credentials}`]];
  const { stdout } = await run(["skopeo", "inspect", ...access, `docker://${reference}`]);
  return JSON.parse(stdout).Digest;
}

/** Pods, the strictest level that lets each in, and one that does not. */
const LEVELS: readonly {
  readonly example: string;
  readonly pod: (text: string) => PodManifest;
  readonly level: PodSecurityLevel;
  readonly since?: string;
  readonly refused: readonly [level: PodSecurityLevel, version: string] | undefined;
}[] = [
  { example: "kubernetes/pod.yaml", pod: kubernetesPod, level: "baseline", refused: ["restricted", "latest"] },
  { example: "kubernetes/job.yaml", pod: kubernetesPod, level: "baseline", refused: ["restricted", "latest"] },
  { example: "kubernetes/restricted.yaml", pod: kubernetesPod, level: "restricted", refused: undefined },
  {
    example: "kubernetes/user-namespace.yaml",
    pod: kubernetesPod,
    level: "restricted",
    since: "v1.35",
    refused: ["restricted", "v1.34"],
  },
  { example: "jenkins/Jenkinsfile", pod: jenkinsAgent, level: "baseline", refused: ["restricted", "latest"] },
];

for (const { example, pod, level, since = "latest", refused } of LEVELS) {
  Deno.test(`the example ${example} is a pod of the level ${level}, and no stricter one than it says`, async () => {
    const manifest = pod(readExample(example));
    assert.equal(await podSecurity(manifest, { level, version: since }), "");
    assert.equal(await podSecurity(manifest, { level, version: "latest" }), "");
    if (refused === undefined) return;
    assert.notEqual(await podSecurity(manifest, { level: refused[0], version: refused[1] }), "");
  });
}

Deno.test("the example github/image.yml is right by actionlint, which would find a fault", async () => {
  assert.equal(await lintWorkflow(examplePath("github/image.yml")), "");
  const path = await Deno.makeTempFile({ prefix: "kiln-example-", suffix: ".yml" });
  try {
    await Deno.writeTextFile(path, readExample("github/image.yml").replace("github.sha", "github.shaa"));
    assert.match(await lintWorkflow(path), /"shaa" is not defined/);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("the examples build in pods", async (t) => {
  await using site = await startSite();
  const { host } = site.registry;
  const app = `${host}/team/app`;

  await t.step("kubernetes/pod.yaml", async () => {
    const log = await build(site, kubernetesPod(readExample("kubernetes/pod.yaml", site.addresses())));
    assert.match(log, /Isolation: plain directories, commands one at a time in this container/);
    await assertBuilt(`${app}:1.0`, "A PAGE\n");
  });

  await t.step("kubernetes/job.yaml, from a server that asks for the token", async () => {
    const root = await Deno.makeTempDir({ prefix: "kiln-git-" });
    try {
      await using server = await startGitServer({ root, credential: "t0ken:" });
      await smallRepository(root, "team/app", { page: "from git\n", Dockerfile: WITH_RUN.replace("REGISTRY", host) });
      await build(site, kubernetesPod(readExample("kubernetes/job.yaml", site.addresses(server.host))));
    } finally {
      await Deno.remove(root, { recursive: true });
    }
    await assertBuilt(`${app}:main`, "FROM GIT\n");
  });

  await t.step("kubernetes/restricted.yaml, refused for its RUN with a hint, then built without", async () => {
    const pod = kubernetesPod(readExample("kubernetes/restricted.yaml", site.addresses()));
    const { exits, logs } = await site.kubelet.run(pod);
    assert.equal(exits[0]?.code, 77);
    assert.match(
      logs["kiln"] ?? "",
      /^error: Cannot run commands here: .*\nhint: a Dockerfile without RUN can be built/m,
    );
    const dockerfile = join(site.sources, "Dockerfile");
    const before = await Deno.readTextFile(dockerfile);
    await Deno.writeTextFile(dockerfile, WITHOUT_RUN.replace("REGISTRY", host));
    await build(site, pod);
    await Deno.writeTextFile(dockerfile, before);
    await assertBuilt(`${app}:1.0`, "a page\n");
  });

  await t.step("gitlab/.gitlab-ci.yml", async () => {
    await using registry = await startBasicRegistry();
    const project = "/builds/team/app";
    const pod = gitlabPod(readExample("gitlab/.gitlab-ci.yml", site.addresses()), {
      job: "build-image",
      variables: {
        CI_PROJECT_DIR: project,
        CI_REGISTRY: registry.host,
        CI_REGISTRY_IMAGE: `${registry.host}/team/app`,
        CI_REGISTRY_USER: "me",
        CI_REGISTRY_PASSWORD: "hunter2",
        CI_COMMIT_SHORT_SHA: "1234abcd",
        CI_COMMIT_REF_SLUG: "main",
      },
    });
    await build(site, withFolder(pod, { path: site.sources, mountPath: project }));
    const image = `${registry.host}/team/app`;
    await assertBuilt(`${image}:main`, "A PAGE\n", "me:hunter2");
    const digest = await Deno.readTextFile(join(site.sources, "digest.txt"));
    assert.equal(await digestOf(`${image}:1234abcd`, "me:hunter2"), digest);
  });

  await t.step("github/image.yml", async () => {
    await using registry = await startBasicRegistry();
    const pod = githubPod(readExample("github/image.yml", { ...site.addresses(), "ghcr.io": registry.host }), {
      job: "build",
      values: {
        "github.actor": "me",
        "github.repository": "team/app",
        "github.sha": "c0ffee",
        "secrets.GITHUB_TOKEN": "hunter2",
      },
    });
    await build(site, withFolder(pod, { path: site.sources, mountPath: "/github/workspace" }));
    const image = `${registry.host}/team/app:c0ffee`;
    await assertBuilt(image, "A PAGE\n", "me:hunter2");
    assert.equal(
      await Deno.readTextFile(join(site.sources, "digest.txt")),
      await digestOf(image, "me:hunter2"),
    );
  });

  await t.step("tekton/task.yaml", async () => {
    const results = await Deno.makeTempDir({ dir: "/var/tmp", prefix: "kiln-results-" });
    try {
      const pods = tektonPods(readExample("tekton/task.yaml", site.addresses()), {
        params: { IMAGE: `${app}:tekton`, EXTRA_ARGS: ["--label=by=tekton", "--log-format=text"] },
      });
      for (const pod of pods) {
        const withSources = withFolder(pod, { path: site.sources, mountPath: "/workspace/source" });
        await build(site, withFolder(withSources, { path: results, mountPath: "/tekton/results" }));
      }
      await assertBuilt(`${app}:tekton`, "A PAGE\n");
      const digest = await digestOf(`${app}:tekton`);
      assert.equal(await Deno.readTextFile(join(results, "IMAGE_DIGEST")), digest);
      // Tekton Chains puts the digest behind the name itself, and takes no name that has one already.
      assert.equal(await Deno.readTextFile(join(results, "IMAGE_URL")), `${app}:tekton`);
    } finally {
      await Deno.remove(results, { recursive: true });
    }
  });

  await t.step("argo/workflow.yaml", async () => {
    const pod = argoPod(readExample("argo/workflow.yaml", site.addresses()));
    await build(site, withFolder(pod, { path: site.sources, mountPath: "/workspace" }));
    await assertBuilt(`${app}:main`, "A PAGE\n");
  });

  await t.step("jenkins/Jenkinsfile, whose agent lives on meanwhile", async () => {
    const workspace = "/home/jenkins/agent/workspace/app";
    const pod = jenkinsPod(readExample("jenkins/Jenkinsfile", site.addresses()), {
      WORKSPACE: workspace,
      BUILD_NUMBER: "42",
    });
    await build(site, withFolder(pod, { path: site.sources, mountPath: workspace }));
    await assertBuilt(`${app}:42`, "A PAGE\n");
    assert.equal(await Deno.readTextFile(join(site.sources, "digest.txt")), await digestOf(`${app}:42`));
  });
});

Deno.test("the example kubernetes/user-namespace.yaml builds in a user namespace, with as much as the pod may do", async (t) => {
  await using site = await startSite({ release: "user namespaces" });
  const { spec } = kubernetesPod(readExample("kubernetes/user-namespace.yaml", site.addresses()));
  assert.equal(spec.hostUsers, false);
  const write = (commands: string): Promise<void> =>
    Deno.writeTextFile(join(site.sources, "Dockerfile"), `FROM ${site.registry.host}/base/busybox\n${commands}`);
  const allowed = (capabilities: ContainerSecurity["capabilities"] = {}): PodManifest => ({
    spec: { ...spec, containers: spec.containers.map((one) => ({ ...one, securityContext: { capabilities } })) },
  });

  await t.step("as it is: as the one user there is", async () => {
    await write("RUN cat /proc/self/uid_map\nCOPY --chown=7:8 page /page\n");
    const log = await build(site, { spec });
    assert.match(log, /Isolation: plain directories, commands one at a time in this container/);
    assert.match(log, /\] +0 +1048576 +65536$/m);
    await assertBuilt(`${site.registry.host}/team/app:1.0`, "a page\n");
    await write("RUN chown 7:8 /etc\n");
    const { exits, logs } = await site.kubelet.run({ spec });
    assert.equal(exits[0]?.code, 1);
    assert.match(logs["kiln"] ?? "", /chown: \/etc: Operation not permitted/);
  });

  await t.step("with the default capabilities: as many users", async () => {
    await write("COPY page /page\nRUN chown 7:8 /page && stat -c %u:%g /page\n");
    assert.match(await build(site, allowed()), /\] 7:8$/m);
  });

  await t.step("with SYS_ADMIN over its own namespace, and a volume to work on: overlay mounts", async () => {
    await write("COPY page /page\nRUN chown 7:8 /page && stat -c %u:%g /page\n");
    const { spec: { volumes = [], containers } } = allowed({ add: ["SYS_ADMIN"] });
    const log = await build(site, {
      spec: {
        ...spec,
        volumes: [...volumes, { name: "work", emptyDir: {} }],
        containers: containers.map(({ args = [], volumeMounts = [], ...one }) => ({
          ...one,
          args: [...args, "--work-dir=/work"],
          volumeMounts: [...volumeMounts, { name: "work", mountPath: "/work" }],
        })),
      },
    });
    assert.match(log, /Isolation: overlay mounts/);
    assert.match(log, /\] 7:8$/m);
  });
});
