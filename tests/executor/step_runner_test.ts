/**
 * Commands started without machine code of ours, as on every machine but x86-64: the same images, the same confinement, the
 * same endings.
 *
 * @module
 */
import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { AS_IN_A_CONTAINER } from "../support/without_user_namespaces.ts";

interface Way {
  readonly name: string;
  readonly args: readonly string[];
  readonly through?: readonly string[];
}

const WAYS: readonly Way[] = [
  { name: "overlay", args: ["--isolation=overlay"] },
  { name: "chroot", args: ["--isolation=chroot"] },
  {
    name: "chroot without CAP_SYS_ADMIN",
    args: ["--isolation=chroot"],
    through: AS_IN_A_CONTAINER,
  },
];

interface Place extends AsyncDisposable {
  readonly site: Site;
  build(lines: readonly string[], way: Way, env?: Readonly<Record<string, string>>): Promise<Outcome>;
}

async function place(): Promise<Place> {
  await prepared({ tools: [], bases: ["busybox"] });
  const registry = await startRegistry({ bases: ["busybox"] });
  const site = await startSite({ "context/file": "text" });
  return {
    site,
    async build(lines, { args, through }, env = {}): Promise<Outcome> {
      await site.write({ Dockerfile: [`FROM ${registry.base("busybox")}`, "ENV MARK={MARK}", ...lines].join("\n") });
      return await site.run(["--no-push", "--insecure-pull", ...args], {
        env: { KILN_START: "runner", SOURCE_DATE_EPOCH: "1700000000", ...env },
        ...(through === undefined ? {} : { through }),
      });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

for (const way of WAYS) {
  Deno.test(`step runner, makes the image that the stub makes (${way.name})`, async () => {
    await using at = await place();
    const lines = [
      "RUN --mount=type=cache,target=/c --mount=type=tmpfs,target=/t --mount=source=context,target=/x " +
      "id > /id; cat /x/file > /file; cat /proc/self/status | grep -E '^(Cap|Seccomp|NoNewPrivs|Groups)' > /status; true",
      "USER app",
      "WORKDIR /home/app",
      "RUN id > id; umask > umask; ulimit -n > files; pwd > pwd",
    ];
    const [stub, runner] = [await at.build(lines, way, { KILN_START: "stub" }), await at.build(lines, way)];
    assert.equal(stub.code, 0, stub.stderr);
    assert.equal(runner.code, 0, runner.stderr);
    assert.equal(runner.stdout, stub.stdout);
    await at.site.assertNothingLeft();
  });

  Deno.test(`step runner, tells the ends of commands apart (${way.name})`, async () => {
    const ends: readonly (readonly [line: string, code: number, error: RegExp])[] = [
      ["RUN exit 42", 42, /it returned exit code 42$/m],
      ['RUN ["sh", "-c", "kill -SEGV $$; sleep 9"]', 139, /it was ended by SIGSEGV$/m],
      ['RUN ["nosuchprogram"]', 127, /Cannot run "nosuchprogram": it is not in the image's PATH$/m],
      ['RUN ["/etc/passwd"]', 126, /Cannot run "\/etc\/passwd": it is not executable for this user$/m],
    ];
    await using at = await place();
    for (const [line, code, error] of ends) {
      // Process 1 is not ended by a signal it sends itself.
      if (line.includes("kill") && way.through === undefined) continue;
      const outcome = await at.build([line], way);
      assert.equal(outcome.code, code, outcome.stderr);
      assert.match(outcome.stderr, error);
      await at.site.assertNothingLeft();
    }
  });

  Deno.test(`step runner, ends with the build and hands on nothing of it (${way.name})`, async () => {
    await using at = await place();
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await using registry = await startRegistry({ bases: ["busybox"] });
      await at.site.write({
        Dockerfile: `FROM ${registry.base("busybox")}\nENV MARK={MARK}\nRUN (sleep 300 &); echo now''held; sleep 300\n`,
      });
      const running = at.site.start(["--no-push", "--insecure-pull", ...way.args], {
        env: { KILN_START: "runner", KILN_CANARY: "of the builder" },
        ...(way.through === undefined ? {} : { through: way.through }),
      });
      await running.said("nowheld");
      const [started] = await childrenOf(running.pid);
      assert.ok(started !== undefined);
      const environment = await Deno.readTextFile(`/proc/${started}/environ`);
      assert.ok(!environment.includes("KILN_CANARY"), environment.replaceAll("\0", "\n"));
      running.kill(signal);
      const { code } = await running.outcome;
      assert.equal(code, signal === "SIGTERM" ? 75 : 137);
      if (signal === "SIGTERM" || way.through === undefined) {
        await at.site.assertNothingRuns();
        assert.deepEqual(await childrenOf(started), []);
      }
    }
    await at.build(["RUN true"], way);
    await at.site.assertNothingLeft();
  });
}

async function childrenOf(pid: number | string): Promise<readonly string[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`).catch(() => "");
  return text.split(" ").filter((word) => word !== "");
}

Deno.test("KILN_START that is no way to start, is refused", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
  const { code, stderr } = await site.run(["--no-push"], { env: { KILN_START: "fork" } });
  assert.equal(code, 64, stderr);
  assert.match(stderr, /^error: Cannot use KILN_START="fork": it is neither stub nor runner$/m);
});
