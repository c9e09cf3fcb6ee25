/**
 * What the Dockerfile language has and this version does not do yet. Every form is refused by name, in this file only:
 * nothing is silently ignored.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { CopyNode } from "./copy_node.ts";
import { sourceKind } from "./remote_source.ts";
import type { RunNode } from "./run.ts";

/** Refuses flags and sources of an expanded COPY or ADD. @throws {KilnError} kind `dockerfile` */
export function refuseCopyNotYet(node: CopyNode): void {
  const flags = {
    "--checksum": node.checksum !== undefined,
    "--keep-git-dir": node.keepGitDir === true,
    "--unpack=true": node.unpack === true,
  };
  for (const [flag, given] of Object.entries(flags)) {
    if (given) throw notYet(`${node.keyword} ${flag}`, "the flag");
  }
  if (node.keyword === "COPY") return;
  for (const source of node.sources) {
    const kind = sourceKind(source);
    if (kind !== "path") throw notYet(`ADD ${source}`, kind === "git" ? "a git source" : "an HTTP source");
  }
}

/** Refuses flags of an expanded RUN. @throws {KilnError} kind `dockerfile` */
export function refuseRunNotYet(node: RunNode): void {
  if (node.mounts.some((mount) => mount.type === "ssh")) throw notYet("RUN --mount=type=ssh", "the mount type");
  if (node.security === "insecure") throw notYet("RUN --security=insecure", "the flag");
  if (node.devices.length > 0) throw notYet("RUN --device", "the flag");
}

function notYet(form: string, what: string): KilnError {
  return new KilnError("dockerfile", `Cannot run "${form}": ${what} is not supported yet`);
}
