/**
 * F20 to F22: a file system that is full, or has no inode left, at every place where a build writes. The build fails in
 * words with the right exit code and leaves nothing, or it had enough, and the image is right.
 *
 * The disk of each run is a little larger than that of the one before, so that it is full a little later. Nothing is
 * injected: what writes to the disk meets a real ENOSPC, wherever it is and whoever wrote it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Isolation, ISOLATIONS } from "../../lib/rootfs/isolation.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { executorRoot } from "../support/executor_root.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { placeOf } from "../support/isolations.ts";

const EXECUTOR_ROOT = await executorRoot();

/** How many sizes of disk are tried; what all isolations do alike is tried with two of them. */
const STEPS: Readonly<Record<Isolation, number>> = { overlay: 24, chroot: 24, userns: 10, "in-place": 14 };

/**
 * Runs with a small disk at `small`; afterwards every file that is left on it is listed on stderr, and what is
 * in a container's root.
 */
function disk(options: string): readonly string[] {
  const shell = `
    mkdir -p small
    mount -t tmpfs -o mode=755,${options} small small
    "$@" && code=0 || code=$?
    find small/layout small/image.tar ! -type d 2>/dev/null | sed 's/^/LEFT /' >&2 || true
    for work in small/work small/container/upper/kaniko; do
      if [ -d $work/builds ]; then find $work/builds -mindepth 1 | sed 's/^/LEFT /' >&2; fi
    done
    if [ -d small/container ]; then
      mkdir view
      mount -t overlay -o lowerdir=small/container/upper:${EXECUTOR_ROOT} root view
      find view -path view/kaniko -prune -o -printf 'OWN %p %y %m %U:%G %l\\n' | sort >&2
      umount view
      rmdir view
    fi
    exit $code
  `;
  return ["unshare", "--mount", "--propagation=private", "sh", "-euc", shell, "sh"];
}

interface Place extends AsyncDisposable {
  readonly site: Site;
  run(isolation: Isolation, through: readonly string[]): Promise<Outcome>;
}

async function place(): Promise<Place> {
  await prepared({ tools: [], bases: ["busybox"] });
  const registry = await startRegistry({ bases: ["busybox"] });
  const site = await startSite({
    Dockerfile: `FROM ${registry.base("busybox")} AS first
ENV MARK={MARK}
RUN mkdir /d && for i in 1 2 3 4 5 6 7 8; do echo $i > /d/$i; ln /d/$i /d/link$i; done
FROM ${registry.base("busybox")}
ENV MARK={MARK}
COPY --from=first /d /d
COPY files /app/
RUN rm /app/3; echo more >> /d/1; head -c 300000 /dev/zero > /zeros
`,
  });
  for (let number = 0; number < 40; number++) {
    await site.write({ [`files/${number}`]: `${number}`.repeat(20_000) });
  }
  return {
    site,
    async run(isolation, through): Promise<Outcome> {
      // In place, the container's root is on the small disk, with the work directory in it.
      const work = isolation === "in-place" ? "/kaniko" : `${site.path}/small/work`;
      const container = await placeOf(isolation, site, { state: `${site.path}/small/container` });
      return await site.run([
        ...["--insecure-pull", "--no-push", `--isolation=${isolation}`, `--work-dir=${work}`],
        ...[`--oci-layout-path=${site.path}/small/layout`, `--tar-path=${site.path}/small/image.tar`],
        "--destination=image:1",
      ], { env: { SOURCE_DATE_EPOCH: "1700000000" }, through: [...through, ...container] });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** What is in the root of the container but Kiln's own. */
function ownIn(stderr: string): readonly string[] {
  return stderr.split("\n").filter((line) => line.startsWith("OWN "));
}

/** Checks one run; returns whether the build had enough. */
async function check(
  { code, stdout, stderr }: Outcome,
  { site, clean }: { site: Site; clean: Outcome },
): Promise<boolean> {
  assert.doesNotMatch(stderr, /^ {4}at /m, stderr);
  await site.assertNothingRuns();
  assert.deepEqual(ownIn(stderr), ownIn(clean.stderr), stderr);
  const left = stderr.split("\n").filter((line) => line.startsWith("LEFT "));
  if (code === 0) {
    assert.equal(digestIn(stdout), digestIn(clean.stdout), stderr);
    assert.ok(left.every((line) => !line.includes("/builds")), stderr);
    return true;
  }
  assert.deepEqual(left, [], stderr);
  assert.match(stderr, /^error: Cannot /m, stderr);
  const isOfRun = stderr.includes(`: it returned exit code ${code}\n`);
  assert.ok(isOfRun || code === 73 || code === 75, `exit code ${code}\n${stderr}`);
  return false;
}

function digestIn(stdout: string): string {
  return /sha256:[0-9a-f]{64}$/m.exec(stdout)?.[0] ?? assert.fail(stdout);
}

for (const isolation of ISOLATIONS) {
  for (const [kind, least, enough] of [["size", 200_000, 40_000_000], ["nr_inodes", 30, 4000]] as const) {
    Deno.test(`F20 F22 disk whose ${kind} is used up at every place, fails the build in words (${isolation})`, async (t) => {
      await using at = await place();
      const clean = await at.run(isolation, disk("size=200m"));
      assert.equal(clean.code, 0, clean.stderr);
      const steps = STEPS[isolation];
      let last = false;
      for (let step = 0; step < steps; step++) {
        const amount = Math.round(least * (enough / least) ** (step / (steps - 1)));
        await t.step(`${amount}`, async () => {
          last = await check(await at.run(isolation, disk(`${kind}=${amount}`)), { site: at.site, clean });
        });
      }
      assert.ok(last, "the last one was to be enough");
    });
  }
}
