/**
 * A container in which builds are killed in place, and go on: its own files come back, to the last byte, before anything
 * of the image in their place is taken for them (F26, S29).
 *
 * Seen red with `cleanUp` left out of `holdRoot` in lib/cli/hold_root.ts, and with the lock there left out: the helper that
 * the image names was run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { findProgram, run } from "../support/environment/command.ts";
import { type Running, type Site, startSite } from "../support/executor_site.ts";
import { addForgedImage } from "../support/forged_image.ts";
import { startKeptContainer } from "../support/kept_container.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";

const ENDS: readonly (readonly [name: string, signal: "SIGTERM" | "SIGKILL" | undefined])[] = [
  ["container in which a build has ended, has its own files again", undefined],
  ["F24 container in which a build is told to end during a RUN, has its own files again at once", "SIGTERM"],
  [
    "F26 S29 container in which a build is killed during a RUN, has its own files again before it looks at any",
    "SIGKILL",
  ],
];

for (const [name, signal] of ENDS) {
  Deno.test(name, async () => {
    await using registry = await startFaultRegistry();
    await using site = await startSite();
    const container = await startKeptContainer(site, {
      "/root/.docker/config.json": JSON.stringify({ auths: { [registry.host]: { auth: btoa("user:ours") } } }),
    });
    const image = addForgedImage(registry, "forged/evil", { layers: [await evilLayer(site, registry.host)] });
    // Who takes the word of the image's helper gets nothing.
    for (const path of [/manifests/, /blobs/]) {
      registry.always("GET", path, async (request, response, proceed) => {
        if (request.headers.authorization === `Basic ${btoa("user:ours")}`) return await proceed();
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      });
    }
    await site.write({
      Dockerfile: `FROM ${image}\nARG SECONDS\nENV MARK={MARK}\n` +
        "RUN rm /lib/libown.so; touch /etc/passwd /more; echo waiting; sleep $SECONDS\nRUN touch /last\n",
    });
    const before = await container.list();
    const build = (seconds: number): readonly string[] => [
      ...["--no-push", "--insecure-pull", "--isolation=in-place", `--build-arg=SECONDS=${seconds}`],
      `--oci-layout-path=${site.path}/out`,
    ];
    const options = { through: container.through, env: { HOME: "/root" } };
    if (signal !== undefined) {
      const running = site.start(build(300), options);
      await running.said("] waiting");
      await assertRefused(running, [`--context=${site.context}`, `--work-dir=${site.work}`, ...build(0)]);
      running.kill(signal);
      await running.outcome;
      await site.assertNothingRuns();
      const after = await container.list();
      if (signal === "SIGTERM") assert.deepEqual(after, before);
      else assert.notDeepEqual(after, before);
    }
    const { code, stderr } = await site.run(build(0), options);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await container.list(), before);
    assert.throws(() => Deno.lstatSync(`${site.path}/hijacked`), Deno.errors.NotFound);
    await site.assertNothingLeft();
  });
}

/** A second build in the container, which would see the image's files, looks at none. */
async function assertRefused({ pid }: Running, args: readonly string[]): Promise<void> {
  const enter = ["nsenter", `--target=${pid}`, "--mount", "/kaniko/executor"];
  const { stderr } = await run([...enter, ...args], { env: { HOME: "/root" }, accept: [75] });
  assert.match(stderr, /^error: Cannot build in place: another build in this container is at it$/m);
}

/** A shell, and what would have the builder run a helper of the image. */
async function evilLayer(site: Site, host: string): Promise<Uint8Array> {
  const helpers = JSON.stringify({ credHelpers: { [host]: "evil" } });
  const applets = ["sh", "sleep", "touch", "rm"];
  return archive(
    entry({ name: "bin/busybox", mode: 0o755 }, await Deno.readFile(findProgram("busybox") ?? "busybox")),
    ...applets.map((name) => entry({ name: `bin/${name}`, typeFlag: "1", linkName: "bin/busybox" })),
    entry({ name: "root/.docker/config.json" }, helpers),
    entry({ name: "bin/docker-credential-evil", mode: 0o755 }, `#!/bin/sh\ntouch ${site.path}/hijacked\n`),
    entry({ name: "lib/libown.so" }, "the image's"),
    entry({ name: "etc/passwd" }, "root:x:0:0::/:/bin/evil\n"),
  );
}
