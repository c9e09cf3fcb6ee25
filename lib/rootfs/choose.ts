/**
 * Choosing a backend: the best one the host allows, or the one asked for, and saying why.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { explainSysError, SysError } from "../sys/errno.ts";
import * as files from "../sys/file.ts";
import { unmount } from "../sys/mount.ts";
import type { MountAbility } from "../sys/private_mounts.ts";
import { markOpaque } from "../tree/overlay_marks.ts";
import { removeTree } from "../tree/remove.ts";
import { ChrootCommands } from "./chroot.ts";
import type { Commands } from "./commands.ts";
import { DirectoryBackend, type DirectoryOptions } from "./directories.ts";
import { OverlayBackend, type OverlayOptions } from "./overlay.ts";
import { type Isolation, type IsolationRequest, ISOLATIONS, PREFERENCE } from "./isolation.ts";
import { mountOverlay } from "./overlay_mount.ts";
import type { Backend } from "./rootfs.ts";

/** What any of them is made of. */
export interface BackendOptions extends Omit<OverlayOptions, "isolation">, Omit<DirectoryOptions, "commands"> {
  /** Whether commands will be run; what only holds file systems can be had anywhere. */
  readonly runs: boolean;
  readonly inPlace: InPlaceOffer;
}

/** A container's own root, as something to run commands in. */
export interface InPlaceOffer {
  /** Whether it is that of the executor image: `auto` touches no other. */
  readonly isOwn: boolean;
  /** Says why it cannot be had. */
  unusable(): string | undefined;
  /** Takes it. Trees must be in `directory`. */
  take(): { readonly directory: string; readonly commands: Commands };
}

/** A backend, and what was better but is not possible here. */
export interface ChosenBackend {
  readonly backend: Backend;
  /** Where its trees are. */
  readonly directory: string;
  /** Why not a better one, one sentence for each; none for the best. */
  readonly reasons: readonly string[];
}

/** One way, as far as this host is concerned. */
interface Candidate {
  /** Says why it cannot be had here. */
  unusable(): string | undefined;
  make(): Pick<ChosenBackend, "backend" | "directory">;
}

/**
 * Chooses (decisions 10): the one asked for, or the best that is possible.
 *
 * @throws {KilnError} kind `usage`, if the one asked for cannot be had here; kind `denied`, if none can, or only less than
 *   what is required.
 */
export function chooseBackend(
  { wanted, least }: IsolationRequest,
  mounts: MountAbility,
  options: BackendOptions,
): ChosenBackend {
  const { directory, inPlace } = options;
  const namespace = mounts.kind === "yes" ? mounts.userNamespace : undefined;
  const candidates: Readonly<Record<Isolation, Candidate>> = {
    overlay: {
      unusable: () => mounts.kind === "no" ? mounts.reason : namespace?.reason ?? overlayUnusable(directory),
      make: () => ({ directory, backend: new OverlayBackend({ ...options, isolation: "overlay" }) }),
    },
    userns: {
      unusable: () => mounts.kind === "no" ? mounts.userNamespaceReason : overlayUnusable(directory),
      make: () => ({ directory, backend: new OverlayBackend({ ...options, isolation: "userns" }) }),
    },
    chroot: {
      unusable: () => options.runs && !options.abilities.root ? "CAP_SYS_CHROOT is missing" : undefined,
      make: () => ({ directory, backend: directoriesOf(options, new ChrootCommands(options.abilities)) }),
    },
    "in-place": {
      unusable: () => inPlace.unusable(),
      make: () => {
        const { directory, commands } = inPlace.take();
        return { directory, backend: directoriesOf({ ...options, directory }, commands) };
      },
    },
  };
  // Who can mount as it is has no use for a user namespace, and made none.
  const isWorthTrying = (name: Isolation): boolean =>
    (name !== "userns" || mounts.kind === "no" || namespace !== undefined) && (name !== "in-place" || inPlace.isOwn);
  const reasons: string[] = [];
  for (const name of wanted === "auto" ? PREFERENCE.filter(isWorthTrying) : [wanted]) {
    if (least !== undefined && isLess(name, least)) continue;
    const reason = candidates[name].unusable();
    if (reason === undefined) return { ...candidates[name].make(), reasons };
    if (wanted !== "auto") throw notHere(wanted, reason);
    reasons.push(`${name} is not possible: ${reason}`);
  }
  if (least !== undefined) throw tooLittle(least, reasons);
  throw new KilnError("denied", `Cannot run commands here: ${reasons.join("; ")}`, {
    hint: "a Dockerfile without RUN can be built here",
  });
}

function directoriesOf(options: BackendOptions, commands: Commands): DirectoryBackend {
  return new DirectoryBackend({ ...options, commands });
}

function isLess(a: Isolation, b: Isolation): boolean {
  return ISOLATIONS.indexOf(a) > ISOLATIONS.indexOf(b);
}

function notHere(wanted: Isolation, reason: string): KilnError {
  return new KilnError("usage", `Cannot use --isolation=${wanted}: ${reason}`, {
    hint: "--isolation=auto takes what is possible here",
  });
}

function tooLittle(least: Isolation, reasons: readonly string[]): KilnError {
  const why = reasons.length === 0 ? "--isolation asks for less" : reasons.join("; ");
  return new KilnError("denied", `Cannot build with --require-isolation=${least}: ${why}`);
}

/** Tries it out; the kernel's rules about what can be an upper directory are many. */
function overlayUnusable(directory: string): string | undefined {
  const probe = bytePathOf(Deno.makeTempDirSync({ dir: directory, prefix: "probe-" }));
  const make = (name: string): BytePath => {
    files.makeDirectory(files.AT_FDCWD, `${probe}/${name}`, 0o755);
    return `${probe}/${name}`;
  };
  try {
    const target = make("target");
    // What the mount itself would only find out when a directory is replaced.
    markOpaque(files.AT_FDCWD, target);
    mountOverlay({ lowers: [make("lower")], writable: { upper: make("upper"), work: make("work") } }, target);
    unmount(target);
    return undefined;
  } catch (error) {
    if (error instanceof SysError && error.is("ENOSPC", "EDQUOT", "EIO")) {
      throw explainSysError(error, "use the work directory", "disk");
    }
    if (error instanceof SysError) return `the work directory cannot hold an overlay (${error.message})`;
    throw error;
  } finally {
    removeTree(files.AT_FDCWD, probe);
  }
}
