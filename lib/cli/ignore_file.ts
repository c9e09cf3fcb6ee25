/**
 * Whether the `.dockerignore` of a build context counts.
 *
 * In Docker it does in directories alone: their files are left out before they are sent, while what is fetched is taken
 * as it is (dockerfile.md 4.1). kaniko applies it to every kind of context.
 *
 * @module
 */
import { type DockerfilePlace, findIgnoreFile, type IgnoreFile, type LocatedContext } from "../contexts/directory.ts";
import type { Report } from "../report/report.ts";
import { AT_FDCWD } from "../sys/file.ts";
import { tryStatAt } from "../sys/stat.ts";

/** How to choose. */
export interface IgnoreFileChoice {
  /** `--context-dockerignore`. */
  readonly always: boolean;
  readonly report: Report;
}

/** Returns the ignore file that counts. One that does not is not even read, but told of. @throws {KilnError} */
export function chooseIgnoreFile(
  context: LocatedContext,
  dockerfile: DockerfilePlace | undefined,
  { always, report }: IgnoreFileChoice,
): IgnoreFile | undefined {
  if (!context.fetched || always) return findIgnoreFile(context, dockerfile);
  if (tryStatAt(AT_FDCWD, `${context.root}/.dockerignore`) !== undefined) {
    const rule = "is not applied, as in Docker; --context-dockerignore applies it, as kaniko does";
    report.message("warn", `The .dockerignore of ${context.description} ${rule}`);
  }
  return undefined;
}
