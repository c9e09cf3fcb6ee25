/**
 * Packages of npm as folders, by `npm pack`, which checks them against the registry's digest.
 *
 * @module
 */
import { join } from "node:path/posix";
import { command } from "../command.ts";

/** A package at one version. */
export interface NpmPackage {
  readonly name: string;
  readonly version: string;
}

/** Unpacks it and returns the folder; it stays in `cache` for the next time. */
export async function fetchPackage({ name, version }: NpmPackage, cache: string): Promise<string> {
  const folder = join(cache, `${name.replaceAll("/", "+")}@${version}`);
  if (await isThere(folder)) return join(folder, "package");
  await Deno.mkdir(cache, { recursive: true });
  const scratch = await Deno.makeTempDir({ dir: cache, prefix: ".fetching-" });
  try {
    await command(["npm", "pack", "--silent", `${name}@${version}`], { cwd: scratch });
    await command(["sh", "-ec", "tar -xzf ./*.tgz && rm ./*.tgz"], { cwd: scratch });
    await Deno.rename(scratch, folder);
  } catch (error) {
    await Deno.remove(scratch, { recursive: true });
    // Somebody else was faster.
    if (!await isThere(folder)) throw error;
  }
  return join(folder, "package");
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
