/**
 * Which packages of npm are in the bundle: those whose code is, as the bundler's source maps tell, and no other that
 * the lock file may name.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path/posix";
import { runDeno } from "../build/run_deno.ts";

/** A package in the bundle. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** As npm writes it: `sha512-` and base64. */
  readonly integrity: string;
  /** What its package.json says. */
  readonly license: string;
  /** The packages it needs that are in the bundle as well, as `name@version`. */
  readonly dependencies: readonly string[];
}

/** The entry modules of the bundle. */
const ENTRIES: readonly string[] = ["main.ts", "lib/worker.ts"];

/** Returns the packages in the bundle of `source`, sorted by name and version. */
export async function bundledPackages(source: string): Promise<readonly BundledPackage[]> {
  const known = await knownPackages(source);
  const lock: Lock = JSON.parse(await Deno.readTextFile(join(source, "deno.lock")));
  const used = new Set<string>();
  for (const path of await bundledFiles(source)) {
    for (const [id, { localPath }] of known) if (path.startsWith(`${localPath}/`)) used.add(id);
  }
  const nameOf = (id: string): string => `${known.get(id)?.name}@${known.get(id)?.version}`;
  const packages = await Promise.all(
    [...used].map(async (id): Promise<BundledPackage> => {
      const { name, version, localPath, dependencies } = known.get(id) ?? unreachable(id);
      const { license } = JSON.parse(await Deno.readTextFile(join(localPath, "package.json")));
      const integrity = lock.npm[id]?.integrity;
      if (integrity === undefined) throw new Error(`Cannot list ${id}: deno.lock does not hold it`);
      return {
        name,
        version,
        integrity,
        license: typeof license === "string" ? license : "NOASSERTION",
        dependencies: [...new Set(dependencies.filter((other) => used.has(other)).map(nameOf))].sort(),
      };
    }),
  );
  // One package may be there for several sets of peers.
  const distinct = new Map(packages.map((bundled) => [`${bundled.name}@${bundled.version}`, bundled]));
  return [...distinct].sort(([a], [b]) => a < b ? -1 : 1).map(([, bundled]) => bundled);
}

interface Lock {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

interface KnownPackage {
  readonly name: string;
  readonly version: string;
  readonly localPath: string;
  /** Keys of the same map. */
  readonly dependencies: readonly string[];
}

/** All packages of the lock file, by Deno's id. */
async function knownPackages(source: string): Promise<ReadonlyMap<string, KnownPackage>> {
  const found = new Map<string, KnownPackage>();
  for (const entry of ENTRIES) {
    const { success, said } = await runDeno(["info", "--json", entry], { cwd: source });
    if (!success) throw new Error(`Cannot list the packages of ${entry}:\n${said}`);
    const { npmPackages }: { readonly npmPackages: Readonly<Record<string, KnownPackage>> } = JSON.parse(said);
    for (const [id, known] of Object.entries(npmPackages)) found.set(id, known);
  }
  return found;
}

/** The files that have code in the bundle, absolute. */
async function bundledFiles(source: string): Promise<ReadonlySet<string>> {
  const scratch = await Deno.makeTempDir({ prefix: "kiln-maps-" });
  try {
    const flags = ["--quiet", "--platform", "deno", "--minify", "--code-splitting", "--sourcemap=external"];
    const { success, said } = await runDeno(["bundle", ...flags, "--outdir", scratch, ...ENTRIES], { cwd: source });
    if (!success) throw new Error(`Cannot bundle "${source}":\n${said}`);
    const files = new Set<string>();
    for (const folder of [scratch, join(scratch, "lib")]) {
      for await (const { name } of Deno.readDir(folder)) {
        if (!name.endsWith(".map")) continue;
        const path = join(folder, name);
        const { sources }: { readonly sources: readonly string[] } = JSON.parse(await Deno.readTextFile(path));
        for (const one of sources) files.add(resolve(dirname(path), one));
      }
    }
    return files;
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function unreachable(id: string): never {
  throw new Error(`Unreachable: ${id} is not known`);
}
