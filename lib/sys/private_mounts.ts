/**
 * The one re-execution at start-up: into a mount namespace of our own.
 *
 * All mounts of a build are made in it, so they are gone when the last process of the build is, even after kill -9.
 * A namespace can only be changed for the calling thread, and Deno has several; execve leaves one (deno.md 1, D2). Who
 * may not have one gets a user namespace, in which it may (`user_namespace.ts`).
 * The new start also gives malloc settings for a program with many threads and large buffers.
 * This module is imported before anything else is, so it imports as little as possible.
 *
 * @module
 */
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import { describeErrno, SysError } from "./errno.ts";
import { execute, type Execution, ownWords } from "./execute.ts";
import { AT_FDCWD, readLink } from "./file.ts";
import { mount, MS } from "./mount.ts";
import { lastErrno, libc } from "./libc.ts";
import { hasCapabilities } from "./own_capabilities.ts";
import { CLONE } from "./start_process.ts";

/** The variable that tells the re-executed process what it is in. */
export const PRIVATE_MOUNTS_VARIABLE = "KILN_PRIVATE_MOUNTS";

/**
 * glibc reads these once, at the start. By default it makes up to eight arenas a core and keeps what was freed in each:
 * a COPY of 500 MB with four Workers peaked at 342 MB of anonymous memory without them, at 252 MB with them.
 */
export const MALLOC_SETTINGS: readonly string[] = ["MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=262144"];

const OWN_VARIABLES: readonly string[] = [
  PRIVATE_MOUNTS_VARIABLE,
  ...MALLOC_SETTINGS.map((line) => line.slice(0, line.indexOf("="))),
];

/** Whether this process may mount: `yes`, or why not. */
export type MountAbility =
  | {
    readonly kind: "yes";
    /** Set if it may because it is in a user namespace made for it. */
    readonly userNamespace?: UserNamespaceFacts;
  }
  | {
    readonly kind: "no";
    readonly reason: string;
    /** Why a user namespace is no way out. */
    readonly userNamespaceReason: string;
  };

/** How this process came to its user namespace. */
export interface UserNamespaceFacts {
  /** Why it could not do without. */
  readonly reason: string;
  /** Why it has one id only, if it has. */
  readonly singleBecause?: string;
}

/** What `enterPrivateMounts` goes by. */
export interface MountWish {
  /** What `PRIVATE_MOUNTS_VARIABLE` holds. */
  readonly mark: string | undefined;
  /** The isolation asked for on the command line, as far as that is known already. */
  readonly isolation: string | undefined;
}

/**
 * Moves the whole process into its own mount namespace, and a user namespace if that takes one. Does not return if that
 * needs a re-execution; returns in the process that came of it, or where the host does not allow it.
 */
export async function enterPrivateMounts({ mark, isolation }: MountWish): Promise<MountAbility> {
  const entered = readMark(mark);
  // Whoever started us may have entered a mount namespace before the command line was read (scripts/build/launcher.ts).
  const isLess = isolation === "userns" && entered?.kind === "yes" && entered.userNamespace === undefined;
  if (entered !== undefined && !isLess) return entered;
  // In a chroot our own path is another one as seen from a new namespace.
  const executable = bytePathOf(Deno.execPath());
  const reason = isolation === "userns" ? "--isolation=userns asks for a user namespace" : ownMounts();
  if (reason === undefined) execute(thisAgain(executable, currentNamespace("mnt")));
  // Where chroot is possible without, a user namespace would take ids and rights away for nothing.
  if (isolation === "in-place" || (isolation === "chroot" && hasCapabilities("SYS_CHROOT"))) {
    return { kind: "no", reason, userNamespaceReason: `--isolation=${isolation} needs none` };
  }
  const { prepareUserNamespace } = await import("./user_namespace.ts");
  const prepared = prepareUserNamespace();
  if (typeof prepared === "string") return { kind: "no", reason, userNamespaceReason: prepared };
  const { name, singleBecause } = prepared;
  const facts: UserNamespaceFacts = { reason, ...(singleBecause === undefined ? {} : { singleBecause }) };
  const refused: MountAbility = { kind: "no", reason, userNamespaceReason: "the one that was made cannot be entered" };
  return prepared.enter({
    inside: thisAgain(executable, `${name} ${JSON.stringify(facts)}`),
    otherwise: thisAgain(executable, `refused ${JSON.stringify(refused)}`),
  });
}

/** Makes a mount namespace for this thread; returns why there can be none. */
function ownMounts(): string | undefined {
  if (libc.unshare(CLONE.NEWNS) < 0) {
    return `a mount namespace of our own is refused: unshare: ${describeErrno(lastErrno())}`;
  }
  try {
    mount({ source: "none", target: "/", type: "", flags: MS.REC | MS.PRIVATE });
    return undefined;
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return `mounting is refused: ${error.message}`;
  }
}

/** Whoever sets the variable by hand must not make us mount in the host's namespace. */
function readMark(mark = ""): MountAbility | undefined {
  if (mark === currentNamespace("mnt")) return { kind: "yes" };
  const [name, facts] = splitOnce(mark);
  if (name === currentNamespace("user")) return { kind: "yes", userNamespace: JSON.parse(facts) };
  if (name === "refused") return JSON.parse(facts);
  return undefined;
}

function splitOnce(text: string): readonly [string, string] {
  const space = text.indexOf(" ");
  return space < 0 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
}

/** This very command, to be started in place of this process. */
function thisAgain(executable: BytePath, mark: string): Execution {
  return {
    path: executable,
    argv: ownWords("cmdline"),
    environment: [
      ...ownWords("environ").filter((line) => !OWN_VARIABLES.some((name) => line.startsWith(`${name}=`))),
      `${PRIVATE_MOUNTS_VARIABLE}=${bytePathOf(mark)}`,
      ...MALLOC_SETTINGS,
    ],
  };
}

/** Returns the name of a namespace of the calling thread: `mnt:[4026531841]`. */
function currentNamespace(kind: "mnt" | "user"): string {
  return readLink(AT_FDCWD, `/proc/thread-self/ns/${kind}`);
}
