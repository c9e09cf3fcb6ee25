/**
 * BuildKit itself, built from its Go module at a pinned version: what expectations are recorded from. CI never starts
 * it; `scripts/record_differential.ts` does.
 *
 * `go install` refuses the module because of its `exclude` lines, so it is built as the main module, from a copy of
 * what the Go proxy has of it. The daemon gets a mount namespace, a state and a socket of its own, the host's network,
 * and Debian's runc.
 *
 * @module
 */
import { join } from "node:path/posix";
import type { CaseContext } from "./case_context.ts";
import { cached } from "./environment/cache.ts";
import { run, SEARCH_PATH } from "./environment/command.ts";
import { runGo } from "./environment/go.ts";
import { ensureTools } from "./environment/tools.ts";

/** The version whose behaviour counts. */
export const BUILDKIT_VERSION = "v0.32.1";

const MODULE = "github.com/moby/buildkit";

/** A running daemon. */
export interface BuildKit extends AsyncDisposable {
  /** Builds a case into an OCI layout in an empty folder; returns what it printed. Nothing is taken from a cache. */
  build(context: CaseContext, layout: string): Promise<BuildOutcome>;
}

/** How a build ended. */
export interface BuildOutcome {
  readonly succeeded: boolean;
  readonly output: string;
}

/** Starts the daemon. Needs root, and Go 1.26 where it was not built before. */
export async function startBuildKit(): Promise<BuildKit> {
  await ensureTools(["runc"]);
  const programs = await buildkitPrograms();
  const folder = await Deno.makeTempDir({ prefix: "kiln-buildkit-" });
  const address = `unix://${folder}/socket`;
  const log = join(folder, "log");
  const command = [
    join(programs, "buildkitd"),
    ...[`--root=${folder}/state`, `--addr=${address}`, "--containerd-worker=false", "--oci-worker=true"],
    ...["--oci-worker-net=host", "--oci-worker-snapshotter=overlayfs", "--allow-insecure-entitlement=network.host"],
  ];
  // runc takes the second hierarchy of a hybrid cgroup layout for cgroup v2.
  const script = 'log=$1; shift; umount -l /sys/fs/cgroup/unified 2> /dev/null; exec "$@" > "$log" 2>&1';
  const child = new Deno.Command("unshare", {
    args: ["--mount", "setpriv", "--pdeathsig", "KILL", "sh", "-c", script, "sh", log, ...command],
    env: { PATH: SEARCH_PATH },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let ended = false;
  void child.status.then(() => ended = true);
  const stop = async (): Promise<void> => {
    // Its children end with it, and what it has mounted goes with its namespace.
    if (!ended) child.kill("SIGTERM");
    await child.status;
    await run(["rm", "-rf", "--one-file-system", folder]);
  };
  const control = (args: readonly string[]) => [join(programs, "buildctl"), `--addr=${address}`, ...args];
  for (let waited = 0; waited < 60_000 && !ended; waited += 100) {
    if ((await run(control(["debug", "workers"]), { accept: [0, 1] })).code === 0) {
      return new Daemon(control, stop);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const said = await Deno.readTextFile(log);
  await stop();
  throw new Error(`Cannot start buildkitd: it said\n${said.slice(-2000)}`);
}

class Daemon implements BuildKit {
  readonly #control: (args: readonly string[]) => readonly string[];
  readonly #stop: () => Promise<void>;

  constructor(control: (args: readonly string[]) => readonly string[], stop: () => Promise<void>) {
    this.#control = control;
    this.#stop = stop;
  }

  async build(context: CaseContext, layout: string): Promise<BuildOutcome> {
    // --no-cache does not keep it from using a context or a directory that an earlier build has made.
    await run(this.#control(["prune", "--all"]));
    const archive = `${layout}.tar`;
    const folder = join(context.dockerfile, "..");
    const { code, stderr } = await run(
      this.#control([
        ...["build", "--progress=plain", "--no-cache", "--frontend=dockerfile.v0", "--opt=filename=Dockerfile"],
        ...[`--local=context=${context.context}`, `--local=dockerfile=${folder}`],
        // Keeps the syntax directive from fetching a frontend.
        "--opt=cmdline=none",
        ...context.flags.flatMap(translate),
        `--output=type=oci,dest=${archive}`,
      ]),
      { accept: [0, 1], env: context.environment },
    );
    if (code !== 0) return { succeeded: false, output: stderr };
    await run(["tar", "-xf", archive, "-C", layout]);
    await Deno.remove(archive);
    return { succeeded: true, output: stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

/** What buildctl calls a flag of the executor. */
function translate(flag: string): readonly string[] {
  const at = flag.indexOf("=");
  const [name, value] = at < 0 ? [flag, ""] : [flag.slice(0, at), flag.slice(at + 1)];
  switch (name) {
    case "--build-arg":
    case "--label":
      return [`--opt=${name.slice(2)}:${value}`];
    case "--target":
      return [`--opt=target=${value}`];
    case "--custom-platform":
      return [`--opt=platform=${value}`];
    case "--build-context":
      return translateContext(value);
    case "--secret":
    case "--ssh":
      return [`${name}=${value}`];
    default:
      throw new Error(`Cannot record with "${flag}": tests/support/buildkit.ts does not know what BuildKit calls it`);
  }
}

function translateContext(context: string): readonly string[] {
  const at = context.indexOf("=");
  const [name, place] = [context.slice(0, at), context.slice(at + 1)];
  if (place.startsWith("docker-image://")) return [`--opt=context:${name}=${place}`];
  return [`--local=${name}=${place}`, `--opt=context:${name}=local:${name}`];
}

/** The folder with buildkitd and buildctl. */
async function buildkitPrograms(): Promise<string> {
  return await cached({
    name: "buildkit",
    inputs: [MODULE, BUILDKIT_VERSION],
    what: `BuildKit ${BUILDKIT_VERSION} with "go build", about 5 min`,
    async make(folder): Promise<void> {
      const env = { GOFLAGS: "-buildvcs=false -mod=mod" };
      const { stdout } = await runGo(["mod", "download", "-json", `${MODULE}@${BUILDKIT_VERSION}`], { env });
      const source = join(folder, "source");
      await run(["cp", "-R", JSON.parse(stdout).Dir, source]);
      await run(["chmod", "-R", "u+w", source]);
      const packages = ["./cmd/buildkitd", "./cmd/buildctl"];
      await runGo(["build", "-ldflags=-s -w", "-o", folder, ...packages], { env, cwd: source });
      await run(["rm", "-rf", source]);
    },
  });
}
