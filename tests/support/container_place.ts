/**
 * A directory that stands for the root of a container in a process: with files of its own, and with what runtimes mount.
 *
 * Only where a private mount namespace was entered.
 *
 * @module
 */
import { bytePathOf } from "../../lib/io/byte_path.ts";
import { AT_FDCWD, makeNode } from "../../lib/sys/file.ts";
import { mount, MS, unmount } from "../../lib/sys/mount.ts";
import { S } from "../../lib/sys/stat.ts";

/** A stand-in for `/`. */
export interface ContainerPlace extends Disposable {
  readonly root: string;
  /** A directory in it that is the builder's. */
  readonly own: string;
}

/** Makes one at a path where nothing is. */
export function makeContainerPlace(root: string): ContainerPlace {
  for (const path of ["proc", "sys", "dev", "etc/ssl", "var/run/secrets", "bin", "kaniko"]) {
    Deno.mkdirSync(`${root}/${path}`, { recursive: true });
  }
  Deno.writeTextFileSync(`${root}/bin/tool`, "the container's own");
  Deno.writeTextFileSync(`${root}/etc/nsswitch.conf`, "the container's own");
  Deno.writeTextFileSync(`${root}/etc/resolv.conf`, "");
  Deno.writeTextFileSync(`${root}/kaniko/resolv.conf`, "mounted");
  const mounts = [
    { source: "proc", target: "proc", type: "proc", flags: 0 },
    { source: "sysfs", target: "sys", type: "sysfs", flags: MS.RDONLY },
    { source: "none", target: "dev", type: "tmpfs", flags: 0 },
    { source: "none", target: "var/run/secrets", type: "tmpfs", flags: 0 },
    { source: `${root}/kaniko/resolv.conf`, target: "etc/resolv.conf", type: "", flags: MS.BIND },
  ];
  for (const { target, source, ...how } of mounts) {
    mount({ ...how, source: bytePathOf(source), target: bytePathOf(`${root}/${target}`) });
  }
  makeNode(AT_FDCWD, bytePathOf(`${root}/dev/null`), { mode: S.IFCHR | 0o666, major: 1, minor: 3 });
  return {
    root,
    own: `${root}/kaniko`,
    [Symbol.dispose](): void {
      for (const { target } of mounts.toReversed()) unmount(bytePathOf(`${root}/${target}`));
    },
  };
}
