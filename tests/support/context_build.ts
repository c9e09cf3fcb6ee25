/**
 * Builds whose context is fetched, and what their images hold.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { run } from "./environment/command.ts";
import { flatten } from "./environment/flatten.ts";
import { type Outcome, type Site, type StartOptions } from "./executor_site.ts";
import { errorIn } from "./failing_build.ts";

/** A context whose image is the context itself. */
export const COPY_ALL = "FROM scratch\nCOPY . /\n";

/** Makes an archive of the site's context by GNU tar and returns its path. */
export async function packContext(site: Site, name: string, compress: readonly string[] = []): Promise<string> {
  const path = join(site.path, name);
  await run(["tar", "--format=posix", "-C", site.context, ...compress, "-cf", path, "."]);
  return path;
}

/** Builds from a context and returns what the executor said; the image goes to `image` in the site's directory. */
export function buildFrom(
  site: Site,
  context: string,
  { args = [], ...options }: StartOptions & { readonly args?: readonly string[] } = {},
): Promise<Outcome> {
  const image = join(site.path, "image");
  return site.run([`--context=${context}`, "--no-push", `--oci-layout-path=${image}`, ...args], options);
}

/** Builds and returns the paths of all files in the image, sorted; directories end in "/". */
export async function filesFrom(
  site: Site,
  context: string,
  options: StartOptions & { readonly args?: readonly string[] } = {},
): Promise<readonly string[]> {
  const { code, stderr } = await buildFrom(site, context, options);
  assert.equal(code, 0, stderr);
  await site.assertNothingLeft();
  return await imageFiles(site);
}

/** Returns the paths of the image that was built. */
export async function imageFiles(site: Site): Promise<readonly string[]> {
  const { files } = await flatten(join(site.path, "image"));
  return [...files].flatMap(([path, { type }]) => path === "/" ? [] : [type === "directory" ? `${path}/` : path])
    .sort();
}

/** How a build must fail. */
export interface ContextFailure {
  readonly code: number;
  /** What follows `error: `. */
  readonly error: string | RegExp;
}

/** Builds, and checks that it fails as it must and leaves nothing: no process, no directory, no image. */
export async function assertContextFails(
  site: Site,
  context: string,
  { code, error, ...options }: ContextFailure & StartOptions & { readonly args?: readonly string[] },
): Promise<Outcome> {
  const outcome = await buildFrom(site, context, options);
  const told = errorIn(outcome.stderr).split("\n")[0]?.slice("error: ".length) ?? "";
  if (typeof error === "string") assert.equal(told, error, outcome.stderr);
  else assert.match(told, error, outcome.stderr);
  assert.equal(outcome.code, code, outcome.stderr);
  await site.assertNothingLeft();
  await assert.rejects(Deno.stat(join(site.path, "image", "index.json")), Deno.errors.NotFound, "an image was written");
  return outcome;
}
