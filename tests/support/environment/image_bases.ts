/**
 * The bases that the executor image is built on and run beside: see `Dockerfile`.
 *
 * @module
 */
import { join } from "node:path/posix";
import { cached } from "./cache.ts";
import { findProgram, run, SEARCH_PATH } from "./command.ts";
import { EPOCH_SECONDS, hostArchitecture, writeLayout } from "./layout_writer.ts";

/** Debian with the packages that the build stage needs, so that it needs no mirror. */
export async function builderBase(debianTree: string): Promise<string> {
  return await cached({
    name: "builder",
    inputs: ["1", debianTree],
    what: "the base of the executor image's build stage",
    make: async (folder) => {
      const root = join(folder, "root");
      await run(["cp", "-a", debianTree, root]);
      await Deno.copyFile("/etc/resolv.conf", join(root, "etc/resolv.conf"));
      const script =
        "apt-get -qq update && apt-get -qq install -y --no-install-recommends patchelf busybox-static && " +
        "apt-get clean && rm -rf /var/lib/apt/lists/* && : > /etc/resolv.conf";
      await run(["chroot", root, "sh", "-ec", script], { env: { DEBIAN_FRONTEND: "noninteractive" } });
      await writeLayout(folder, { layers: [{ folder: root }], config: { Cmd: ["bash"] } });
      await run(["rm", "-rf", "--one-file-system", root]);
    },
  });
}

/** The deno that runs the tests, as `/deno`: what `denoland/deno:bin` is. */
export async function runtimeBase(): Promise<string> {
  return await cached({
    name: "runtime",
    inputs: ["1", Deno.version.deno, hostArchitecture()],
    what: `an image with deno ${Deno.version.deno}`,
    make: async (folder) => {
      const root = await Deno.makeTempDir({ dir: folder });
      await Deno.chmod(root, 0o755);
      await Deno.copyFile(Deno.execPath(), join(root, "deno"));
      await Deno.chmod(join(root, "deno"), 0o755);
      await writeLayout(folder, { layers: [{ folder: root, asRoot: true, mtimeSeconds: EPOCH_SECONDS }] });
      await Deno.remove(root, { recursive: true });
    },
  });
}

/** What holds the namespaces of a pod, as Kubernetes' pause does. */
export async function pauseBase(): Promise<string> {
  const binary = findProgram("busybox");
  if (binary === undefined) throw new Error(`Cannot find busybox in ${SEARCH_PATH}`);
  return await cached({
    name: "pause",
    inputs: ["1", hostArchitecture()],
    what: "the pause image",
    make: async (folder) => {
      const root = await Deno.makeTempDir({ dir: folder });
      await Deno.chmod(root, 0o755);
      await Deno.copyFile(binary, join(root, "sleep"));
      await Deno.chmod(join(root, "sleep"), 0o755);
      const layers = [{ folder: root, asRoot: true, mtimeSeconds: EPOCH_SECONDS }] as const;
      await writeLayout(folder, { layers, config: { Entrypoint: ["/sleep", "2147483647"] } });
      await Deno.remove(root, { recursive: true });
    },
  });
}
