/**
 * What a user sees: each folder `specs/<topic>/<case>/` holds a Dockerfile, its context, and the image it means.
 *
 * `tests/support/case_context.ts` says what a case may hold besides, `tests/support/render_image.ts` how `expected` is
 * written. The expected images are derived from `dockerfile.md`, not recorded. All backends must give them, that of an
 * ordinary user with ranges of ids and that of a container without mounts included; what an isolation cannot do is in a
 * file of its name: lines of `expected` after `-` and what is in their place after `+`, or the error that is said instead.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path/posix";
import { inContainer } from "./support/container.ts";
import { findCases, makeCaseContext } from "./support/case_context.ts";
import { run } from "./support/environment/command.ts";
import { prepared } from "./support/environment/environment.ts";
import { flatten } from "./support/environment/flatten.ts";
import { startRegistry } from "./support/environment/registry_server.ts";
import { EXECUTOR, memoryDirectory } from "./support/executor_site.ts";
import { asOrdinaryUser } from "./support/ordinary_user.ts";
import { renderImage } from "./support/render_image.ts";

const ISOLATIONS = ["overlay", "userns", "chroot", "in-place"] as const;
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
          const runs = /\bRUN\b/.test(await Deno.readTextFile(context.dockerfile));
          const isolations = ISOLATIONS.filter((name) => {
            // Without commands it is chroot under another name.
            return (context.isolations?.includes(name) ?? true) && (runs || name !== "in-place");
          });
          await Promise.all(isolations.map(async (isolation) => {
            const started = Math.floor(Date.now() / 1000);
            const layout = join(to, isolation);
            const work = join(to, `${isolation}-work`);
            const deviation = await readDeviation(join(from, isolation), expected);
            const { stderr } = await run([
              ...isolation === "userns" ? asOrdinaryUser({ ids: "many ranges", owns: [folder, to] }) : [],
              ...isolation === "in-place" ? await inContainer({ site: { path: to } }) : [],
              ...EXECUTOR,
              ...[`--context=${context.context}`, `--dockerfile=${context.dockerfile}`, `--work-dir=${work}`],
              ...["--no-push", "--insecure-pull", "--log-format=text", `--isolation=${isolation}`],
              `--oci-layout-path=${layout}`,
              ...context.flags,
            ], { env: context.environment, accept: [deviation.error === undefined ? 0 : 77] });
            if (deviation.error !== undefined) {
              assert.ok(stderr.includes(deviation.error), stderr);
              return;
            }
            const rendered = await renderImage(layout, { bases, started });
            assert.deepEqual(rendered.split("\n"), deviation.expected, `with --isolation=${isolation}`);
          }));
        });
      }
    } finally {
      await run(["rm", "-rf", "--one-file-system", folder]);
    }
  });
}

interface Deviation {
  readonly expected: readonly string[];
  /** What is said in place of building. */
  readonly error?: string;
}

/** Reads how an isolation deviates; without a file of its name it does not. */
async function readDeviation(path: string, expected: readonly string[]): Promise<Deviation> {
  const text = await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.some((line) => !/^[-+]/.test(line))) return { expected, error: lines.join("\n") };
  const changed = [...expected];
  for (let at = 0; at < lines.length; at += 2) {
    const [without, instead] = [lines[at], lines[at + 1]].map((line = "") => line.slice(1));
    const found = changed.indexOf(without ?? "");
    if (found < 0 || instead === undefined) throw new Error(`${path}: "${without}" is not expected anyway`);
    changed[found] = instead;
  }
  return { expected: changed };
}
