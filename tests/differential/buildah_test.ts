/**
 * The same Dockerfiles built by Debian's buildah and by us: flattened trees and image configs are compared.
 *
 * A case is a folder of `cases/` (`tests/support/case_context.ts` says what may be in it). Where the two differ and
 * BuildKit's behaviour is ours, its file `differences` lists each difference below a line `# DOCUMENT SECTION: RULE`
 * that explains it; `cases/differences` lists those that any case may have. What is not listed fails, and so does what
 * is listed and no longer there.
 *
 * Dates of what the build made are "now" on both sides; all others must be the same. Histories are not compared.
 *
 * @module
 */
import assert from "node:assert/strict";
import { basename, join } from "node:path/posix";
import { type CaseContext, findCases, makeCaseContext } from "../support/case_context.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { type FlatImage, flatten } from "../support/environment/flatten.ts";
import { compareListings, type Listing } from "../support/environment/listing.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { EXECUTOR, memoryDirectory } from "../support/executor_site.ts";

const CASES = join(import.meta.dirname ?? ".", "cases");

Deno.test("Debian's buildah and we make the same images but for the differences listed", async (t) => {
  await prepared({ tools: ["buildah"], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  const folder = await Deno.makeTempDir({ prefix: "kiln-differential-", ...memoryDirectory() });
  const common = await explained(CASES);
  const seen = new Set<string>();
  try {
    for (const from of findCases(CASES)) {
      await t.step(basename(from), async () => {
        const to = join(folder, basename(from));
        await Deno.mkdir(to);
        // Before the context is made: directories that an archive implies have the times of what it does hold.
        const started = Math.floor(Date.now() / 1000);
        const context = await makeCaseContext({ from, to, registry: registry.host });
        const [ours, theirs] = await Promise.all([buildOurs(context, to), buildTheirs(context, folder)]);
        const [left, right] = [await flatten(ours), await flatten(theirs)];
        const differences = compare(left, right, started);
        differences.forEach((line) => seen.add(line));
        assert.deepEqual(differences.filter((line) => !common.includes(line)), await explained(from));
        await Deno.remove(to, { recursive: true });
      });
    }
    await t.step("no difference is listed in vain", () => {
      assert.deepEqual(common.filter((line) => !seen.has(line)), []);
    });
  } finally {
    await buildah(folder, ["rmi", "--all", "--force"]);
    await run(["rm", "-rf", "--one-file-system", folder]);
  }
});

async function buildOurs(context: CaseContext, to: string): Promise<string> {
  const layout = join(to, "ours");
  await run([
    ...EXECUTOR,
    `--context=${context.context}`,
    `--dockerfile=${context.dockerfile}`,
    ...["--no-push", "--insecure-pull", "--log-format=text", `--work-dir=${join(to, "work")}`],
    `--oci-layout-path=${layout}`,
    ...context.flags,
  ]);
  return layout;
}

/** In Docker's format, because OCI's config has no room for SHELL, HEALTHCHECK and ONBUILD in buildah's eyes. */
async function buildTheirs(context: CaseContext, folder: string): Promise<string> {
  const archive = join(folder, `${basename(folder)}-${context.name.replaceAll("/", "-")}.tar`);
  const image = `localhost/${basename(context.name)}`;
  await buildah(folder, [
    ...["bud", "--isolation=chroot", "--format=docker", "--tls-verify=false", "--identity-label=false"],
    ...[`--tag=${image}`, `--file=${context.dockerfile}`],
    ...context.flags,
    context.context,
  ]);
  await buildah(folder, ["push", "--quiet", image, `docker-archive:${archive}`]);
  return archive;
}

async function buildah(folder: string, args: readonly string[]): Promise<void> {
  const storage = [`--root=${folder}/buildah`, `--runroot=${folder}/run`, "--storage-driver=vfs"];
  await run(["buildah", ...storage, ...args]);
}

function compare(ours: FlatImage, theirs: FlatImage, started: number): readonly string[] {
  const files = compareListings(settled(ours.files, started), settled(theirs.files, started));
  const config = compareFields(fieldsOf(ours), fieldsOf(theirs));
  return [...files, ...config].map((line) => line.replace(/ left\b/, " ours").replace(/ right$/, " theirs")).sort();
}

/** What the build itself made has any date since; digests are cut to what a person can compare. */
function settled(files: Listing, started: number): Listing {
  return new Map([...files].map(([path, file]) => {
    const mtime = Number(file.mtime) >= started ? "now" : file.mtime.replace(/\.0+$/, "");
    return [path, { ...file, mtime, ...file.sha256 === undefined ? {} : { sha256: file.sha256.slice(0, 12) } }];
  }));
}

/** What a runtime reads; absent and empty mean the same to it. */
const FIELDS = [
  ...["User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal"],
  ...["Healthcheck", "Shell", "OnBuild"],
];

function fieldsOf({ config }: FlatImage): Readonly<Record<string, unknown>> {
  const { architecture, os } = config;
  const settings = FIELDS.map((name) => [name, config.config?.[name]]);
  return { architecture, os, author: Reflect.get(config, "author"), ...Object.fromEntries(settings) };
}

function compareFields(
  ours: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): readonly string[] {
  return Object.keys(ours).flatMap((name) => {
    const [one, other] = [text(ours[name]), text(theirs[name])];
    return one === other ? [] : [`config ${name}: ${one} ours, ${other} theirs`];
  });
}

function text(value: unknown): string {
  const sorted = JSON.stringify(value, (_, inner) => {
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1));
  });
  return ["null", "[]", "{}", '""', undefined].includes(sorted) ? "absent" : sorted;
}

/** The differences a folder lists; each stands below the rule that explains it. */
async function explained(folder: string): Promise<readonly string[]> {
  const content = await Deno.readTextFile(join(folder, "differences")).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  });
  const lines = content.split("\n").filter((line) => line !== "");
  const rules = lines.filter((line) => line.startsWith("#"));
  if (lines.length > 0) assert.equal(lines[0], rules[0], "a rule stands before the differences it explains");
  for (const rule of rules) assert.match(rule, /^# (dockerfile|decisions) \d+(\.\d+)*: ./);
  return lines.filter((line) => !rules.includes(line)).sort();
}
