/**
 * @module
 */
import assert from "node:assert/strict";
import { createSink, type SyncStream } from "../../../lib/cli/host.ts";

/** A stream that answers each write with the next of these: how many bytes it takes, or the code it fails with. */
function streamOf(answers: readonly (number | string)[]): SyncStream & { readonly written: string[]; calls: number } {
  const stream = {
    written: [] as string[],
    calls: 0,
    isTerminal: () => true,
    writeSync(bytes: Uint8Array): number {
      const answer = answers[stream.calls++] ?? bytes.length;
      if (typeof answer === "string") throw Object.assign(new Error(answer), { code: answer });
      stream.written.push(new TextDecoder().decode(bytes.subarray(0, answer)));
      return answer;
    },
  };
  return stream;
}

const BYTES = new TextEncoder().encode("hello");

Deno.test("createSink(), writes on after a short write", () => {
  const stream = streamOf([2, 1]);
  createSink(stream).write(BYTES);
  assert.deepEqual(stream.written, ["he", "l", "lo"]);
});

Deno.test("createSink(), waits for a full pipe that does not block", () => {
  const stream = streamOf(["EAGAIN", 3, "EAGAIN", "EAGAIN"]);
  createSink(stream).write(BYTES);
  assert.deepEqual(stream.written, ["hel", "lo"]);
});

Deno.test("createSink(), drops everything once the reader has gone, and loses nothing by that (F25)", () => {
  const stream = streamOf(["EPIPE"]);
  const sink = createSink(stream);
  sink.write(BYTES);
  sink.write(BYTES);
  assert.deepEqual([stream.calls, sink.lost], [1, false]);
});

Deno.test("createSink(), remembers bytes that were lost, and tries again at the next write", () => {
  const stream = streamOf(["ENOSPC"]);
  const sink = createSink(stream);
  sink.write(BYTES);
  assert.deepEqual([stream.written, sink.lost], [[], true]);
  sink.write(BYTES);
  assert.deepEqual(stream.written, ["hello"]);
});

Deno.test("createSink(), says whether the stream is a terminal", () => {
  assert.equal(createSink(streamOf([])).isTerminal, true);
});

/** Runs a script with the real host in a process of its own. */
async function runScript(
  script: string,
  options: { readonly env?: Record<string, string> } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const host = new URL("../../../lib/cli/host.ts", import.meta.url).href;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      `import { realHost } from ${JSON.stringify(host)}; const host = realHost(); ${script}`,
    ],
    env: options.env ?? {},
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("realHost(), outlives the reader of its stdout (F25)", async () => {
  const host = new URL("../../../lib/cli/host.ts", import.meta.url).href;
  const script = `import { realHost } from ${JSON.stringify(host)}; const host = realHost();
    const line = new TextEncoder().encode("x".repeat(9999) + "\\n");
    for (let at = 0; at < 100; at++) host.stdout.write(line);
    host.stderr.write(new TextEncoder().encode("still here"));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", script],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  assert.deepEqual([(await child.status).code, stderr], [0, "still here"]);
});

Deno.test("realHost(), reads the environment and the current directory", async () => {
  const { stdout } = await runScript(
    `console.log(JSON.stringify([host.env("KILN_A"), host.env("KILN_B"), host.envNames.includes("KILN_A"), host.cwd]))`,
    { env: { KILN_A: "é" } },
  );
  assert.deepEqual(JSON.parse(stdout), ["é", undefined, true, Deno.cwd()].map((value) => value ?? null));
});

Deno.test("realHost(), calls the handler of a signal in place of ending the process", async () => {
  const { code, stdout } = await runScript(`
    await new Promise((resolve) => {
      const remove = host.onSignal("SIGTERM", () => { console.log("got it"); remove(); resolve(); });
      Deno.kill(Deno.pid, "SIGTERM");
    });`);
  assert.deepEqual([code, stdout], [0, "got it\n"]);
});
