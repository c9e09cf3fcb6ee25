/**
 * The changes of a whole tree, from the candidates of a scan.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { inodeKey, isDirectory } from "../sys/stat.ts";
import { type Candidate, readCandidates } from "./candidate_file.ts";
import type { Change } from "./change.ts";
import { OpenDirectories, splitPath } from "./open_directories.ts";
import type { LinkGroup } from "./scan.ts";
import type { Metadata } from "./metadata_access.ts";

/** What decides about the candidates that are neither clearly changed nor clearly unchanged. */
export interface ScanOutcome {
  readonly metadata: Metadata;
  readonly links: ReadonlyMap<string, LinkGroup>;
  /** Suspects whose content did change. */
  readonly changedSuspects: ReadonlySet<BytePath>;
}

/** Yields the changes in canonical order. `root` is the tree's descriptor and stays the caller's. */
export function* treeChanges(root: number, candidates: BytePath, outcome: ScanOutcome): Generator<Change> {
  const changedGroups = findChangedGroups(candidates, outcome);
  const directories = new OpenDirectories(root);
  try {
    for (const { kind, path } of readCandidates(candidates)) {
      if (kind === "whiteout") {
        yield { kind, path };
        continue;
      }
      const { parent, name } = splitPath(path);
      const directory = directories.open(parent).fd;
      const stat = outcome.metadata.statAt(directory, name);
      const located = { directory, name, stat };
      const group = !isDirectory(stat) && stat.nlink > 1 ? outcome.links.get(inodeKey(stat)) : undefined;
      if (group === undefined) {
        if (isChanged({ kind, path }, outcome)) yield { kind: "entry", path, located };
      } else if (changedGroups.has(group)) {
        // All names of a changed file are written, also the unchanged ones: only so they stay linked.
        const linkTo = group.paths[0];
        yield linkTo === undefined || linkTo === path
          ? { kind: "entry", path, located }
          : { kind: "entry", path, located, linkTo };
      }
    }
  } finally {
    directories.forget();
  }
}

function isChanged({ kind, path }: Candidate, outcome: ScanOutcome): boolean {
  return kind === "changed" || (kind === "suspect" && outcome.changedSuspects.has(path));
}

/** Groups of names are few; the candidates are read once before to learn which of them changed. */
function findChangedGroups(candidates: BytePath, outcome: ScanOutcome): ReadonlySet<LinkGroup> {
  const groupOf = new Map<BytePath, LinkGroup>();
  for (const group of outcome.links.values()) for (const path of group.paths) groupOf.set(path, group);
  const changed = new Set<LinkGroup>();
  if (groupOf.size === 0) return changed;
  for (const group of outcome.links.values()) if (group.isNew) changed.add(group);
  for (const candidate of readCandidates(candidates)) {
    const group = groupOf.get(candidate.path);
    if (group !== undefined && isChanged(candidate, outcome)) changed.add(group);
  }
  return changed;
}
