/**
 * F25, F29: whatever a command prints reaches the log in bounded memory, and a log nobody reads ends no build.
 *
 * @module
 */
import assert from "node:assert/strict";
import { addBase } from "../support/registry_base.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";
import { type Site, startSite } from "../support/executor_site.ts";

interface Place extends AsyncDisposable {
  readonly site: Site;
  readonly registry: FaultRegistry;
  readonly args: readonly string[];
}

/** A place to build busybox with one RUN. */
async function place(command: string): Promise<Place> {
  const registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  const site = await startSite({ Dockerfile: `FROM ${registry.host}/base/busybox:latest\nRUN ${command}\n` });
  return {
    site,
    registry,
    args: [`--destination=${registry.host}/out/image:1`, "--insecure", "--insecure-pull"],
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

/** Lines of one million that are logged, without the default limit of 64 MB. */
const LINES = 1_000_000;

Deno.test("F29 command that prints a million lines, has every one logged in little memory", async () => {
  await using quiet = await place("true");
  const before = await peakOf(quiet);
  await using loud = await place(`seq ${LINES}`);
  const after = await peakOf(loud);
  const lines = after.stdout.split("\n").filter((line) => line.startsWith("[2/2] "));
  assert.equal(lines.length, LINES);
  assert.equal(lines.at(-1), `[2/2] ${LINES}`);
  assert.ok(after.peakKb - before.peakKb < 48 * 1024, `${before.peakKb} kB and ${after.peakKb} kB`);
});

Deno.test("F29 command that prints ten megabytes without a line end, has every byte logged in little memory", async () => {
  await using quiet = await place("true");
  const before = await peakOf(quiet);
  await using loud = await place("head -c 10000000 /dev/zero | tr '\\0' x");
  const after = await peakOf(loud);
  const pieces = after.stdout.split("\n").flatMap((line) => /^\[2\/2\] (x+)$/.exec(line)?.[1] ?? []);
  assert.equal(pieces.join("").length, 10_000_000);
  assert.ok(pieces.every((piece) => piece.length <= 16 * 1024));
  assert.ok(after.peakKb - before.peakKb < 48 * 1024, `${before.peakKb} kB and ${after.peakKb} kB`);
});

Deno.test("F29 last line without a line end, is logged as a line", async () => {
  await using built = await place("printf 'first\\nlast'");
  const { code, stdout, stderr } = await built.site.run(built.args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^\[2\/2\] first\n\[2\/2\] last\n/m);
});

Deno.test("F29 output of any bytes, is one valid JSON object a line in the JSON log", async () => {
  await using built = await place(
    "head -c 200000 /dev/urandom; head -c 200000 /dev/urandom >&2; printf '\\0\\377\\n\\033[31m\\r\\b\"\\\\\\342\\200\\250end'",
  );
  const { code, stdout, stderr } = await built.site.run([...built.args, "--log-format=json"]);
  assert.equal(code, 0, stderr);
  const logged = [...stdout.trimEnd().split("\n"), ...stderr.trimEnd().split("\n")]
    .filter((line) => !line.startsWith(`${built.registry.host}/`))
    .map((line): Record<string, unknown> => JSON.parse(line));
  for (const entry of logged) {
    assert.equal(typeof entry["msg"], "string");
    assert.ok(["debug", "info", "warning", "error"].includes(String(entry["level"])));
    assert.ok(!Number.isNaN(Date.parse(String(entry["time"]))));
  }
  for (const stream of ["stdout", "stderr"]) assert.ok(logged.some((entry) => entry["stream"] === stream));
  assert.ok(logged.some(({ msg }) => String(msg).endsWith("end")));
});

Deno.test("F29 failure in the JSON log, is one object with the place and the exit code", async () => {
  await using built = await place("exit 42");
  const { code, stderr } = await built.site.run([...built.args, "--log-format=json"]);
  assert.equal(code, 42);
  const last = JSON.parse(stderr.trimEnd().split("\n").at(-1) ?? "");
  const { level, msg, exitCode, file, line } = last;
  assert.deepEqual({ level, msg, exitCode, file, line }, {
    level: "error",
    msg: 'Cannot complete "/bin/sh -c exit 42": it returned exit code 42',
    exitCode: 42,
    file: "Dockerfile",
    line: 2,
  });
});

/** Shells around the executor that take its output away. */
const UNREAD: readonly (readonly [how: string, shell: string])[] = [
  ["stdout and stderr closed", '"$@" >&- 2>&-; echo "code $?"'],
  ["a reader that leaves", '{ "$@"; echo $? > code; } 2>&1 | head -n 1 > /dev/null; echo "code $(cat code)"'],
  ["a full device", '"$@" > /dev/full 2>&1; echo "code $?"'],
];

for (const [how, shell] of UNREAD) {
  Deno.test(`F25 log with ${how}, ends no push`, async () => {
    await using built = await place("seq 10000; seq 10000 >&2");
    const { stdout } = await built.site.run(built.args, { through: ["sh", "-c", shell, "sh"] });
    assert.equal(stdout.trim(), "code 0");
    assert.ok(built.registry.manifests.has("out/image:1"));
    await built.site.assertNothingLeft();
  });
}

/** Runs a build and watches the most memory its builder had at once. */
async function peakOf({ site, args }: Place): Promise<{ readonly peakKb: number; readonly stdout: string }> {
  const running = site.start([...args, "--step-log-limit=0"]);
  let peakKb = 0;
  const timer = setInterval(() => {
    peakKb = Math.max(peakKb, residentKb(running.pid));
  }, 10);
  const { code, stdout, stderr } = await running.outcome;
  clearInterval(timer);
  assert.equal(code, 0, stderr);
  assert.ok(peakKb > 0);
  await site.assertNothingLeft();
  return { peakKb, stdout };
}

/** Anonymous memory: what is mapped of the program's file is shared and comes and goes. */
function residentKb(pid: number): number {
  try {
    return Number(/^RssAnon:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1] ?? 0);
  } catch {
    return 0; // it has ended
  }
}
