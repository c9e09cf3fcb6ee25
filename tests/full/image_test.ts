/**
 * The executor image: what is in it, and that whoever builds it gets the same bytes: the executor from source, the
 * task with the executor it has built, and the image itself in a pod.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { executorImage, IMAGE_BASES, IMAGE_EPOCH, imageArguments } from "../support/executor_image.ts";
import { startPodSite } from "../support/pods/pod_site.ts";

const ROOT = join(import.meta.dirname ?? ".", "../..");

/** As kaniko's image has it (kaniko.md 4.1). */
const ENVIRONMENT = [
  "PATH=/usr/local/bin:/kaniko",
  "HOME=/root",
  "USER=root",
  "SSL_CERT_DIR=/kaniko/ssl/certs",
  "DOCKER_CONFIG=/kaniko/.docker/",
  "DOCKER_CREDENTIAL_GCR_CONFIG=/kaniko/.config/gcloud/docker_credential_gcr_config.json",
];

/** What the image may take: it is pulled for every build on a fresh node. */
const MOST = { compressedMB: 50, unpackedMB: 110 };

Deno.test("the image holds /kaniko and an empty /workspace, and is set up as kaniko's is", async () => {
  const layout = await executorImage();
  const { files, config, manifest } = await flatten(layout);
  const outside = [...files.keys()].filter((path) => path !== "/kaniko" && !path.startsWith("/kaniko/"));
  assert.deepEqual(outside.filter((path) => path !== "/"), ["/workspace"]);
  assert.equal(files.get("/kaniko")?.mode, "1777");
  assert.deepEqual([files.get("/kaniko/executor")?.mode, files.get("/kaniko/.docker")?.type], ["0755", "directory"]);
  for (const [path, { uid, gid, mode }] of files) {
    assert.deepEqual([uid, gid], [0, 0], path);
    // Nobody but root may change what root starts.
    if (path !== "/kaniko" && files.get(path)?.type !== "symlink") assert.match(mode, /^0[0-7][0145][0145]$/, path);
  }
  const image = config.config ?? {};
  assert.deepEqual([...(image["Env"] as string[])].sort(), [...ENVIRONMENT].sort());
  assert.deepEqual(image["Entrypoint"], ["/kaniko/executor"]);
  assert.equal(image["WorkingDir"], "/workspace");
  assert.equal(image["User"] ?? "", "");
  const certificates = files.get("/kaniko/ssl/certs/ca-certificates.crt")?.size ?? 0;
  assert.ok(certificates > 100_000, `${certificates} bytes of certificates`);
  const compressed = (manifest?.layers ?? []).reduce((sum, { size }) => sum + size, 0) / 1e6;
  const unpacked = [...files.values()].reduce((sum, { size = 0 }) => sum + size, 0) / 1e6;
  console.log(
    `the image takes ${compressed.toFixed(1)} MB, ${unpacked.toFixed(1)} MB unpacked (kaniko's executor: 76 MB)`,
  );
  assert.ok(compressed < MOST.compressedMB && unpacked < MOST.unpackedMB);
});

Deno.test("the debug image adds a shell, and nothing else", async () => {
  const [plain, debug] = [await flatten(await executorImage()), await flatten(await executorImage("debug"))];
  const added = [...debug.files.keys()].filter((path) => !plain.files.has(path));
  assert.deepEqual(added.filter((path) => !path.startsWith("/busybox/")), ["/bin", "/bin/sh", "/busybox"]);
  assert.equal(debug.files.get("/bin/sh")?.target, "/busybox/sh");
  assert.ok(added.includes("/busybox/cat"));
  assert.match(JSON.stringify(debug.config.config?.["Env"]), /"PATH=[^"]*:\/busybox"/);
});

Deno.test("the task makes the same image with the executor it has built", async () => {
  await using registry = await startRegistry({ bases: IMAGE_BASES });
  const folder = await Deno.makeTempDir({ prefix: "kiln-image-" });
  try {
    const flags = imageArguments(registry).filter((flag) => !/^--(context|dockerfile)=/.test(flag));
    const { stdout } = await run(
      [Deno.execPath(), "task", "--cwd", ROOT, "image", ...flags, `--oci-layout-path=${folder}`, "--log-format=text"],
      { env: { SOURCE_DATE_EPOCH: IMAGE_EPOCH } },
    );
    assert.equal(await digestOf(folder), await digestOf(await executorImage()));
    const [, pulled, milliseconds, resident] =
      /^image: ([\d.]+) MB to pull, .*\nstart: --version in (\d+) ms, ([\d.]+) MB resident/m.exec(stdout) ?? [];
    console.log(`the task says: ${pulled} MB to pull, starts in ${milliseconds} ms, ${resident} MB resident`);
    assert.ok(Number(pulled) > 20 && Number(pulled) < MOST.compressedMB, stdout);
    assert.ok(Number(milliseconds) < 1000 && Number(resident) > 10 && Number(resident) < 150, stdout);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the image makes the same image in a pod, from a checkout", async () => {
  await prepared({ bases: IMAGE_BASES });
  await using site = await startPodSite({ bases: IMAGE_BASES });
  const reference = `${site.registry.host}/kiln/again:1`;
  const { exits, logs } = await site.kubelet.run(site.pod({
    args: [...imageArguments(site.registry, "/source"), `--destination=${reference}`, "--insecure", "--work-dir=/work"],
    env: [{ name: "SOURCE_DATE_EPOCH", value: IMAGE_EPOCH }],
    securityContext: { capabilities: { add: ["SYS_ADMIN"] } },
    volumeMounts: [{ name: "source", mountPath: "/source", readOnly: true }, { name: "work", mountPath: "/work" }],
    pod: { volumes: [{ name: "source", hostPath: { path: ROOT } }, { name: "work", emptyDir: {} }] },
  }));
  assert.deepEqual(exits.map(({ code }) => code), [0], logs["kiln"] ?? "");
  const { stdout } = await run(["skopeo", "inspect", "--tls-verify=false", `docker://${reference}`]);
  assert.equal(JSON.parse(stdout).Digest, await digestOf(await executorImage()));
});

async function digestOf(layout: string): Promise<string> {
  const { manifests: [descriptor] } = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  return descriptor.digest;
}
