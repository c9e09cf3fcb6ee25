/**
 * All mounts of one command: the `--mount`s of a RUN, the resolver files, and the places to mount on.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf, bytesOf, displayPath } from "../io/byte_path.ts";
import { SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { S } from "../sys/stat.ts";
import { KeptPaths } from "../tree/kept_paths.ts";
import { realPathIn } from "../tree/real_path.ts";
import { DEVICES, isBelow } from "./command_script.ts";
import { MountPoints } from "./mount_points.ts";
import { prepareBind } from "./mounts/bind.ts";
import { mountCache, planCache, type PlannedCache, takeCaches } from "./mounts/cache.ts";
import type { MountPreparation, MountRequest, MountSources } from "./mounts/prepared.ts";
import { prepareSecret } from "./mounts/secret.ts";
import { prepareSsh } from "./mounts/ssh.ts";
import { prepareTmpfs } from "./mounts/tmpfs.ts";
import { runAll } from "./run_all.ts";
import { hostsFile, resolverConfiguration } from "./runtime_files.ts";
import type { DeviceEdits } from "./devices/device_edits.ts";
import type { DeviceNode, PreparedMount } from "./spec.ts";
import { StandIns } from "./stand_ins.ts";

/** A `--mount` and its type. */
export type TypedMountRequest = MountRequest & { readonly type: keyof typeof PREPARE };

const PREPARE = { bind: prepareBind, cache: planCache, secret: prepareSecret, ssh: prepareSsh, tmpfs: prepareTmpfs };

/** What a command sees besides its rootfs. */
export interface CommandMountsRequest {
  /** The rootfs. */
  readonly root: BytePath;
  /** Whether the command can have real mounts; else what would be mounted is put in place for its time. */
  readonly canMount: boolean;
  /** Paths in the rootfs where the command sees something else, whatever is put there. */
  readonly containerPlaces: readonly BytePath[];
  readonly mounts: readonly TypedMountRequest[];
  readonly devices: Pick<DeviceEdits, "nodes" | "mounts">;
  /** Files shown read-only at a path, for scripts that are handed to the shell. */
  readonly scripts: readonly { readonly target: BytePath; readonly content: BytePath }[];
  readonly hostname: string;
  readonly sources: MountSources;
  /** Absolute. */
  readonly workingDirectory: BytePath;
}

/** The mounts of one command, ready. `release` is called when the command has ended. */
export class CommandMounts {
  readonly #root: number;
  readonly #points: MountPoints;
  readonly #standIns: StandIns | undefined;
  readonly #covered: KeptPaths;
  readonly #mounts: PlacedMount[] = [];
  readonly #environment: BytePath[] = [];
  readonly #releases: (() => void)[] = [];

  private constructor({ root, canMount, containerPlaces, sources }: CommandMountsRequest) {
    this.#root = files.openDirectory(root);
    this.#points = new MountPoints(this.#root);
    const { scratch, pool } = sources;
    this.#standIns = canMount ? undefined : new StandIns({ root: this.#root, scratch, pool });
    this.#covered = KeptPaths.of(containerPlaces.map((path) => realOrSame(this.#root, path)));
  }

  /** Prepares everything. @throws {KilnError} if a source, a required secret or a place to mount on is missing */
  static async prepare(request: CommandMountsRequest): Promise<CommandMounts> {
    const mounts = new CommandMounts(request);
    try {
      mounts.#assertSeen(request.workingDirectory);
      mounts.#addDirectories();
      for (const node of request.devices.nodes) mounts.#addDevice(node);
      await mounts.#addRuntimeFiles(request);
      for (const mount of request.devices.mounts) await mounts.#place({ mount });
      await mounts.#addRequested(request);
      for (const script of request.scripts) await mounts.#addScript(script, request.sources.scratch);
      return mounts;
    } catch (error) {
      await mounts.release();
      throw error;
    }
  }

  /** What is to be mounted. */
  get mounts(): readonly PreparedMount[] {
    return this.#standIns === undefined ? this.#mounts.map(({ mount }) => mount) : [];
  }

  /** Variables that secrets and agents set. */
  get environment(): readonly BytePath[] {
    return this.#environment;
  }

  /**
   * Leaves the rootfs as the command made it.
   *
   * @returns paths of files that were moved away and are back: their ctime changed, nothing else.
   */
  async release(): Promise<readonly BytePath[]> {
    let restored: readonly BytePath[] = [];
    await runAll([
      async () => {
        restored = await this.#standIns?.remove() ?? [];
      },
      () => this.#points.remove(),
      ...this.#releases.splice(0).toReversed(),
      () => files.close(this.#root),
    ]);
    return restored;
  }

  /** Returns the place in the container that the command sees in place of a path of its rootfs. */
  #covering(path: BytePath): BytePath | undefined {
    return this.#covered.covering(realOrSame(this.#root, path));
  }

  /** Nor /proc: in its descriptors of the command, before it is executed, are the builder's (CVE-2024-21626, attack S33). */
  #assertSeen(workingDirectory: BytePath): void {
    const covering = this.#covering(workingDirectory);
    if (covering === undefined) return;
    const [shown, around] = [workingDirectory, `/${covering}`].map(displayPath);
    throw new KilnError("run", `Cannot run in "${shown}": this container has its own files at "${around}"`, {
      hint: "mount them elsewhere into the container that builds, and name a context there with --context",
    });
  }

  /**
   * The runtime's directories stay when they had to be made, as in BuildKit. Without mounts there is nothing in /proc and
   * /sys, and in /dev what the host lets us make.
   */
  #addDirectories(): void {
    const points = new MountPoints(this.#root);
    try {
      for (const directory of ["/proc", "/dev", "/sys"]) points.ensure(directory, "directory");
    } finally {
      points.keep();
    }
    if (this.#standIns === undefined || this.#covering("dev") !== undefined) return;
    for (const [name, major, minor] of DEVICES) {
      this.#standIns.makeDevice(`dev/${name}`, { mode: S.IFCHR | 0o666, major, minor, uid: 0, gid: 0 });
    }
  }

  /** With mounts it is the child that makes it. */
  #addDevice(node: DeviceNode): void {
    if (this.#standIns === undefined || this.#standIns.makeDevice(node.path, node)) return;
    throw new KilnError("run", `Cannot make the device "${displayPath(node.path)}": this host does not allow it`);
  }

  /** Takes caches when everything else is ready: what comes from a stage may wait for one that needs the same cache. */
  async #addRequested({ mounts, sources, canMount }: CommandMountsRequest): Promise<void> {
    const prepared: (MountPreparation | PlannedCache)[] = [];
    for (const mount of lastAtEach(mounts)) {
      const preparation = await PREPARE[mount.type](mount, sources);
      prepared.push(preparation);
      if (!isCache(preparation) && preparation.release !== undefined) this.#releases.push(preparation.release);
    }
    // Without mounts a cache is moved to where it is used, and can be in one place only.
    const caches = await takeCaches(prepared.filter(isCache), sources, { exclusive: !canMount });
    for (const { release } of caches.values()) this.#releases.push(release);
    for (const preparation of prepared) {
      if (isCache(preparation)) {
        const taken = caches.get(preparation.key);
        if (taken !== undefined) await this.#place({ mount: mountCache(preparation, taken) });
        continue;
      }
      const { mount, own, environment } = preparation;
      this.#environment.push(...environment ?? []);
      if (mount !== undefined) await this.#place(own === undefined ? { mount } : { mount, own });
    }
  }

  async #place(placed: PlacedMount): Promise<void> {
    if (this.#standIns === undefined) {
      this.#mounts.push(await this.#withPoint(placed));
      return;
    }
    const { target } = placed.mount;
    const covering = this.#covering(target);
    if (covering === undefined) return await this.#standIns.place(placed.mount);
    const [shown, around] = [target, `/${covering}`].map(displayPath);
    throw new KilnError("run", `Cannot mount on "${shown}": this container has its own files at "${around}"`, {
      hint: "choose another target, or mount less into the container that builds",
    });
  }

  /** Makes sure of the mount point, which may be inside a directory that is mounted before. */
  async #withPoint(placed: PlacedMount): Promise<PlacedMount> {
    const { target, type } = placed.mount;
    if (isBelow(target, "/dev")) return placed;
    // Links of the image may lead into a mount, too.
    const real = `/${realOrSame(this.#root, target)}`;
    const innerOf = (mount: PlacedMount): BytePath | undefined => innerPath(target, mount) ?? innerPath(real, mount);
    const at = this.#mounts.findLastIndex((around) => innerOf(around) !== undefined);
    const around = this.#mounts[at];
    const inner = around === undefined ? undefined : innerOf(around);
    if (around === undefined || inner === undefined) {
      const mount = withModeOf(this.#root, target, placed.mount);
      return { ...placed, asked: target, mount: { ...mount, target: this.#points.ensure(target, type) } };
    }
    const { mount } = around;
    const own = mount.kind === "bind" && mount.type === "directory"
      ? files.withDirectory(mount.source, (fd) => withModeOf(fd, inner, placed.mount))
      : placed.mount;
    const point = mount.target +
      (mount.kind === "tmpfs" ? inner : await this.#pointInside(at, around, { inner, type }));
    // Before the command there is nothing in memory to mount on.
    const inMemory = mount.kind === "tmpfs" ? { inMemory: true as const } : {};
    return { ...placed, asked: target, mount: { ...own, ...inMemory, target: point } };
  }

  /**
   * Makes sure of a mount point inside the mount number `at`. It is never made in what others see: the user's files, or
   * another stage.
   */
  async #pointInside(
    at: number,
    { mount, asked, own }: PlacedMount,
    { inner, type }: { readonly inner: BytePath; readonly type: PreparedMount["type"] },
  ): Promise<BytePath> {
    if (mount.kind === "tmpfs" || mount.type === "file") throw noPlace(mount.target + inner, mount.target);
    let source = mount.source;
    if (own !== undefined && !exists(source, inner)) {
      const view = await own();
      if (view.release !== undefined) this.#releases.push(view.release);
      source = view.path;
      this.#mounts[at] = { mount: { ...mount, source }, ...(asked === undefined ? {} : { asked }) };
    }
    return files.withDirectory(source, (fd) => {
      const points = new MountPoints(fd, mount.target);
      try {
        return points.ensure(inner, type);
      } finally {
        // A view is thrown away. In a cache another command may have mounted there meanwhile.
        points.keep();
      }
    });
  }

  async #addRuntimeFiles({ sources, hostname }: CommandMountsRequest): Promise<void> {
    const contents = [
      ["/etc/resolv.conf", resolverConfiguration(sources.hostFile)],
      ["/etc/hosts", hostsFile(sources.hostFile, hostname)],
    ] as const;
    for (const [target, content] of contents) {
      if (this.#covering(target) !== undefined) continue;
      const source = writeScratchFile(sources.scratch, bytePathOf(content), 0o644);
      await this.#place({ mount: { kind: "bind", type: "file", source, target, readOnly: false } });
    }
  }

  async #addScript(script: { target: BytePath; content: BytePath }, scratch: BytePath): Promise<void> {
    const source = writeScratchFile(scratch, script.content, 0o755);
    await this.#place({ mount: { kind: "bind", type: "file", source, target: script.target, readOnly: true } });
  }
}

/** Of several mounts with one target the last one counts, in the place of the first, as in BuildKit. */
function lastAtEach(mounts: readonly TypedMountRequest[]): readonly TypedMountRequest[] {
  const last = new Map<BytePath | TypedMountRequest, TypedMountRequest>();
  for (const mount of mounts) last.set(mount.target ?? mount, mount);
  return [...last.values()];
}

/** A mount whose mount point exists, and how to get a view for this command alone if others see its source. */
type PlacedMount = { readonly mount: PreparedMount; readonly asked?: BytePath } & Pick<MountPreparation, "own">;

/** What is left of a path behind the target of a mount, as it was asked for or as it really is. */
function innerPath(path: BytePath, { mount, asked }: PlacedMount): BytePath | undefined {
  const around = [asked ?? mount.target, mount.target].find((target) => isBelow(path, target));
  return around === undefined ? undefined : path.slice(around.length);
}

function noPlace(target: BytePath, around: BytePath): KilnError {
  const shown = [displayPath(target), displayPath(around)] as const;
  return new KilnError("dockerfile", `Cannot mount on "${shown[0]}": it is inside the mount "${shown[1]}", a file`, {
    hint: `put this --mount before the one of "${shown[1]}"`,
  });
}

function isCache(preparation: MountPreparation | PlannedCache): preparation is PlannedCache {
  return "key" in preparation;
}

/** A mount in memory takes the mode of the directory it hides. */
function withModeOf(root: number, path: BytePath, mount: PreparedMount): PreparedMount {
  if (mount.kind !== "tmpfs") return mount;
  const { stat } = realPathIn(root, path);
  return stat === undefined ? mount : { ...mount, mode: stat.mode & 0o7777 };
}

function exists(directory: BytePath, path: BytePath): boolean {
  return files.withDirectory(directory, (fd) => realPathIn(fd, path).stat !== undefined);
}

function realOrSame(root: number, path: BytePath): BytePath {
  try {
    return realPathIn(root, path).path;
  } catch (error) {
    if (error instanceof SysError) return path;
    throw error;
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
