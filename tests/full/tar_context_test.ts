/**
 * A context of 1 GiB, as a compressed archive behind a web server and on stdin: how much memory it takes, and how long,
 * beside what curl and tar take for the same bytes from the same server in the same run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { noise } from "../support/context_archive.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { EXECUTOR, memoryDirectory, type Site, startSite } from "../support/executor_site.ts";
import { startNginx } from "../support/nginx.ts";

const FILES = 64;
const FILE_BYTES = 16 * 1024 * 1024;
const MIB = 1024 * 1024;

/** Runs a shell command and says how much memory the largest of its processes took, in KiB. */
const PEAK = `
import resource, subprocess, sys
code = subprocess.run(["sh", "-c", sys.argv[2]]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
`;

async function measure(site: Site, command: string): Promise<{ readonly seconds: number; readonly peakBytes: number }> {
  const report = join(site.path, "peak");
  const began = performance.now();
  await run(["python3", "-c", PEAK, report, command]);
  const seconds = (performance.now() - began) / 1000;
  return { seconds, peakBytes: Number(await Deno.readTextFile(report)) * 1024 };
}

Deno.test("a tar.gz context of 1 GiB", async (t) => {
  await prepared({ tools: ["python3"] });
  await using site = await startSite();
  const served = await Deno.makeTempDir({ prefix: "kiln-large-", ...memoryDirectory() });
  try {
    await site.write({ Dockerfile: "FROM scratch\nCOPY Dockerfile /\n" });
    for (let index = 0; index < FILES; index++) await site.write({ [`file${index}`]: noise(FILE_BYTES, index + 1) });
    const archive = join(served, "c.tar.gz");
    await run(["tar", "-C", site.context, "--use-compress-program=gzip -1", "-cf", archive, "."]);
    await Deno.remove(site.context, { recursive: true });
    await using nginx = await startNginx(served, { name: "me", password: "secret" });
    const executor = (context: string): string =>
      [...EXECUTOR, `--context=${context}`, "--no-push", `--work-dir=${site.work}`, "--log-format=text"].join(" ");

    await t.step("takes less than 200 MiB from a web server", async () => {
      const { seconds, peakBytes } = await measure(site, executor(`${nginx.url}/c.tar.gz`));
      const peer = await measure(
        site,
        `mkdir -p ${site.path}/peer && curl -sf ${nginx.url}/c.tar.gz | tar -C ${site.path}/peer -xz`,
      );
      await Deno.remove(join(site.path, "peer"), { recursive: true });
      console.log(
        `http: ${seconds.toFixed(1)} s, ${Math.round(peakBytes / MIB)} MiB; curl | tar: ${peer.seconds.toFixed(1)} s`,
      );
      assert.ok(peakBytes < 200 * MIB, `it took ${Math.round(peakBytes / MIB)} MiB`);
    });

    await t.step("takes less than 200 MiB from stdin", async () => {
      const { seconds, peakBytes } = await measure(site, `${executor("tar://stdin")} < ${archive}`);
      console.log(`stdin: ${seconds.toFixed(1)} s, ${Math.round(peakBytes / MIB)} MiB`);
      assert.ok(peakBytes < 200 * MIB, `it took ${Math.round(peakBytes / MIB)} MiB`);
    });
    await site.assertNothingLeft();
  } finally {
    await Deno.remove(served, { recursive: true });
  }
});
