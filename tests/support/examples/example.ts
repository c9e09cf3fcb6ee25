/**
 * The examples in `docs/examples`: read for the tests, with the addresses of servers replaced and nothing else.
 *
 * @module
 */
import { join } from "node:path/posix";
import type { PodManifest } from "../pods/manifest.ts";

const FOLDER = join(import.meta.dirname ?? ".", "../../../docs/examples");

/** All files, by their path below `docs/examples`. */
export function exampleFiles(folder = ""): readonly string[] {
  return [...Deno.readDirSync(join(FOLDER, folder))].sort((a, b) => a.name < b.name ? -1 : 1).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory ? exampleFiles(path) : [path];
  });
}

/** Where an example is. */
export function examplePath(name: string): string {
  return join(FOLDER, name);
}

/** The text of an example. */
export function readExample(name: string, addresses: Readonly<Record<string, string>> = {}): string {
  return Object.entries(addresses).reduce(
    (text, [from, to]) => text.replaceAll(from, to),
    Deno.readTextFileSync(examplePath(name)),
  );
}

/** Replaces expressions by their values. */
export function fill(text: string, pattern: RegExp, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(pattern, (all, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`Cannot run the example: there is no value for "${all}"`);
    return value;
  });
}

/** A pod of one container, and a folder of this machine that is in it. */
export function withFolder(
  pod: PodManifest,
  folder: { readonly path: string; readonly mountPath: string },
): PodManifest {
  const name = folder.mountPath.replaceAll(/[^a-z]+/g, "-").replace(/^-/, "");
  return {
    ...pod,
    spec: {
      ...pod.spec,
      volumes: [...pod.spec.volumes ?? [], { name, hostPath: { path: folder.path } }],
      containers: pod.spec.containers.map((container) => ({
        ...container,
        volumeMounts: [...container.volumeMounts ?? [], { name, mountPath: folder.mountPath }],
      })),
    },
  };
}
