/**
 * All mounts of one command: the `--mount`s of a RUN, the resolver files, and the places to mount on.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf, bytesOf, displayPath } from "../io/byte_path.ts";
import * as files from "../sys/file.ts";
import { S } from "../sys/stat.ts";
import { DEVICES, isBelow } from "./command_script.ts";
import { MountPoints } from "./mount_points.ts";
import { prepareBind } from "./mounts/bind.ts";
import { prepareCache } from "./mounts/cache.ts";
import type { MountPreparation, MountRequest, MountSources } from "./mounts/prepared.ts";
import { prepareSecret } from "./mounts/secret.ts";
import { prepareTmpfs } from "./mounts/tmpfs.ts";
import { hostsFile, resolverConfiguration } from "./runtime_files.ts";
import type { PreparedMount } from "./spec.ts";
import { StandIns } from "./stand_ins.ts";

/** A `--mount` and its type. */
export type TypedMountRequest = MountRequest & { readonly type: keyof typeof PREPARE };

const PREPARE = { bind: prepareBind, cache: prepareCache, secret: prepareSecret, tmpfs: prepareTmpfs };

/** What a command sees besides its rootfs. */
export interface CommandMountsRequest {
  /** The rootfs. */
  readonly root: BytePath;
  /** Whether the command can have real mounts; else what would be mounted is put in place for its time. */
  readonly canMount: boolean;
  readonly mounts: readonly TypedMountRequest[];
  /** Files shown read-only at a path, for scripts that are handed to the shell. */
  readonly scripts: readonly { readonly target: BytePath; readonly content: BytePath }[];
  readonly hostname: string;
  readonly sources: MountSources;
}

/** The mounts of one command, ready. `release` is called when the command has ended. */
export class CommandMounts {
  readonly #root: number;
  readonly #points: MountPoints;
  readonly #standIns: StandIns | undefined;
  readonly #mounts: PreparedMount[] = [];
  readonly #environment: BytePath[] = [];
  readonly #releases: (() => void)[] = [];
  /** Mount points that were made inside a mounted directory, with the descriptor of its source. */
  readonly #innerPoints: { readonly points: MountPoints; readonly fd: number }[] = [];

  private constructor({ root, canMount, sources }: CommandMountsRequest) {
    this.#root = files.openDirectory(root);
    this.#points = new MountPoints(this.#root);
    const { scratch, pool } = sources;
    this.#standIns = canMount ? undefined : new StandIns({ root: this.#root, scratch, pool });
  }

  /** Prepares everything. @throws {KilnError} if a source, a required secret or a place to mount on is missing */
  static async prepare(request: CommandMountsRequest): Promise<CommandMounts> {
    const mounts = new CommandMounts(request);
    try {
      mounts.#addDirectories();
      await mounts.#addRuntimeFiles(request);
      for (const mount of request.mounts) await mounts.#add(await PREPARE[mount.type](mount, request.sources));
      for (const script of request.scripts) await mounts.#addScript(script, request.sources.scratch);
      return mounts;
    } catch (error) {
      mounts.release();
      throw error;
    }
  }

  /** What is to be mounted. */
  get mounts(): readonly PreparedMount[] {
    return this.#standIns === undefined ? this.#mounts : [];
  }

  /** Variables that secrets set. */
  get environment(): readonly BytePath[] {
    return this.#environment;
  }

  /**
   * Leaves the rootfs as the command made it.
   *
   * @returns paths of files that were moved away and are back: their ctime changed, nothing else.
   */
  release(): readonly BytePath[] {
    for (const { points, fd } of this.#innerPoints) {
      points.remove();
      files.close(fd);
    }
    const restored = this.#standIns?.remove() ?? [];
    this.#points.remove();
    for (const release of this.#releases.toReversed()) release();
    files.close(this.#root);
    return restored;
  }

  /** Without mounts there is no /proc and no /sys, and /dev has what the host lets us make. */
  #addDirectories(): void {
    if (this.#standIns === undefined) {
      for (const directory of ["/proc", "/dev", "/sys"]) this.#points.ensure(directory, "directory");
      return;
    }
    for (const [name, major, minor] of DEVICES) {
      this.#standIns.makeDevice(`dev/${name}`, { mode: S.IFCHR | 0o666, major, minor });
    }
  }

  async #add(preparation: MountPreparation): Promise<void> {
    if (preparation.release !== undefined) this.#releases.push(() => preparation.release?.());
    this.#environment.push(...preparation.environment ?? []);
    if (preparation.mount !== undefined) await this.#place(preparation.mount);
  }

  async #place(mount: PreparedMount): Promise<void> {
    if (this.#standIns === undefined) this.#mounts.push(this.#placed(mount));
    else await this.#standIns.place(mount);
  }

  /** Makes sure of the mount point, which may be inside a directory that is mounted before. */
  #placed(mount: PreparedMount): PreparedMount {
    if (isBelow(mount.target, "/dev")) return mount;
    const around = this.#mounts.findLast(({ target }) => isBelow(mount.target, target));
    if (around === undefined) return { ...mount, target: this.#points.ensure(mount.target, mount.type) };
    if (around.kind === "tmpfs" || around.type === "file") throw this.#noPlace(mount.target, around.target);
    const fd = files.openDirectory(around.source);
    const points = new MountPoints(fd);
    this.#innerPoints.push({ points, fd });
    const inner = points.ensure(mount.target.slice(around.target.length), mount.type);
    return { ...mount, target: around.target + inner };
  }

  #noPlace(target: BytePath, around: BytePath): KilnError {
    const shown = [displayPath(target), displayPath(around)] as const;
    return new KilnError("dockerfile", `Cannot mount on "${shown[0]}": it is inside the mount "${shown[1]}"`, {
      hint: `put this --mount before the one of "${shown[1]}"`,
    });
  }

  async #addRuntimeFiles({ sources, hostname }: CommandMountsRequest): Promise<void> {
    const contents = [
      ["/etc/resolv.conf", resolverConfiguration(readHostFile)],
      ["/etc/hosts", hostsFile(readHostFile, hostname)],
    ] as const;
    for (const [target, content] of contents) {
      const source = writeScratchFile(sources.scratch, bytePathOf(content), 0o644);
      await this.#place({ kind: "bind", type: "file", source, target, readOnly: false });
    }
  }

  async #addScript(script: { target: BytePath; content: BytePath }, scratch: BytePath): Promise<void> {
    const source = writeScratchFile(scratch, script.content, 0o755);
    await this.#place({ kind: "bind", type: "file", source, target: script.target, readOnly: true });
  }
}

function readHostFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined; // a builder in an empty image has none
  }
}

function writeScratchFile(scratch: BytePath, content: BytePath, mode: number): BytePath {
  const path = `${scratch}/${crypto.randomUUID()}`;
  const fd = files.openAt(files.AT_FDCWD, path, files.O.WRONLY | files.O.CREAT | files.O.EXCL, 0o600);
  try {
    files.writeAll(fd, bytesOf(content));
    files.changeModeOf(fd, mode);
  } finally {
    files.close(fd);
  }
  return path;
}
