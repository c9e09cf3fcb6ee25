/**
 * Files that tell later steps of a pipeline what was built (kaniko.md 1.2).
 *
 * They are written in place, not renamed into it: a pipeline may have mounted the very file (Tekton's results,
 * /dev/termination-log).
 *
 * @module
 */
import { dirname } from "node:path/posix";
import type { Image } from "../image/image.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import { explainingFileErrors } from "./file_error.ts";
import { createFolder } from "./new_file.ts";
import type { Output } from "./output.ts";

/** Creates the output of `--digest-file`: the digest of the manifest, without a line end. */
export function digestFile(path: string): Output {
  return textFile(path, (digest) => digest);
}

/** Creates the output of `--image-name-with-digest-file`: a line `registry/repository@digest` for each destination. */
export function nameDigestFile(path: string, destinations: readonly Reference[]): Output {
  return textFile(path, (digest) => destinations.map((reference) => `${nameOf(reference)}@${digest}\n`).join(""));
}

/**
 * Creates the output of `--image-name-tag-with-digest-file`: a line `registry/repository:tag@digest` for each
 * destination.
 */
export function nameTagDigestFile(path: string, destinations: readonly Reference[]): Output {
  return textFile(
    path,
    (digest) => destinations.map((reference) => `${nameOf(reference)}:${reference.tag}@${digest}\n`).join(""),
  );
}

function textFile(path: string, textOf: (digest: Digest) => string): Output {
  const name = `the file "${path}"`;
  const explaining = (body: () => Promise<void>) => explainingFileErrors(`write ${name}`, body);
  return {
    name,
    prepare: (): Promise<void> =>
      explaining(async () => {
        await createMissing(dirname(path));
        const existed = await exists(path);
        // Opening is the test; what is in it stays until the image is built.
        (await Deno.open(path, { write: true, create: true })).close();
        if (!existed) await Deno.remove(path);
      }),
    write: (image: Image): Promise<void> =>
      explaining(async () => {
        await createMissing(dirname(path));
        const existed = await exists(path);
        await Deno.writeTextFile(path, textOf(image.descriptor.digest));
        // A file of somebody else keeps its mode.
        if (!existed) await Deno.chmod(path, 0o644);
      }),
  };
}

/** Folders are for nobody else, as kaniko makes them; those that exist stay as they are. */
async function createMissing(folder: string): Promise<void> {
  if (!await exists(folder)) await createFolder(folder, 0o700);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Kaniko calls Docker Hub by the name its keychain has for it, and scripts compare. */
function nameOf({ registry, repository }: Reference): string {
  return `${registry === "docker.io" ? "index.docker.io" : registry}/${repository}`;
}
