/**
 * What a user sees: each folder `specs/<topic>/<case>/` holds a Dockerfile, its context, and the image it means.
 *
 * `tests/support/case_context.ts` says what a case may hold besides, `tests/support/render_image.ts` how `expected` is
 * written. The expected images are derived from `dockerfile.md`, not recorded. All backends must give them, that of an
 * ordinary user with ranges of ids included.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path/posix";
import { findCases, makeCaseContext } from "./support/case_context.ts";
import { run } from "./support/environment/command.ts";
import { prepared } from "./support/environment/environment.ts";
import { flatten } from "./support/environment/flatten.ts";
import { startRegistry } from "./support/environment/registry_server.ts";
import { EXECUTOR, memoryDirectory } from "./support/executor_site.ts";
import { asOrdinaryUser } from "./support/ordinary_user.ts";
import { renderImage } from "./support/render_image.ts";

const ISOLATIONS = ["overlay", "userns", "chroot"] as const;
const SPECS = join(import.meta.dirname ?? ".", "specs");

for (const topic of Deno.readDirSync(SPECS)) {
  Deno.test(`${topic.name}, every spec gives the image it means`, async (t) => {
    const { layouts } = await prepared({ tools: ["newuidmap", "setpriv"], bases: ["busybox"] });
    await using registry = await startRegistry({ bases: ["busybox"] });
    const bases = [await flatten(layouts.busybox ?? "")];
    const folder = await Deno.makeTempDir({ prefix: "kiln-specs-", ...memoryDirectory() });
    try {
      for (const from of findCases(join(SPECS, topic.name))) {
        const name = relative(SPECS, from);
        await t.step(name, async () => {
          const to = join(folder, name.replace("/", "-"));
          await Deno.mkdir(to);
          const context = await makeCaseContext({ from, to, registry: registry.host });
          const expected = (await Deno.readTextFile(join(from, "expected"))).split("\n");
          const isolations = ISOLATIONS.filter((name) => context.isolations?.includes(name) ?? true);
          await Promise.all(isolations.map(async (isolation) => {
            const started = Math.floor(Date.now() / 1000);
            const layout = join(to, isolation);
            const work = join(to, `${isolation}-work`);
            await run([
              ...isolation === "userns" ? asOrdinaryUser({ ids: "many ranges", owns: [folder, to] }) : [],
              ...EXECUTOR,
              ...[`--context=${context.context}`, `--dockerfile=${context.dockerfile}`, `--work-dir=${work}`],
              ...["--no-push", "--insecure-pull", "--log-format=text", `--isolation=${isolation}`],
              `--oci-layout-path=${layout}`,
              ...context.flags,
            ], { env: context.environment });
            const rendered = await renderImage(layout, { bases, started });
            assert.deepEqual(rendered.split("\n"), expected, `with --isolation=${isolation}`);
          }));
        });
      }
    } finally {
      await run(["rm", "-rf", "--one-file-system", folder]);
    }
  });
}
