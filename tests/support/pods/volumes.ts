/**
 * The volumes of a pod as folders, as a kubelet makes them.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { run } from "../environment/command.ts";
import type { ClusterObjects, KeyFiles, Volume } from "./manifest.ts";

/** Makes a volume at `path`, or returns where it is already. */
export async function makeVolume(
  volume: Volume,
  path: string,
  { objects, fsGroup }: { readonly objects: ClusterObjects; readonly fsGroup: number | undefined },
): Promise<string> {
  const { secret, configMap, emptyDir, hostPath, persistentVolumeClaim: claim } = volume;
  await Deno.mkdir(dirname(path), { recursive: true });
  if (hostPath !== undefined) return hostPath.path;
  if (claim !== undefined) return objects.claims?.[claim.claimName] ?? missing("claim", claim.claimName);
  if (secret !== undefined) {
    const data = objects.secrets?.[secret.secretName] ?? missing("secret", secret.secretName);
    await writeKeys(path, data, { files: secret, fsGroup });
  } else if (configMap !== undefined) {
    const data = objects.configMaps?.[configMap.name] ?? missing("config map", configMap.name);
    await writeKeys(path, data, { files: configMap, fsGroup });
  } else if (emptyDir !== undefined) {
    await Deno.mkdir(path);
    await Deno.chmod(path, 0o777);
    if (fsGroup !== undefined) {
      await Deno.chown(path, null, fsGroup);
      await run(["chmod", "2777", path]);
    }
  } else {
    throw new Error(`Cannot make the volume "${volume.name}": its kind is not known here`);
  }
  return path;
}

/**
 * Writes the keys of a secret or config map as files: in a folder with a date, behind a link `..data`, so that a
 * kubelet can replace them all at once. What the pod sees are links to links.
 */
export async function writeKeys(
  path: string,
  data: Readonly<Record<string, string>>,
  { files, fsGroup }: { readonly files: KeyFiles; readonly fsGroup: number | undefined },
): Promise<void> {
  const dated = "..2026_11_29_10_00_00.1234567890";
  await Deno.mkdir(join(path, dated), { recursive: true });
  await run(["chmod", "1777", path]);
  await Deno.chmod(join(path, dated), 0o755);
  await Deno.symlink(dated, join(path, "..data"));
  const items = files.items ?? Object.keys(data).map((key) => ({ key, path: key }));
  for (const { key, path: name } of items) {
    const target = join(path, dated, name);
    await Deno.mkdir(dirname(target), { recursive: true });
    await Deno.writeTextFile(target, data[key] ?? missing("key", key));
    await Deno.chmod(target, fsGroup === undefined ? files.defaultMode ?? 0o644 : (files.defaultMode ?? 0o644) | 0o040);
    if (fsGroup !== undefined) await Deno.chown(target, null, fsGroup);
    const [top = name] = name.split("/");
    await Deno.symlink(`..data/${top}`, join(path, top)).catch((error) => {
      // Two files below one folder share its link.
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    });
  }
}

/** Fails for the lack of an object. */
export function missing(kind: string, name: string): never {
  throw new Error(`Cannot run the pod: there is no ${kind} "${name}"`);
}
