/**
 * Programs built from Go modules at pinned versions, kept in the cache folder: the real servers that tests talk to.
 *
 * @module
 */
import { join } from "node:path/posix";
import { cached } from "./environment/cache.ts";
import { findProgram, run, SEARCH_PATH } from "./environment/command.ts";

/** What to build. */
export interface GoProgram {
  /** The package to install: `github.com/minio/minio`. */
  readonly module: string;
  readonly version: string;
  /** How long it takes, for people who wait: `about 2 min`. */
  readonly time: string;
}

/** The servers of the suite. */
export const GO_PROGRAMS = {
  minio: { module: "github.com/minio/minio", version: "v0.0.0-20260212201848-7aac2a2c5b7c", time: "about 2 min" },
  versitygw: { module: "github.com/versity/versitygw/cmd/versitygw", version: "v1.8.0", time: "about 1 min" },
  fakeGcsServer: { module: "github.com/fsouza/fake-gcs-server", version: "v1.56.1", time: "about 1 min" },
} as const satisfies Record<string, GoProgram>;

/** Returns the path of the program, which is built when it is not in the cache. */
export async function goProgram({ module, version, time }: GoProgram): Promise<string> {
  const name = module.replace(/\/v[0-9]+$/, "").split("/").at(-1) ?? module;
  const folder = await cached({
    name: `go-${name}`,
    inputs: [module, version],
    what: `${name} ${version} with "go install", ${time}`,
    async make(folder): Promise<void> {
      const go = findProgram("go");
      if (go === undefined) throw new Error(`Cannot build ${name}: there is no "go" (1.26 or later) in PATH`);
      const env = { GOBIN: folder, GOFLAGS: "-buildvcs=false", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
      await run([go, "install", "-ldflags=-s -w", `${module}@${version}`], { env: { ...env, PATH: SEARCH_PATH } });
    },
  });
  return join(folder, name);
}
