/**
 * A context of 1 GiB in S3: how much memory it takes, and how long, beside what rclone (which checks digests, as we do)
 * and tar take for the same bytes from the same server in the same run.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { createS3Source } from "../../lib/contexts/s3.ts";
import { noise } from "../support/context_archive.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { EXECUTOR, memoryDirectory, startSite } from "../support/executor_site.ts";
import { fetchContext } from "../support/fetch_context.ts";
import { type S3Server, startS3Server } from "../support/s3_server.ts";

const FILES = 64;
const FILE_BYTES = 16 * 1024 * 1024;
const MIB = 1024 * 1024;

/** Stores an archive of 1 GiB that does not compress. */
async function storeLargeContext(server: S3Server): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-large-", ...memoryDirectory() });
  try {
    await Deno.writeTextFile(join(folder, "Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n");
    for (let index = 0; index < FILES; index++) {
      await Deno.writeFile(join(folder, `file${index}`), noise(FILE_BYTES, index + 1));
    }
    const tar = join(folder, "context.tar");
    await run(["tar", "-C", folder, "--exclude=./context.tar", "-cf", tar, "."]);
    await server.put("context.tar", await Deno.readFile(tar));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a command and says which of its processes took the most memory, and how much. */
const PEAK = `
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:]).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
`;

Deno.test("S3 context of 1 GiB", async (t) => {
  await prepared({ tools: ["python3", "rclone"] });
  await using server = await startS3Server("minio");
  await storeLargeContext(server);

  // Much of it is dead buffers of 64 KiB from sockets, which V8 collects only when there are 64 to 90 MB of them. The
  // aim is 200 MiB; this bound is what holds on a busy machine.
  await t.step("takes the executor less than 288 MiB of memory", async () => {
    await using site = await startSite();
    const peak = join(site.path, "peak");
    const { code, stderr } = await site.run(
      ["--context=s3://contexts/context.tar", "--no-push", "--verbosity=info"],
      { through: ["python3", "-c", PEAK, peak], env: server.env },
    );
    assert.equal(code, 0, stderr);
    const kib = Number(await Deno.readTextFile(peak));
    console.log(`  peak of ${EXECUTOR[0]?.split("/").at(-1)}: ${Math.round(kib / 1024)} MiB`);
    assert.ok(kib * 1024 < 288 * MIB, `it took ${Math.round(kib / 1024)} MiB`);
    await site.assertNothingLeft();
  });

  await t.step("takes no more than 1.3 times as long as rclone and tar", async () => {
    const ours: number[] = [];
    const theirs: number[] = [];
    const location = { kind: "s3", bucket: server.bucket, key: "context.tar" } as const;
    const source = `:s3,provider=Minio,env_auth=true,endpoint='http://${server.host}':${server.bucket}/context.tar`;
    const native = 'rclone copyto "$1" "$2/archive" && mkdir "$2/files" && tar -xf "$2/archive" -C "$2/files"';
    const env = { ...server.env, AWS_CA_BUNDLE: "" };
    for (let round = 0; round < 3; round++) {
      const folder = await Deno.makeTempDir({ prefix: "kiln-native-", ...memoryDirectory() });
      theirs.push(await timed(() => run(["sh", "-ec", native, "sh", source, folder], { env })));
      await Deno.remove(folder, { recursive: true });
      const began = performance.now();
      const look = (): void => void ours.push(performance.now() - began);
      // Reading the files back is the test's own business and not counted.
      await fetchContext((parts) => createS3Source(location, parts), { env: server.env, look, contents: false });
    }
    const [fastest, native3] = [Math.min(...ours), Math.min(...theirs)];
    const rate = (ms: number): string => `${Math.round(FILES * FILE_BYTES / 1e6 / (ms / 1000))} MB/s`;
    console.log(`  ours ${rate(fastest)}, rclone and tar ${rate(native3)}, ${(fastest / native3).toFixed(2)} times`);
    assert.ok(fastest <= 1.3 * native3, `${Math.round(fastest)} ms, against ${Math.round(native3)} ms`);
  });
});

async function timed(body: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await body();
  return performance.now() - began;
}
