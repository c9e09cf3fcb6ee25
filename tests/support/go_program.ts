/**
 * Programs built from Go modules, kept in the cache folder: real servers at pinned versions that tests talk to, and
 * small programs of our own where only Go has the library.
 *
 * @module
 */
import { basename, join } from "node:path/posix";
import { cached } from "./environment/cache.ts";
import { runGo } from "./environment/go.ts";

/** What to build. */
export interface GoProgram {
  /** The package to install: `github.com/minio/minio`. */
  readonly module: string;
  readonly version: string;
  /** How long it takes, for people who wait: `about 2 min`. */
  readonly time: string;
  /** For programs with code in C, which needs a compiler: build tags. */
  readonly c?: { readonly tags: readonly string[] };
}

/** The servers of the suite. */
export const GO_PROGRAMS = {
  minio: { module: "github.com/minio/minio", version: "v0.0.0-20260212201848-7aac2a2c5b7c", time: "about 2 min" },
  versitygw: { module: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0", time: "about 1 min" },
  fakeGcsServer: { module: "github.com/fsouza/fake-gcs-server", version: "v1.56.1", time: "about 1 min" },
} as const satisfies Record<string, GoProgram>;

/** Returns the path of the program, which is built when it is not in the cache. */
export async function goProgram({ module, version, time, c }: GoProgram): Promise<string> {
  const name = module.replace(/\/v[0-9]+$/, "").split("/").at(-1) ?? module;
  const folder = await cached({
    name: `go-${name}`,
    inputs: [module, version, ...c?.tags ?? []],
    what: `${name} ${version} with "go install", ${time}`,
    async make(folder): Promise<void> {
      const tags = c === undefined ? [] : [`-tags=${c.tags.join(",")}`];
      const env = { GOBIN: folder, ...c === undefined ? {} : { CGO_ENABLED: "1" } };
      await runGo(["install", "-ldflags=-s -w", ...tags, `${module}@${version}`], { env });
    },
  });
  return join(folder, name);
}

/** Returns the path of a program of our own: a folder with a Go module, built when it is not in the cache. */
export async function ownGoProgram(source: string): Promise<string> {
  const name = basename(source);
  const files = [...Deno.readDirSync(source)].map((entry) => entry.name).sort();
  const folder = await cached({
    name: `go-${name}`,
    inputs: files.flatMap((file) => [file, Deno.readTextFileSync(join(source, file))]),
    what: `${name} with "go build", about 1 min`,
    async make(folder): Promise<void> {
      await runGo(["build", "-trimpath", "-ldflags=-s -w", "-o", join(folder, name), "."], { cwd: source });
    },
  });
  return join(folder, name);
}
