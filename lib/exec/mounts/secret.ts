/**
 * `RUN --mount=type=secret`: a secret as a file in memory, as a variable, or both (dockerfile.md 3.2).
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { type BytePath, bytePathFrom, bytePathOf } from "../../io/byte_path.ts";
import * as files from "../../sys/file.ts";
import type { MountPreparation, MountRequest, MountSources } from "./prepared.ts";

const DEFAULT_MODE = 0o400;

const NOTHING = new Uint8Array(0);

/** Prepares a secret. Of one that the build does not have the file is left out and the variable is empty, unless required. */
export async function prepareSecret(mount: MountRequest, sources: MountSources): Promise<MountPreparation> {
  const { id, target } = mount;
  const value = await sources.secret(id);
  requireSecret(mount, value);
  if (value === undefined) return mount.env === undefined ? {} : { environment: [environmentLine(mount.env, NOTHING)] };
  const environment = mount.env === undefined ? [] : [environmentLine(mount.env, value)];
  if (target === undefined) return { environment };
  // The id is the user's text, and no file name.
  const path = `${sources.secretDirectory()}/${crypto.randomUUID()}`;
  writeSecret(path, value, mount);
  return {
    mount: { kind: "bind", type: "file", source: path, target, readOnly: true },
    environment,
    release: () => files.unlinkAt(files.AT_FDCWD, path),
  };
}

/** @throws {KilnError} kind `usage`, if a secret is required that the build was not given */
export function requireSecret(
  { id, required }: Pick<MountRequest, "id" | "required">,
  value: Uint8Array | undefined,
): void {
  if (value !== undefined || !required) return;
  throw new KilnError("usage", `Cannot mount the secret "${id}": the build was not given it`, {
    hint: `pass it with --secret=id=${id},src=FILE`,
  });
}

function environmentLine(name: string, value: Uint8Array<ArrayBuffer>): BytePath {
  if (!value.includes(0)) return `${bytePathOf(name)}=${bytePathFrom(value)}`;
  throw new KilnError("run", `Cannot put a secret into the variable "${name}": it contains a NUL byte`, {
    hint: "mount it as a file: leave out env=",
  });
}

function writeSecret(path: BytePath, value: Uint8Array<ArrayBuffer>, owner: MountRequest): void {
  const flags = files.O.WRONLY | files.O.CREAT | files.O.EXCL;
  const fd = files.openAt(files.AT_FDCWD, path, flags, 0o600);
  try {
    files.writeAll(fd, value);
    files.changeOwnerOf(fd, { uid: owner.uid ?? 0, gid: owner.gid ?? 0 });
    files.changeModeOf(fd, owner.mode ?? DEFAULT_MODE);
  } finally {
    files.close(fd);
  }
}
