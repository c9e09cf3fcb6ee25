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
import { removeTree } from "../tree/remove.ts";
import { ChrootBackend, type ChrootOptions } from "./chroot.ts";
import { OverlayBackend } from "./overlay.ts";
import { mountOverlay } from "./overlay_mount.ts";
import type { Backend } from "./rootfs.ts";

/** Names of backends on the command line. */
export type IsolationName = "auto" | "overlay" | "chroot";

/** A backend, and what was better but is not possible here. */
export interface ChosenBackend {
  readonly backend: Backend;
  /** Why not a better one; absent for the best. */
  readonly reason?: string;
}

/**
 * Chooses (decisions 10): overlay where mounts are allowed and the work directory can hold an upper directory, else
 * chroot.
 *
 * @throws {KilnError} kind `usage`, if the backend asked for cannot work here, with the reason.
 */
export function chooseBackend(wanted: IsolationName, mounts: MountAbility, options: ChrootOptions): ChosenBackend {
  if (wanted === "chroot") return { backend: new ChrootBackend(options) };
  const reason = mounts.kind === "yes" ? overlayUnusable(options.directory) : mounts.reason;
  if (reason === undefined) return { backend: new OverlayBackend(options) };
  if (wanted === "auto") return { backend: new ChrootBackend(options), reason: `overlay is not possible: ${reason}` };
  throw new KilnError("usage", `Cannot use --isolation=overlay: ${reason}`, {
    hint: "--isolation=auto takes what is possible here",
  });
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
