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
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";

const STEPS = 24;

/** Runs with a small disk at `small`; afterwards every file that is left on it is listed on stderr. */
function disk(options: string): readonly string[] {
  const shell = `
    mkdir -p small
    mount -t tmpfs -o mode=755,${options} small small
    "$@" && code=0 || code=$?
    find small/work/builds small/layout small/image.tar ! -type d 2>/dev/null | sed 's/^/LEFT /' >&2 || true
    if [ -d small/work/builds ]; then find small/work/builds -mindepth 1 | sed 's/^/LEFT /' >&2; fi
    exit $code
  `;
  return ["unshare", "--mount", "--propagation=private", "sh", "-euc", shell, "sh"];
}

interface Place extends AsyncDisposable {
  readonly site: Site;
  run(isolation: string, through: readonly string[]): Promise<Outcome>;
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
    run: (isolation, through) =>
      site.run([
        ...["--insecure-pull", "--no-push", `--isolation=${isolation}`, `--work-dir=${site.path}/small/work`],
        ...[`--oci-layout-path=${site.path}/small/layout`, `--tar-path=${site.path}/small/image.tar`],
        "--destination=image:1",
      ], { env: { SOURCE_DATE_EPOCH: "1700000000" }, through }),
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** Checks one run; returns whether the build had enough. */
async function check(
  { code, stdout, stderr }: Outcome,
  { site, digest }: { site: Site; digest: string },
): Promise<boolean> {
  assert.doesNotMatch(stderr, /^ {4}at /m, stderr);
  await site.assertNothingRuns();
  const left = stderr.split("\n").filter((line) => line.startsWith("LEFT "));
  if (code === 0) {
    assert.equal(digestIn(stdout), digest, stderr);
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

for (const isolation of ["overlay", "chroot"]) {
  for (const [kind, least, enough] of [["size", 200_000, 40_000_000], ["nr_inodes", 30, 4000]] as const) {
    Deno.test(`F20 F22 disk whose ${kind} is used up at every place, fails the build in words (${isolation})`, async (t) => {
      await using at = await place();
      const clean = await at.run(isolation, disk("size=200m"));
      assert.equal(clean.code, 0, clean.stderr);
      const digest = digestIn(clean.stdout);
      let last = false;
      for (let step = 0; step < STEPS; step++) {
        const amount = Math.round(least * (enough / least) ** (step / (STEPS - 1)));
        await t.step(`${amount}`, async () => {
          last = await check(await at.run(isolation, disk(`${kind}=${amount}`)), { site: at.site, digest });
        });
      }
      assert.ok(last, "the last one was to be enough");
    });
  }
}
