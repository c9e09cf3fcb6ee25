/**
 * F26: a build that is killed at any moment leaves no mount and no process, and the next one on the same work directory
 * makes the same image and leaves nothing at all. In place, the container has its own files again.
 *
 * @module
 */
import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, type Running, startSite } from "../support/executor_site.ts";
import { startKeptContainer } from "../support/kept_container.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? 200);

const DOCKERFILE = `FROM BASE AS build
ENV MARK={MARK}
RUN mkdir /out && head -c 3000000 /dev/urandom > /tmp/noise && for i in 1 2 3 4 5; do echo $i > /out/$i; done && rm /tmp/noise
RUN (sleep 60 &) ; seq 20000 > /out/numbers
FROM BASE
ENV MARK={MARK}
COPY --from=build /out/ /srv/
COPY . /app/
RUN find /srv /app -type f | sort > /list && touch -d @1600000000 /list && sleep 0.05
USER 1000
RUN id -u > /tmp/user && touch -d @1600000000 /tmp/user
`;

for (const isolation of ["overlay", "chroot", "in-place"]) {
  Deno.test(`F26 build killed at ${KILLS / 2} random moments, leaves nothing and is repeated exactly (${isolation})`, async () => {
    await prepared({ tools: [], bases: ["busybox"] });
    await using registry = await startRegistry({ bases: ["busybox"] });
    await using site = await startSite({ Dockerfile: DOCKERFILE.replaceAll("BASE", registry.base("busybox")) });
    for (let number = 0; number < 50; number++) {
      await site.write({ [`files/${number}`]: `content ${number}\n`.repeat(number * 100) });
    }
    const args = [
      "--insecure",
      "--insecure-pull",
      `--isolation=${isolation}`,
      `--destination=${registry.host}/killed:1`,
      "--compression-level=1",
    ];
    const container = isolation === "in-place" ? await startKeptContainer(site) : undefined;
    const before = await container?.list();
    const options = { env: { SOURCE_DATE_EPOCH: "1700000000" }, through: container?.through ?? [] };
    const began = performance.now();
    const clean = succeeded(await site.run(args, options));
    const wholeMs = performance.now() - began;
    for (let round = 0; round < KILLS / 2; round++) {
      const running = site.start(args, options);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * wholeMs * 1.1));
      killHard(running);
      await running.outcome;
      await site.assertNothingRuns();
      assert.equal(succeeded(await site.run(args, options)), clean, `after kill ${round}`);
      await site.assertNothingLeft();
      assert.deepEqual(await container?.list(), before, `after kill ${round}`);
    }
  });
}

function killHard(running: Running): void {
  try {
    running.kill("SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof TypeError)) throw error; // it has ended already
  }
}

/** Returns the digest of the image. */
function succeeded({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stderr);
  const digest = /sha256:[0-9a-f]{64}$/m.exec(stdout)?.[0];
  assert.ok(digest, stdout);
  return digest;
}
