/**
 * F20 to F23: the kernel refuses one call of the builder, by strace, at many places. The build fails in words, with the
 * right exit code, and leaves nothing; or it did not need the call, and the image is right. The next build on the same
 * work directory makes the same image.
 *
 * Calls are counted for each thread apart. Calls that Deno makes for itself in the same way (write to an eventfd,
 * openat of its own files) cannot be told from ours, so a full disk is also tried for real, in `short_supplies_test.ts`.
 *
 * What all isolations do alike is refused with two of them. In place, the container has its own files again each time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type Isolation, ISOLATIONS } from "../../lib/rootfs/isolation.ts";
import { ensureTools } from "../support/environment/tools.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { startKeptContainer } from "../support/kept_container.ts";
import { portableStrace, type RefusedCall, refusing } from "../support/refused_call.ts";

type Faults = readonly [call: string, errors: readonly string[]];

/** Calls the builder makes while it unpacks, copies, packs and writes, and how they can fail. */
const COMMON: readonly Faults[] = [
  ["mkdirat", ["ENOSPC", "EDQUOT"]],
  ["linkat", ["EMLINK", "ENOSPC"]],
  ["symlinkat", ["EDQUOT"]],
  ["mknodat", ["EPERM", "ENOSPC"]],
  ["renameat", ["EIO"]],
  ["ftruncate", ["ENOSPC"]],
  ["fsync", ["EIO"]],
  ["fdatasync", ["EIO"]],
  ["fchown", ["EPERM", "EIO"]],
  ["fchownat", ["EPERM"]],
  ["fchmod", ["EROFS"]],
  ["utimensat", ["EIO"]],
  ["getdents64", ["EIO"]],
  ["readlinkat", ["EIO"]],
  ["statx", ["EIO"]],
  ["openat2", ["EMFILE", "EIO"]],
  ["lsetxattr", ["ENOSPC"]],
  ["mount", ["EPERM"]],
  ["umount2", ["EBUSY"]],
  ["clone", ["EAGAIN"]],
  ["pipe2", ["EMFILE"]],
  ["memfd_create", ["EMFILE"]],
  ["unlinkat", ["EIO"]],
];

/** The way into a user namespace. */
const ENTERING: readonly Faults[] = [
  ["clone", ["EAGAIN"]],
  ["unshare", ["EPERM"]],
  ["setns", ["EPERM"]],
];

/** Mounts in it, and recording what cannot be written there. */
const NAMESPACE: readonly Faults[] = [
  ["mount", ["EPERM"]],
  ["umount2", ["EBUSY"]],
  ["mknodat", ["EPERM"]],
  ["fchown", ["EPERM"]],
  ["ftruncate", ["ENOSPC"]],
  ["openat2", ["EMFILE"]],
];

/** Exchanging the files of a root, which makes up most of these calls of the main thread. */
const EXCHANGE: readonly Faults[] = [
  ["renameat", ["ENOSPC"]],
  ["mkdirat", ["ENOSPC"]],
  ["unlinkat", ["EIO"]],
  ["openat2", ["EIO"]],
  ["getdents64", ["EIO"]],
  ["statx", ["EIO"]],
  ["utimensat", ["EIO"]],
];

/** What is refused, and which calls of each thread. */
const PLANS: Readonly<Record<Isolation, readonly { faults: readonly Faults[]; at: readonly number[] }[]>> = {
  overlay: [{ faults: COMMON, at: [1, 2, 7] }],
  chroot: [{ faults: COMMON, at: [1, 2, 7] }],
  userns: [{ faults: ENTERING, at: [1] }, { faults: NAMESPACE, at: [1, 3] }],
  "in-place": [{ faults: EXCHANGE, at: [5, 20, 60] }],
};

function refusedCalls(isolation: Isolation): readonly RefusedCall[] {
  return PLANS[isolation].flatMap(({ faults, at }) =>
    faults.flatMap(([call, errors]) => errors.flatMap((error) => at.map((at) => ({ call, error, at }))))
  );
}

/** Where builds are run, and how a call of theirs is refused. */
interface Place {
  /** Goes in front of the command line. */
  readonly through: readonly string[];
  refuse(call: RefusedCall): Promise<readonly string[]>;
  /** What is to be the same after every build. */
  list(): Promise<readonly string[]>;
}

async function placeOf(isolation: Isolation, site: Site): Promise<Place> {
  const trace = `${site.path}/trace`;
  if (isolation !== "in-place") {
    return {
      through: [],
      refuse: (call) => Promise.resolve(["strace", ...refusing(call, trace)]),
      list: () => Promise.resolve([]),
    };
  }
  const container = await startKeptContainer(site);
  // From the inside, so that what makes the container is not refused anything.
  const strace = await portableStrace(`${site.path}/strace`);
  return {
    through: container.through,
    refuse: (call) => container.startedBy([...strace, ...refusing(call, trace)]),
    // The time of a directory that was being emptied cannot be known.
    list: async () => (await container.list()).map((line) => line.replace(/( directory .*) \d+$/, "$1")),
  };
}

Deno.test("F23 S29 disk that renames nothing any more, leaves the image's files in the root to the next build, which looks at none", async () => {
  await prepared({ tools: [], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({ Dockerfile: `FROM ${registry.base("busybox")}\nRUN touch /made\n` });
  const place = await placeOf("in-place", site);
  const before = await place.list();
  const args = ["--insecure-pull", "--no-push", "--isolation=in-place"];
  const build = async (at: RefusedCall["at"]): Promise<Outcome> =>
    await site.run(args, { through: await place.refuse({ call: "renameat", error: "EIO", at }) });
  assert.equal((await build(65_535)).code, 0);
  const threads = Map.groupBy(
    (await Deno.readTextFile(`${site.path}/trace`)).split("\n"),
    (line) => line.split(" ")[0],
  );
  // Most of those of one thread are of the exchange, half of them of the way back.
  const most = Math.max(...[...threads.values()].map(({ length }) => length));
  const failed = await build(`${Math.floor(most * 0.7)}+`);
  assert.equal(failed.code, 73, failed.stderr);
  assert.match(failed.stderr, /^error: Cannot put back the files of this container/m);
  assert.notDeepEqual(await place.list(), before);
  const { code, stderr } = await site.run(args, { through: place.through });
  assert.equal(code, 0, stderr);
  assert.deepEqual(await place.list(), before);
  await site.assertNothingLeft();
});

/** The host is to blame: disk, a moment's shortage, a right; 64 for an isolation asked for that cannot be had. */
const CODES = [0, 64, 73, 75, 77, 126];

for (const isolation of ISOLATIONS) {
  Deno.test(`F20 F22 F23 a refused system call, fails the build in words and leaves nothing (${isolation})`, async (t) => {
    await ensureTools(["strace"]);
    await prepared({ tools: [], bases: ["busybox"] });
    await using registry = await startRegistry({ bases: ["busybox"] });
    await using site = await startSite({
      Dockerfile: `FROM ${registry.base("busybox")} AS first
ENV MARK={MARK}
RUN mkdir -p /d/e && echo x > /d/f && ln /d/f /d/g && ln -s f /d/l && ${
        isolation === "userns" ? "mkfifo /d/c" : "mknod /d/c c 1 3"
      }
FROM ${registry.base("busybox")}
ENV MARK={MARK}
COPY --from=first /d /d
COPY --chown=5:6 . /app/
RUN rm /app/a && echo y >> /d/g
`,
      "a": "text",
      "b/c": "text",
      "b/link": { link: "c" },
    });
    const args = ["--insecure-pull", "--no-push", `--isolation=${isolation}`, `--oci-layout-path=${site.path}/image`];
    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    const place = await placeOf(isolation, site);
    const before = await place.list();
    const clean = await site.run(args, { env, through: place.through });
    assert.equal(clean.code, 0, clean.stderr);
    for (const refused of refusedCalls(isolation)) {
      await t.step(`${refused.call} ${refused.at}: ${refused.error}`, async () => {
        await Deno.remove(`${site.path}/image`, { recursive: true }).catch(() => {});
        const { code, stdout, stderr } = await site.run(args, { env, through: await place.refuse(refused) });
        const trace = await Deno.readTextFile(`${site.path}/trace`);
        const failed = trace.split("\n").filter((line) => line.includes("(INJECTED)")).join("\n");
        const told = `${failed}\n${stderr}`;
        // strace follows the commands of RUN too.
        const isAtStart = code === 70 && stderr.startsWith("error: Cannot start: ");
        const isOfRun = stderr.includes(`: it returned exit code ${code}\n`);
        assert.ok(isAtStart || isOfRun || CODES.includes(code), `exit code ${code}\n${told}`);
        if (code === 0) assert.equal(stdout, clean.stdout, told);
        else assert.match(stderr, /^error: Cannot /m, told);
        assert.doesNotMatch(stderr, /^ {4}at /m, told);
        await site.assertNothingRuns();
        assert.deepEqual(await place.list(), before, told);
        const again = await site.run(args, { env, through: place.through });
        assert.equal(again.code, 0, again.stderr);
        assert.equal(again.stdout, clean.stdout);
        await site.assertNothingLeft();
      });
    }
  });
}
