/**
 * Finding and reading the Dockerfile.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { dockerfileCandidates } from "./request_options.ts";

/** A Dockerfile as read. */
export interface DockerfileSource {
  /** As the user named it, for positions. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Reads the Dockerfile. If the default name is not there, `dockerfile` beside it is tried, as Docker does.
 *
 * @throws {KilnError} kind `dockerfile`, if there is none or it cannot be read.
 */
export function readDockerfile(
  name: string,
  where: { readonly cwd: string; readonly contextRoot: string },
): DockerfileSource {
  const candidates = dockerfileCandidates(name, where);
  const lowerCase = name === "Dockerfile" ? candidates.map((path) => join(dirname(path), "dockerfile")) : [];
  for (const path of [...candidates, ...lowerCase]) {
    const bytes = tryRead(path);
    if (bytes !== undefined) return { name, path, bytes };
  }
  throw new KilnError(
    "dockerfile",
    `Cannot find the Dockerfile "${name}": there is none at ${candidates.join(" or ")}`,
    {
      hint: "name it with --dockerfile",
    },
  );
}

function tryRead(path: string): Uint8Array | undefined {
  try {
    if (!Deno.statSync(path).isFile) throw new KilnError("dockerfile", `Cannot read "${path}": it is not a file`);
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    if (error instanceof KilnError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new KilnError("dockerfile", `Cannot read "${path}": ${why}`, { cause: error });
  }
}
