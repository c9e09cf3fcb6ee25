/**
 * F29, S28: what a command starts ends with it, however it tries to stay.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { addBase } from "../support/registry_base.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { type Running, type Site, type StartOptions, startSite } from "../support/executor_site.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";
import { asOrdinaryUser } from "../support/ordinary_user.ts";
import { AS_IN_A_CONTAINER } from "../support/without_user_namespaces.ts";

interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  readonly through?: (site: Site) => readonly string[] | Promise<readonly string[]>;
}

const IN_PLACE: Way = {
  name: "in-place",
  flags: ["--isolation=in-place"],
  through: (site) => placeOf("in-place", site),
};

/** Ways to run commands. */
const WAYS: readonly Way[] = ISOLATIONS.includes("in-place") ? [IN_PLACE] : [
  { name: "overlay", flags: ["--isolation=overlay"] },
  { name: "chroot", flags: ["--isolation=chroot"] },
  {
    name: "chroot without CAP_SYS_ADMIN",
    flags: ["--isolation=chroot"],
    through: () => AS_IN_A_CONTAINER,
  },
  {
    name: "userns of an ordinary user",
    flags: ["--isolation=userns"],
    through: (site) => asOrdinaryUser({ ids: "single", owns: [site.path, join(site.path, "home")] }),
  },
];

interface Started extends AsyncDisposable {
  readonly site: Site;
  readonly running: Running;
}

/** Starts a build of busybox with these lines. */
async function start(lines: readonly string[], way: Way): Promise<Started> {
  const registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  const from = [`FROM ${registry.host}/base/busybox:latest`, "ENV MARK={MARK}"];
  const site = await startSite({ Dockerfile: `${[...from, ...lines].join("\n")}\n` });
  const options: StartOptions = way.through === undefined ? {} : { through: await way.through(site) };
  const running = site.start(["--no-push", "--insecure-pull", ...way.flags], options);
  return {
    site,
    running,
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

const BEAT = "while :; do echo x >> /beat; usleep 2000; done";

const DAEMONS: readonly (readonly [kind: string, command: string])[] = [
  ["a background job that holds the output open", `(${BEAT}) &`],
  ["a daemon that was forked twice", `((${BEAT}) > /dev/null 2>&1 &) &`],
  ["a daemon in a session of its own", `setsid sh -c '${BEAT}' > /dev/null 2>&1 &`],
  [
    "a daemon that ignores every signal it can",
    `setsid sh -c "trap '' HUP INT QUIT TERM PIPE; ${BEAT}" > /dev/null 2>&1 &`,
  ],
];

for (const way of WAYS) {
  for (const [kind, command] of DAEMONS) {
    Deno.test(`F29 ${kind}, ends with the command that started it (${way.name})`, async () => {
      await using started = await start([
        `RUN ${command} while [ ! -s /beat ]; do usleep 1000; done`,
        'RUN before=$(wc -c < /beat); usleep 200000; [ "$before" = "$(wc -c < /beat)" ]',
      ], way);
      const { code, stderr } = await started.running.outcome;
      assert.equal(code, 0, stderr);
      await started.site.assertNothingLeft();
    });
  }

  Deno.test(`F24 SIGTERM, reaches the command, which may end in its own way (${way.name})`, async () => {
    await using started = await start(
      ["RUN trap 'echo told to end; exit 0' TERM; echo ready; while :; do usleep 10000; done"],
      way,
    );
    await started.running.said("] ready");
    started.running.kill("SIGTERM");
    const { code, stdout, stderr } = await started.running.outcome;
    assert.match(stdout, /^\[2\/2\] told to end$/m);
    assert.equal(code, 75, stderr);
    await started.site.assertNothingLeft();
  });

  Deno.test(`F24 SIGTERM, ends daemons of the command that ignore it (${way.name})`, async () => {
    await using started = await start(
      [`RUN setsid sh -c "trap '' TERM; sleep 300; sleep 300" & echo ready; sleep 300`],
      way,
    );
    await started.running.said("] ready");
    started.running.kill("SIGTERM");
    const { code, stderr } = await started.running.outcome;
    assert.equal(code, 75, stderr);
    await started.site.assertNothingLeft();
  });

  Deno.test(`F25 second SIGINT, ends a command that ignores the first at once (${way.name})`, async () => {
    await using started = await start(
      ["RUN trap '' TERM INT; echo ready; while :; do usleep 10000; done"],
      way,
    );
    await started.running.said("] ready");
    const told = performance.now();
    started.running.kill("SIGINT");
    await started.running.said("SIGINT received");
    started.running.kill("SIGINT");
    const { code, stderr } = await started.running.outcome;
    assert.ok(performance.now() - told < 4000, `it took ${performance.now() - told} ms`);
    assert.equal(code, 75, stderr);
    await started.site.assertNothingLeft();
  });

  Deno.test(`F26 kill -9 of the builder, ends its command and daemons at once (${way.name})`, async () => {
    const daemons = `setsid sh -c "trap '' HUP INT QUIT TERM; sleep 300; sleep 300" & (setsid sleep 300 &) &`;
    await using started = await start([`RUN ${daemons} echo ready; sleep 300`], way);
    await started.running.said("] ready");
    started.running.kill("SIGKILL");
    await started.running.outcome;
    await started.site.assertNothingRuns();
    await started.site.write({ Dockerfile: "FROM scratch\n" });
    const { code, stderr } = await started.site.run(["--no-push"]);
    assert.equal(code, 0, stderr);
    await started.site.assertNothingLeft();
  });
}

Deno.test("F29 command that ends its guardian, leaves nothing behind all the same", async () => {
  const way: Way = { name: "", flags: ["--isolation=chroot"], through: () => AS_IN_A_CONTAINER };
  await using started = await start([`RUN setsid sleep 300 & sleep 0.1; kill -9 $PPID; sleep 300`], way);
  const { code, stderr } = await started.running.outcome;
  assert.equal(code, 137, stderr);
  await started.site.assertNothingLeft();
});

/** The kernel has a setting for it in each process namespace. */
const WITHOUT_PROGRAMS_IN_MEMORY: readonly string[] = [
  ...["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"],
  ...['echo 2 > /proc/sys/vm/memfd_noexec; exec "$@"', "sh"],
];

Deno.test("F29 daemon, ends with its command also where no program in memory can be executed", async () => {
  const way: Way = {
    name: "",
    flags: ["--isolation=chroot"],
    through: () => [...WITHOUT_PROGRAMS_IN_MEMORY, ...AS_IN_A_CONTAINER],
  };
  await using started = await start([`RUN setsid sleep 300 & exit 3`], way);
  const { code, stderr } = await started.running.outcome;
  assert.equal(code, 3, stderr);
  await started.site.assertNothingLeft();
});
