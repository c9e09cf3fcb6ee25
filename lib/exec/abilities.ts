/**
 * What the host lets us do for a command.
 *
 * @module
 */
import { inUserNamespace, type OwnIds, ownIds } from "../sys/id_map.ts";
import { hasCapabilities } from "../sys/own_capabilities.ts";
import { hasStub } from "../sys/start_process.ts";

/** What a command can be given. */
export interface Abilities {
  /** Mount, pid, ipc and uts namespaces of its own. Without them the command gets a plain chroot. */
  readonly namespaces: boolean;
  /** A root directory of its own. Without it a command can only be run in place. */
  readonly root: boolean;
  /** The command has the root that we have ourselves. */
  readonly inPlace?: true;
  /** Whether everything is in a user namespace: devices of the host can be shown, not made, and mounts keep restrictions. */
  readonly userNamespace: boolean;
  /** Whether modes of files bind root, as without CAP_DAC_OVERRIDE. */
  readonly boundByModes: boolean;
  /** How it is started: by machine code, where Kiln has it for this machine, or by starting Kiln itself once more. */
  readonly start: "stub" | "runner";
  /** The users and groups it may run as. */
  readonly ids: OwnIds;
  /** Set if there is root only, with the reason. */
  readonly singleUser?: string;
}

/** What is known already. */
export interface KnownAbilities {
  readonly namespaces: boolean;
  readonly singleUser?: string;
  /** The usual way for the machine unless told. */
  readonly start?: Abilities["start"];
}

/** Looks at this process. */
export function ownAbilities(known: KnownAbilities): Abilities {
  const { namespaces } = known;
  const ids = ownIds();
  return {
    start: hasStub() ? "stub" : "runner",
    // Somebody else may have made the namespace we are in.
    ...ids.users.count === 1 ? { singleUser: "the user namespace has no more" } : {},
    ...known,
    root: namespaces || hasCapabilities("SYS_CHROOT"),
    userNamespace: inUserNamespace(),
    boundByModes: !hasCapabilities("DAC_OVERRIDE"),
    ids,
  };
}
