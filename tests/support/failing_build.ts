/**
 * Builds that must fail, as tables: what is built, and the whole text and exit code of the failure.
 *
 *     testFailures("COPY", [
 *       { shows: "of a missing source", dockerfile: "FROM scratch\nCOPY a /\n", code: 66, error: "...", lines: [2, 2] },
 *     ]);
 *
 * Each row is run by the executor as a process, with a registry of its own that every destination is in. The text is
 * compared whole, so a stack trace or a second error cannot slip through; and after every failure nothing
 * may be left: no process, mount or directory of the build, no manifest or upload session in the registry, no image in
 * an output.
 *
 * In Dockerfiles, files and flags, and in the expected text, `{HOST}` stands for the registry, `{BASE}` for the
 * busybox image in it, `{SIZE}` for the size of its layer, `{SITE}` for the test's own directory and `{CONTEXT}` for the
 * context. `{DIGEST}` in the expected text stands for any digest.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { type Site, type SiteFiles, type StartOptions, startSite } from "./executor_site.ts";
import { addBase } from "./registry_base.ts";
import { type FaultRegistry, startFaultRegistry } from "./registry_fault.ts";

/** What is built, and how. */
export interface FailingBuild extends StartOptions {
  readonly dockerfile?: string;
  readonly files?: SiteFiles;
  /** Added to `--destination`, `--insecure` and `--insecure-pull`. */
  readonly args?: readonly string[];
  /** In place of all flags but the context and the work directory. */
  readonly onlyArgs?: readonly string[];
  /** Breaks the registry or the site before the build. */
  readonly arrange?: (registry: FaultRegistry, site: Site) => void | Promise<void>;
  /** What the build may have made in the site's directory besides the work directory. */
  readonly made?: readonly string[];
  /** Looks at what else must be true afterwards. */
  readonly verify?: (registry: FaultRegistry, site: Site) => void | Promise<void>;
}

/** What must be told. */
export interface ToldFailure {
  /** What follows `error: `; several, when several parts of the build fail. */
  readonly error: string | readonly string[];
  /** The lines of the Dockerfile that must be shown as faulty, with those around them. */
  readonly lines?: readonly [first: number, last: number];
  readonly hint?: string;
}

/** How it must fail. */
export interface ExpectedFailure extends ToldFailure {
  readonly code: number;
}

/** A row of a table. */
export interface FailureRow extends FailingBuild, ExpectedFailure {
  readonly shows: string;
}

/** Defines one test per row. */
export function testFailures(subject: string, rows: readonly FailureRow[]): void {
  for (const row of rows) Deno.test(`${subject} ${row.shows}`, () => assertFails(row));
}

/** Runs a build and checks its failure. */
export async function assertFails(build: FailingBuild & ExpectedFailure): Promise<void> {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  let size = 0;
  const fill = (text: string): string =>
    text.replaceAll("{HOST}", registry.host).replaceAll("{BASE}", `${registry.host}/base/busybox:latest`)
      .replaceAll("{CONTEXT}", site.context).replaceAll("{SITE}", site.path).replaceAll("{SIZE}", String(size));
  if (JSON.stringify(build).includes("{BASE}")) {
    size = await addBase(registry, "busybox");
  }
  const files = { ...build.files, ...(build.dockerfile === undefined ? {} : { Dockerfile: build.dockerfile }) };
  await site.write(Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, typeof content === "string" ? fill(content) : content]),
  ));
  await build.arrange?.(registry, site);
  const ordinary = ["--destination={HOST}/out/image:1", "--insecure", "--insecure-pull", ...build.args ?? []];
  const args = (build.onlyArgs ?? ordinary).map(fill);
  const { code, stderr, stdout } = await site.run(args, {
    ...build,
    env: { DOCKER_CONFIG: join(site.path, "home/.docker"), ...build.env },
  });
  const text = fill(failureText(build, fill(build.dockerfile ?? "")));
  const told = errorIn(stderr);
  const hide = (digests: string): string =>
    text.includes("{DIGEST}") ? digests.replaceAll(/sha256:[0-9a-f]{64}/g, "{DIGEST}") : digests;
  assert.equal(hide(told), hide(text), `Exit code ${code}\n${stdout}${stderr}`);
  assert.equal(code, build.code, stderr);
  await site.assertNothingLeft();
  assert.deepEqual([...registry.manifests.keys()].filter((key) => key.startsWith("out/")), [], "an image was pushed");
  assert.equal(registry.sessions.size, 0, "upload sessions are left");
  const made = [...Deno.readDirSync(site.path)].map(({ name }) => name);
  const allowed = ["context", "home", "work", ...build.made ?? []];
  assert.deepEqual(made.filter((name) => !allowed.includes(name)), [], "files were made");
  assert.deepEqual([...Deno.readDirSync(join(site.path, "home"))].filter(({ name }) => name !== ".docker"), []);
  await build.verify?.(registry, site);
}

/** Returns what stands from the first `error:` on. */
export function errorIn(stderr: string): string {
  const lines = stderr.trimEnd().split("\n");
  const start = lines.findIndex((line) => line.startsWith("error: "));
  return start < 0 ? "" : lines.slice(start).join("\n");
}

/** Returns the whole text of a failure. */
export function failureText({ error, lines, hint }: ToldFailure, dockerfile: string): string {
  return [
    ...[error].flat().map((each) => `error: ${each}`),
    ...(lines === undefined ? [] : excerptOf(dockerfile, lines)),
    ...(hint === undefined ? [] : [`hint: ${hint}`]),
  ].join("\n");
}

/** Around one faulty line up to four others are shown, around several two; as many before as after. */
function excerptOf(dockerfile: string, [first, last]: readonly [number, number]): readonly string[] {
  const around = first === last ? 2 : 1;
  const rule = "-".repeat(20);
  const shown = dockerfile.trimEnd().split("\n").flatMap((line, at) => {
    const number = at + 1;
    if (number < first - around || number > last + around) return [];
    const mark = number >= first && number <= last ? ">>>" : "   ";
    return [` ${String(number).padStart(3)} | ${mark} ${showLine(line)}`.trimEnd()];
  });
  return [`Dockerfile:${first}`, rule, ...shown, rule];
}

/** Long lines are cut, and what a terminal would obey is escaped. */
function showLine(line: string): string {
  const text = line.endsWith("\r") ? line.slice(0, -1) : line;
  const shown = text.length <= 400 ? text : `${text.slice(0, 400)}...`;
  return shown.replaceAll("\0", "\\x00").replaceAll("\ufeff", "");
}
