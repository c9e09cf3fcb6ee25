/**
 * The builders that are timed, each as the shell text that builds, pushes and leaves nothing running.
 *
 * All start from empty state, take their base from the registry on loopback and push to a repository of their own.
 *
 * @module
 */
import { join } from "node:path/posix";
import { findProgram, run } from "../../tests/support/environment/command.ts";

/** What a builder is asked to build. */
export interface Job {
  /** An empty folder on a fresh file system, for all state. */
  readonly folder: string;
  readonly context: string;
  readonly dockerfile: string;
  /** `HOST/REPOSITORY:TAG`. */
  readonly destination: string;
}

/** A builder. */
export interface Builder {
  readonly name: string;
  /** The file names of its own programs, whose memory is told from that of what RUN starts. */
  readonly programs: readonly string[];
  /** Why it cannot be timed here; undefined when it can. */
  missing(): string | undefined;
  /** Untimed: makes what the command needs; returns pids of daemons that work for it. */
  before?(job: Job): Promise<readonly number[]>;
  command(job: Job): string;
}

/** How Kiln is started. */
export interface KilnCommand {
  readonly words: readonly string[];
}

/** Every builder, Kiln first. */
export function builders(kiln: KilnCommand): readonly Builder[] {
  return [kilnBuilder(kiln), buildah(), podman(), kaniko(), buildkit()];
}

function kilnBuilder({ words }: KilnCommand): Builder {
  const environment = (job: Job): string =>
    ["HOME", "XDG_CACHE_HOME", "TMPDIR"].map((name) => `${name}=${quote(join(job.folder, "kiln"))}`).join(" ");
  const start = words.map(quote).join(" ");
  return {
    name: "kiln",
    programs: ["deno", "executor"],
    missing: () => undefined,
    before: async (job) => {
      await Deno.mkdir(join(job.folder, "kiln"), { mode: 0o700 });
      // A self-extracting executor unpacks itself once per user, not once per build.
      await run(["sh", "-c", `env ${environment(job)} ${start} --version`]);
      return [];
    },
    command: (job) =>
      `env ${environment(job)} ${start} --context=dir://${quote(job.context)} --dockerfile=${quote(job.dockerfile)}` +
      ` --destination=${job.destination} --insecure --insecure-pull`,
  };
}

/** `--layers`: a layer per instruction, as everybody else makes them; the default of one per stage is less work. */
function buildah(): Builder {
  const verb = "build --layers --isolation chroot --network host --tls-verify=false";
  return {
    name: "buildah",
    programs: ["buildah"],
    missing: () => findProgram("buildah") === undefined ? "buildah is not installed" : undefined,
    command: (job) => {
      const buildah = `TMPDIR=/var/tmp buildah ${storage(job)}`;
      const build = `${buildah} ${verb} -t img -f ${quote(job.dockerfile)} ${quote(job.context)}`;
      return `${build} && ${buildah} push --tls-verify=false img docker://${job.destination}`;
    },
  };
}

function podman(): Builder {
  const verb = "build --layers --isolation chroot --network host --tls-verify=false";
  return {
    name: "podman",
    programs: ["podman"],
    missing: () => findProgram("podman") === undefined ? "podman is not installed" : undefined,
    command: (job) => {
      const podman = `podman ${storage(job)} --cgroup-manager cgroupfs`;
      const build = `${podman} ${verb} -t img -f ${quote(job.dockerfile)} ${quote(job.context)}`;
      return `${build} && ${podman} push --tls-verify=false img ${job.destination}`;
    },
  };
}

function storage(job: Job): string {
  return `--root ${quote(join(job.folder, "root"))} --runroot ${
    quote(join(job.folder, "runroot"))
  } --storage-driver overlay`;
}

/** kaniko builds in the root file system it runs in: it gets one of its own, as a container would give it. */
function kaniko(): Builder {
  const executor = Deno.env.get("KANIKO");
  return {
    name: "kaniko",
    programs: [(executor ?? "").split("/").at(-1) ?? ""],
    missing: () => executor === undefined ? "set KANIKO to the path of a kaniko executor" : undefined,
    before: async (job) => {
      const root = join(job.folder, "root");
      for (const folder of ["kaniko", "workspace", "dockerfile", "proc", "sys", "dev", "etc", "tmp"]) {
        await Deno.mkdir(join(root, folder), { recursive: true });
      }
      for (const file of ["kaniko/executor", "etc/resolv.conf", "etc/hosts"]) {
        await Deno.writeTextFile(join(root, file), "");
      }
      return [];
    },
    command: (job) => {
      const root = quote(join(job.folder, "root"));
      const binds: readonly (readonly [string, string])[] = [
        [executor ?? "", "kaniko/executor"],
        [job.context, "workspace"],
        [join(job.dockerfile, ".."), "dockerfile"],
        ["/etc/resolv.conf", "etc/resolv.conf"],
        ["/etc/hosts", "etc/hosts"],
        ["/dev", "dev"],
      ];
      const mounts = binds.map(([from, to]) => `mount --rbind ${quote(from)} ${root}/${to}`).join(" && ");
      const build = `/kaniko/executor --force --context=dir:///workspace --dockerfile=/dockerfile/Dockerfile` +
        ` --destination=${job.destination} --insecure --insecure-pull`;
      const inside =
        `${mounts} && mount -t proc proc ${root}/proc && cd ${root} && exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root ` +
        `DOCKER_CONFIG=/kaniko/.docker/ container=bench chroot . ${build}`;
      return `unshare --mount --pid --fork --kill-child --propagation private sh -ec ${quote(inside)}`;
    },
  };
}

/** A rootful buildkitd of its own; its start is not timed, its processor time and memory during the build count. */
function buildkit(): Builder {
  const [daemon, client] = [Deno.env.get("BUILDKITD"), Deno.env.get("BUILDCTL")];
  const address = (job: Job): string => `unix://${join(job.folder, "buildkitd.sock")}`;
  return {
    name: "buildkit",
    programs: [daemon, client].map((path) => (path ?? "").split("/").at(-1) ?? ""),
    missing: () =>
      daemon === undefined || client === undefined
        ? "set BUILDKITD and BUILDCTL to the paths of its programs"
        : undefined,
    before: async (job) => {
      const [host = ""] = job.destination.split("/");
      const config = join(job.folder, "buildkitd.toml");
      await Deno.writeTextFile(config, `[registry."${host}"]\n  http = true\n  insecure = true\n`);
      const flags = `--config ${quote(config)} --root ${quote(join(job.folder, "root"))} --addr ${quote(address(job))}`;
      const workers = "--oci-worker-net=host --oci-worker-snapshotter=overlayfs --containerd-worker=false";
      const log = quote(join(job.folder, "buildkitd.log"));
      const child = new Deno.Command("sh", {
        args: ["-c", `exec setpriv --pdeathsig KILL ${quote(daemon ?? "")} ${flags} ${workers} > ${log} 2>&1`],
        stdin: "null",
      }).spawn();
      child.unref();
      const ready = `for i in $(seq 100); do ${quote(client ?? "")} --addr ${
        quote(address(job))
      } debug workers && exit 0; sleep 0.1; done; exit 1`;
      const { code } = await run(["sh", "-c", ready], { accept: [0, 1] });
      if (code !== 0) {
        throw new Error(`Cannot start buildkitd: ${await Deno.readTextFile(join(job.folder, "buildkitd.log"))}`);
      }
      return [child.pid];
    },
    command: (job) => {
      const [folder, file] = [join(job.dockerfile, ".."), job.dockerfile.split("/").at(-1) ?? ""];
      const locals = `--local context=${quote(job.context)} --local dockerfile=${quote(folder)} --opt filename=${
        quote(file)
      }`;
      const output = `type=image,name=${job.destination},push=true,registry.insecure=true,unpack=false,store=false`;
      return `${quote(client ?? "")} --addr ${
        quote(address(job))
      } build --progress plain --frontend dockerfile.v0 ${locals}` +
        ` --output ${output}`;
    },
  };
}

function quote(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
