/**
 * Whether files still have the content the layers gave them.
 *
 * A scan cannot tell a file that was rewritten with the same size and time from one that was merely touched. The
 * content it had is in the topmost layer that has the path, so the layers are read from the top until every file is
 * decided. That takes as long as unpacking them, but happens only for files somebody touched without changing.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import type { BytePath } from "../io/byte_path.ts";
import { followFile } from "../io/follow_file.ts";
import * as files from "../sys/file.ts";
import type { TarEntry } from "../tar/entry.ts";
import { TarReader } from "../tar/reader.ts";
import { cleanName } from "../tree/extract.ts";
import { OpenDirectories, splitPath } from "../tree/open_directories.ts";
import { type LayerReading, readLayer } from "./read_layer.ts";

/** A complete layer blob. */
export interface LayerBlob extends LayerReading {
  readonly path: string;
}

/** What to compare. */
export interface ContentRequest {
  readonly root: BytePath;
  readonly suspects: readonly BytePath[];
  /** Topmost first. */
  readonly layers: readonly LayerBlob[];
}

const MAX_ROUNDS = 4;

/** Returns the suspects whose content is not that of the layers; those no layer has count as changed. */
export async function findChangedContent(request: ContentRequest): Promise<readonly BytePath[]> {
  const undecided = new Set(request.suspects);
  const changed: BytePath[] = [];
  const root = files.openDirectory(request.root);
  const directories = new OpenDirectories(root);
  try {
    for (const layer of request.layers) {
      if (undecided.size === 0) break;
      for (const [path, digest] of await digestsIn(layer, undecided)) {
        undecided.delete(path);
        if (digest !== digestOfFile(directories, path)) changed.push(path);
      }
    }
  } finally {
    directories.forget();
    files.close(root);
  }
  return [...changed, ...undecided];
}

/** Returns the content digests of those paths a layer has; hard links have their target's. */
async function digestsIn(layer: LayerBlob, wanted: ReadonlySet<BytePath>): Promise<ReadonlyMap<BytePath, string>> {
  const digests = new Map<BytePath, string>();
  /** Names still looked for, to the paths that have their content. */
  let looking = new Map([...wanted].map((path) => [path, [path]]));
  // A link to a link to a link is legal and unheard of; links in a circle must end, too.
  for (let round = 0; looking.size > 0 && round < MAX_ROUNDS; round++) {
    const pass = new ContentPass(looking);
    const tar = new TarReader(pass);
    const blob = { path: layer.path, finalPath: layer.path };
    for await (const chunk of readLayer(followFile(blob, undefined), layer)) tar.push(chunk);
    tar.end();
    for (const [path, digest] of pass.digests) digests.set(path, digest);
    looking = pass.linkTargets;
  }
  return digests;
}

/** One reading of a layer. */
class ContentPass {
  readonly digests = new Map<BytePath, string>();
  /** Targets of hard links that were looked for, to be found in another reading. */
  readonly linkTargets = new Map<BytePath, BytePath[]>();
  readonly #looking: ReadonlyMap<BytePath, readonly BytePath[]>;
  #current: { hash: Hash; paths: readonly BytePath[] } | undefined;

  constructor(looking: ReadonlyMap<BytePath, readonly BytePath[]>) {
    this.#looking = looking;
  }

  entry(entry: TarEntry): void {
    const paths = this.#looking.get(cleanName(entry.name));
    if (paths === undefined) return;
    if (entry.type === "file") this.#current = { hash: createHash("sha256"), paths };
    if (entry.type === "hardlink") {
      const target = cleanName(entry.linkName);
      this.linkTargets.set(target, [...this.linkTargets.get(target) ?? [], ...paths]);
    }
  }

  data(bytes: Uint8Array): void {
    this.#current?.hash.update(bytes);
  }

  entryEnd(): void {
    const digest = this.#current?.hash.digest("hex");
    for (const path of this.#current?.paths ?? []) this.digests.set(path, digest ?? "");
    this.#current = undefined;
  }
}

function digestOfFile(directories: OpenDirectories, path: BytePath): string {
  const { parent, name } = splitPath(path);
  const fd = files.openAt(directories.open(parent).fd, name, files.O.RDONLY | files.O.NOFOLLOW);
  try {
    const hash = createHash("sha256");
    const buffer = new Uint8Array(1 << 18);
    for (let count = files.read(fd, buffer); count > 0; count = files.read(fd, buffer)) {
      hash.update(buffer.subarray(0, count));
    }
    return hash.digest("hex");
  } finally {
    files.close(fd);
  }
}
