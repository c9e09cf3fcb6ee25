/**
 * Whether the root we are in may be built in, and what in it is ours.
 *
 * Whoever builds in a root puts its files aside. On a machine that would be the end of it, so it takes a container whose
 * `/kaniko` we were started from, or somebody who says `--isolation=in-place` and `--force` (decisions 10).
 *
 * @module
 */
import { dirname } from "node:path/posix";
import type { Gate } from "../async/gate.ts";
import { KilnError } from "../errors.ts";
import type { Abilities } from "../exec/abilities.ts";
import type { ContextLocation } from "../contexts/context_location.ts";
import { isLayout } from "../image/layout_registry.ts";
import { bytePathOf } from "../io/byte_path.ts";
import type { Report } from "../report/report.ts";
import type { InPlaceOffer } from "../rootfs/choose.ts";
import { InPlaceCommands } from "../rootfs/in_place.ts";
import type { RootLock } from "../rootfs/root_lock.ts";
import { ROOT_EXCHANGE, type WorkDirectory } from "../store/work_directory.ts";
import { describeErrno, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { statOf } from "../sys/stat.ts";
import type { BuildContextValue } from "./build_context_flag.ts";
import type { BuildOptions } from "./build_options.ts";
import { type ContainerSigns, detectContainer } from "./container.ts";
import { NEAR_ROOT } from "./hold_root.ts";
import { IMAGE_DIRECTORY } from "./isolation_options.ts";

/** What decides whether a root may be built in. */
export interface RootFacts {
  /** A sign that this is a container, or undefined. */
  readonly container: string | undefined;
  /** Whether the program was started from the executor image's own directory. */
  readonly isOwnImage: boolean;
  /** Whether `--force` was given. */
  readonly isForced: boolean;
}

/** Says why a root may not be built in. */
function refuseRoot({ container, isOwnImage, isForced }: RootFacts): string | undefined {
  if (isForced || (container !== undefined && isOwnImage)) return undefined;
  const what = container === undefined ? "this is no container" : `the executor is not in ${IMAGE_DIRECTORY}`;
  return `${what}, and all files of this machine would be put aside while RUN runs; --force does it all the same`;
}

/** What the offer is made of. */
export interface InPlaceParts {
  readonly options: BuildOptions;
  /** The running program, absolute. */
  readonly executable: string;
  readonly signs: ContainerSigns;
  /** The Workers' module. */
  readonly workerModule: URL;
  readonly work: WorkDirectory;
  /** Of `holdRoot`. */
  readonly lock: RootLock | undefined;
  readonly gate: Gate;
  readonly abilities: Abilities;
  readonly report: Report;
}

const ROOT = "/";

/** Offers the root we are in. */
export function offerRoot(parts: InPlaceParts): InPlaceOffer {
  const { executable, signs, options } = parts;
  const isOwnImage = dirname(executable) === IMAGE_DIRECTORY;
  const container = detectContainer(signs);
  const refusal = refuseRoot({ container, isOwnImage, isForced: options.isolation.force });
  return {
    isOwn: isOwnImage && container !== undefined,
    unusable: () => refusal ?? unusableRoot(),
    take: () => {
      // Whoever calls this has asked before. A mistake there must not cost a machine its files.
      const { lock } = parts;
      if (refusal !== undefined || lock === undefined) throw new Error(`Unreachable: ${refusal ?? "nobody holds it"}`);
      // Where we were started may be a directory that is put aside.
      Deno.chdir(ROOT);
      const near = parts.work.near(ROOT, NEAR_ROOT);
      const [directory, exchange] = [near.makeDirectory("in-place"), near.makeDirectory(ROOT_EXCHANGE)];
      const commands = new InPlaceCommands({
        root: ROOT,
        isClaimed: true,
        directory: bytePathOf(exchange),
        kept: [...ownPlaces(parts), near.state].map((path) => bytePathOf(path.slice(1))),
        lock,
        gate: parts.gate,
        abilities: parts.abilities,
        report: parts.report,
      });
      return { directory, commands };
    },
  };
}

/** What is read or written while commands run, and must not be moved. Mounts are kept anyhow. */
function ownPlaces({ options, executable, workerModule, work }: InPlaceParts): readonly string[] {
  const { context, buildContexts } = options.request;
  const { ociLayoutPath } = options.outputs;
  const modules = dirname(dirname(workerModule.pathname));
  const places = [
    IMAGE_DIRECTORY,
    work.state,
    executable,
    modules,
    ...[context, ...[...buildContexts.values()].map(({ value }) => value)].flatMap(placeOf),
    ...(ociLayoutPath === undefined ? [] : [ociLayoutPath]),
  ];
  const all = places.find((path) => path === ROOT);
  if (all === undefined) return places;
  throw new KilnError("usage", "Cannot build in place: the build context or an output is the root directory itself", {
    hint: "put them into a directory of their own",
  });
}

/** Where a context is that is read while the build goes on. */
function placeOf(context: ContextLocation | BuildContextValue): readonly string[] {
  if (context.kind === "directory") return [context.path];
  // Of the form of the main context an image is a whole tree, fetched before the build.
  if (context.kind !== "image" || !("reference" in context) || !isLayout(context.reference)) return [];
  return [context.reference.repository];
}

/** Tries whether entries of the root can be made and moved by us. */
function unusableRoot(): string | undefined {
  if (Deno.uid() !== 0) return "this process is not root";
  return files.withDirectory(ROOT, (root) => {
    const { mtimeSec, mtimeNsec } = statOf(root);
    const name = `.kiln-${crypto.randomUUID()}`;
    try {
      files.makeDirectory(root, name, 0o700);
      files.removeDirectoryAt(root, name);
      files.setTimeOf(root, { sec: mtimeSec, nsec: mtimeNsec });
      return undefined;
    } catch (error) {
      if (error instanceof SysError) return `the root directory cannot be written: ${describeErrno(error.errno)}`;
      throw error;
    }
  });
}

/** The signs of this machine. */
export function machineSigns(env: (name: string) => string | undefined): ContainerSigns {
  return {
    env,
    exists(path): boolean {
      try {
        Deno.lstatSync(path);
        return true;
      } catch {
        return false; // also where it may not be looked at
      }
    },
    read(path): string | undefined {
      try {
        return Deno.readTextFileSync(path);
      } catch {
        return undefined;
      }
    },
  };
}
