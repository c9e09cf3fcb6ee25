/**
 * The cache folder for what is slow to make: base images, workloads, compiled tools.
 *
 * `$KILN_TEST_CACHE`, or `~/.cache/kiln-test`. Things are made under another name and renamed when complete, behind a
 * lock, so that tests may run side by side, in one process or many, and an interrupted run leaves nothing half made.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { tell } from "./tell.ts";

/** A thing to keep in the cache. */
export interface Recipe {
  /** File name friendly; several recipes may share it. */
  readonly name: string;
  /** Everything the result depends on; a change makes it anew. */
  readonly inputs: readonly string[];
  /** What to say while it is made, for example `a Debian base with debootstrap, about 30 s`. */
  readonly what: string;
  /** Fills an empty folder. */
  make(folder: string): Promise<void>;
}

/** The cache folder, which exists after the call. */
export function cacheFolder(): string {
  const home = Deno.env.get("HOME") ?? "/root";
  const folder = Deno.env.get("KILN_TEST_CACHE") ??
    join(Deno.env.get("XDG_CACHE_HOME") ?? join(home, ".cache"), "kiln-test");
  Deno.mkdirSync(folder, { recursive: true });
  return folder;
}

/** Returns the folder a recipe filled, filling it first when it is not there. */
export async function cached(recipe: Recipe): Promise<string> {
  const key = createHash("sha256").update(JSON.stringify(recipe.inputs)).digest("hex").slice(0, 12);
  const folder = join(cacheFolder(), `${recipe.name}-${key}`);
  if (exists(folder)) return folder;
  await locked(`${recipe.name}-${key}`, async () => {
    if (exists(folder)) return;
    const started = performance.now();
    tell(`making ${recipe.what}`);
    const making = await Deno.makeTempDir({ dir: cacheFolder(), prefix: `.making-${recipe.name}-` });
    try {
      await recipe.make(making);
      // The temporary folder is 0700; what it becomes is read by other users in some tests.
      await Deno.chmod(making, 0o755);
      await Deno.rename(making, folder);
    } catch (error) {
      await Deno.remove(making, { recursive: true });
      throw error;
    }
    tell(`made ${recipe.what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  });
  return folder;
}

/** Runs `body` while no other process or test holds the lock of that name. */
export async function locked<T>(name: string, body: () => Promise<T>): Promise<T> {
  const folder = join(cacheFolder(), "locks");
  await Deno.mkdir(folder, { recursive: true });
  using file = await Deno.open(join(folder, name), { create: true, write: true });
  await file.lock(true);
  return await body();
}

function exists(path: string): boolean {
  try {
    return Deno.lstatSync(path) !== undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
