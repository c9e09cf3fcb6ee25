/**
 * Building as an ordinary user of a host: in a user namespace, with the ranges of ids that /etc/subuid gives.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { asOrdinaryUser, type OrdinaryUser } from "../support/ordinary_user.ts";
import { AS_IN_A_CONTAINER, WITHOUT_USER_NAMESPACES } from "../support/without_user_namespaces.ts";

/** A base, and what ordinary Dockerfiles do with owners, modes, links and mounts. */
const DOCKERFILE = `FROM {BASE}
WORKDIR /work
COPY --chown=app:extra file /copied
COPY --chmod=4755 file /setuid
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t --mount=type=secret,id=s \\
    chown app:more /copied && mkdir -p dir/in && chown -R 33:33 dir && chmod 2750 dir && mkfifo pipe && ln file2 /x 2>/dev/null; \\
    echo a > one && ln one two && ln -s one link && chown -h app link && cat /run/secrets/s > /dev/null && touch -d @1000000000 one
USER app
RUN echo "$(id -u) $(id -G)" > /tmp/me && umask >> /tmp/me
USER root
RUN mv dir moved && rm -r /etc/group && mkdir /etc/group
FROM {BASE}
COPY --from=0 / /everything/
`;

async function buildWith(through: readonly string[], args: readonly string[] = []): Promise<{
  readonly site: Site;
  readonly outcome: Outcome;
}> {
  await using registry = await startRegistry({ bases: ["busybox"] });
  const site = await startSite({
    Dockerfile: DOCKERFILE.replaceAll("{BASE}", `${registry.host}/base/busybox`),
    file: "text",
    secret: "hunter2hunter2",
  });
  const layout = `--oci-layout-path=${join(site.path, "image")}`;
  const secret = `--secret=id=s,src=${join(site.context, "secret")}`;
  const through_ = through.map((word) => word.replaceAll("{SITE}", site.path));
  const outcome = await site.run(["--no-push", "--insecure-pull", "--reproducible", layout, secret, ...args], {
    through: through_,
  });
  return { site, outcome };
}

function userOf(ids: OrdinaryUser["ids"], prepare?: string): readonly string[] {
  return asOrdinaryUser({ ids, owns: ["{SITE}", "{SITE}/home"], ...(prepare === undefined ? {} : { prepare }) });
}

Deno.test("an ordinary user with ranges of ids, builds the same layers as root", async () => {
  await prepared({ tools: ["newuidmap"], bases: ["busybox"] });
  const byRoot = await buildWith([], ["--isolation=overlay"]);
  await using rootSite = byRoot.site;
  assert.equal(byRoot.outcome.code, 0, byRoot.outcome.stderr);
  const byUser = await buildWith(userOf("ranges"));
  await using userSite = byUser.site;
  const { code, stderr } = byUser.outcome;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Isolation: overlay mounts in a user namespace, own namespaces for every command/);
  await userSite.assertNothingLeft();
  const [expected, found] = [rootSite, userSite].map(({ path }) => flatten(join(path, "image")));
  assert.deepEqual((await found)?.files, (await expected)?.files);
  assert.deepEqual((await found)?.config.rootfs, (await expected)?.config.rootfs);
});

Deno.test("a root without the right to mount, builds in a user namespace with all ids", async () => {
  await prepared({ bases: ["busybox"] });
  const { site, outcome: { code, stderr } } = await buildWith(["setpriv", "--bounding-set=-sys_admin"]);
  await using _site = site;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /overlay mounts in a user namespace/);
  await site.assertNothingLeft();
});

Deno.test("--isolation=userns, keeps RUN in a user namespace also for root", async () => {
  await prepared({ bases: ["busybox"] });
  const { site, outcome: { code, stderr } } = await buildWith([], ["--isolation=userns", "--require-isolation=userns"]);
  await using _site = site;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /overlay mounts in a user namespace/);
});

Deno.test("--isolation=userns, says why it cannot be had", async () => {
  await prepared({ bases: ["busybox"] });
  for (const through of [AS_IN_A_CONTAINER, [...WITHOUT_USER_NAMESPACES, ...userOf("ranges")]]) {
    const { site, outcome } = await buildWith(through, ["--isolation=userns"]);
    await using _site = site;
    assert.equal(outcome.code, 64, outcome.stderr);
    assert.match(
      outcome.stderr,
      /^error: Cannot use --isolation=userns: a user namespace is refused: the operation is not permitted \(EPERM\)$/m,
    );
  }
});

for (const [path, named] of [["dir/file", "dir/file"], ["dir", "dir"]] as const) {
  Deno.test(`an ordinary user who may not read ${path} of the context, is told its path`, async () => {
    await prepared({ tools: ["newuidmap"] });
    await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY . /\n", "dir/file": "text" });
    const through = userOf("single", `chmod 0 ${join(site.context, path)}`).map((word) =>
      word.replaceAll("{SITE}", site.path)
    );
    const { code, stderr } = await site.run(["--no-push"], { through });
    assert.equal(code, 77, stderr);
    assert.match(stderr, new RegExp(`error: Cannot read "${named}" in the build context: permission is denied`));
    assert.match(stderr, /hint: let the user who builds read it, or leave it out by \.dockerignore/);
  });
}
