/**
 * Dockerfiles that cannot be understood, as tables: the whole text of what `executor check` says of them.
 *
 * The program runs in this process, so that hundreds of rows take seconds; a build tells these errors in the same words.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createProgram } from "../../lib/cli/executor.ts";
import { run } from "../../lib/cli/run.ts";
import { fakeHost } from "../unit/cli/fake_host.ts";
import { failureText } from "./failing_build.ts";

/** The Dockerfile, the lines that are shown as faulty (one, the first and the last, or none), the error and its hint. */
export type Fault = readonly [
  dockerfile: string | Uint8Array<ArrayBuffer>,
  lines: number | readonly [first: number, last: number] | undefined,
  error: string,
  hint?: string,
];

const NO_BUILDS = {
  mounts: { kind: "no", reason: "nothing is built", userNamespaceReason: "nothing is built" },
  workerModule: new URL("about:blank"),
} as const;

/** Defines one test per row; none of the images are asked for. */
export function testFaults(subject: string, faults: readonly Fault[]): void {
  for (const [dockerfile, lines, error, hint] of faults) {
    const text = typeof dockerfile === "string" ? dockerfile : new TextDecoder().decode(dockerfile);
    Deno.test(`${subject}, ${JSON.stringify(text.slice(0, 100))}`, async () => {
      const directory = await Deno.makeTempDir();
      try {
        const written = typeof dockerfile === "string" ? new TextEncoder().encode(dockerfile) : dockerfile;
        await Deno.writeFile(`${directory}/Dockerfile`, written);
        const host = fakeHost({ cwd: directory });
        const code = await run(["check", "--offline", "--log-format=text"], host, createProgram(NO_BUILDS));
        const expected = {
          error,
          ...(lines === undefined ? {} : { lines: typeof lines === "number" ? [lines, lines] as const : lines }),
          ...(hint === undefined ? {} : { hint }),
        };
        assert.equal(host.err(), `${failureText(expected, text)}\n`);
        assert.equal(code, 65);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    });
  }
}
