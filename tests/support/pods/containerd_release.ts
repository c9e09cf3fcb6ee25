/**
 * The containerd and runc that a node runs: Debian's, or newer ones from the Go module proxy, which know user
 * namespaces for pods.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { prepared } from "../environment/environment.ts";
import type { LocalRegistry } from "../environment/registry_server.ts";
import { type GoProgram, goProgram } from "../go_program.ts";

/** Which one. */
export type ContainerdRelease = "debian" | "user namespaces";

/** How to start it. */
export interface ContainerdProgram {
  readonly path: string;
  /** Folders that its own programs are found in, besides those of the machine. */
  readonly searchPath: readonly string[];
  /** Its configuration; files that it names are written to `folder`. */
  configure(folder: string, registry: LocalRegistry): Promise<string>;
}

/** Installs or builds it. */
export async function containerdProgram(release: ContainerdRelease): Promise<ContainerdProgram> {
  if (release === "debian") {
    await prepared({ tools: ["containerd", "runc"] });
    return {
      path: "containerd",
      searchPath: [],
      configure: (folder, registry) => Promise.resolve(debianSettings(folder, registry)),
    };
  }
  await prepared({ tools: ["gcc", "/usr/include/stdio.h", "pkg-config", "/usr/include/seccomp.h"] });
  const programs = [];
  for (const program of [CONTAINERD, SHIM, RUNC]) programs.push(await goProgram(program));
  const [path = ""] = programs;
  return { path, searchPath: programs.map((program) => dirname(program)), configure: newSettings };
}

const VERSION = "v2.3.7";
const CONTAINERD: GoProgram = {
  module: "github.com/containerd/containerd/v2/cmd/containerd",
  version: VERSION,
  time: "about 2 min",
};
const SHIM: GoProgram = {
  module: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
  version: VERSION,
  time: "about 10 s",
};
const RUNC: GoProgram = {
  module: "github.com/opencontainers/runc",
  version: "v1.5.3",
  time: "about 20 s",
  c: { tags: ["seccomp"] },
};

function debianSettings(folder: string, registry: LocalRegistry): string {
  const cri = '"io.containerd.grpc.v1.cri"';
  return `version = 2
${places(folder)}
[plugins.${cri}]
  sandbox_image = "${registry.base("pause")}"
  restrict_oom_score_adj = true
  [plugins.${cri}.registry.mirrors."${registry.host}"]
    endpoint = ["http://${registry.host}"]
`;
}

async function newSettings(folder: string, registry: LocalRegistry): Promise<string> {
  const hosts = join(folder, "hosts", registry.host);
  await Deno.mkdir(hosts, { recursive: true });
  await Deno.writeTextFile(
    join(hosts, "hosts.toml"),
    `[host."http://${registry.host}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
  const [images, runtime] = ['"io.containerd.cri.v1.images"', '"io.containerd.cri.v1.runtime"'];
  return `version = 3
${places(folder)}
[ttrpc]
  address = "${folder}/t.sock"
[plugins.${images}.pinned_images]
  sandbox = "${registry.base("pause")}"
[plugins.${images}.registry]
  config_path = "${join(folder, "hosts")}"
[plugins.${runtime}]
  restrict_oom_score_adj = true
`;
}

/** What both say in the same words. */
function places(folder: string): string {
  const plugins = ["btrfs", "devmapper", "zfs", "aufs", "erofs"].map((name) => `io.containerd.snapshotter.v1.${name}`);
  return `root = "${folder}/root"
state = "${folder}/state"
disabled_plugins = ${JSON.stringify([...plugins, "io.containerd.nri.v1.nri"])}
[grpc]
  address = "${folder}/c.sock"`;
}
