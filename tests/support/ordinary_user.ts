/**
 * Running programs as an ordinary user of a host, with or without ranges of ids of its own.
 *
 *     const { code } = await site.run(["--no-push"], { through: asOrdinaryUser({ ids: "ranges", owns: [site.path] }) });
 *
 * The user exists in a private mount namespace only: there /etc is a copy that has it, and the folders of Deno and of
 * this repository can be reached by it even if they are in root's home.
 *
 * @module
 */
import { dirname, join } from "node:path/posix";
import { denoDirectory } from "./executor_site.ts";

/** The user's id; no account of the host has it. */
export const ORDINARY_UID = 61_234;

/** The first of the ids that stand for those from 1 on, where the user has ranges. */
const FIRST_RANGE_ID = 300_000;

/** How to be an ordinary user. */
export interface OrdinaryUser {
  /** `ranges`: what Debian gives a user in /etc/subuid and /etc/subgid, 65,536 ids. `single`: none. */
  readonly ids: "ranges" | "many ranges" | "single";
  /** Paths that belong to the user from then on; not what is in them. */
  readonly owns: readonly string[];
  /** Shell commands that root runs before, in the private mount namespace. */
  readonly prepare?: string;
}

const SCRIPT = `set -e
prepare=$1 uid=$2 range=$3 owned=$4 blocked=$5 needed=$6; shift 6
mount -t tmpfs -o mode=755 tmpfs /mnt
cp -a /etc /mnt/etc
echo "ordinary:x:$uid:$uid::/nonexistent:/bin/sh" >> /mnt/etc/passwd
echo "$range" > /mnt/etc/subuid
echo "$range" > /mnt/etc/subgid
IFS=:
at=0
for path in $needed; do
  at=$((at + 1))
  if [ -d "$path" ]; then mkdir "/mnt/$at"; else touch "/mnt/$at"; fi
  mount --bind "$path" "/mnt/$at"
done
for path in $blocked; do mount -t tmpfs -o mode=755 tmpfs "$path"; done
at=0
for path in $needed; do
  at=$((at + 1))
  mkdir -p "\${path%/*}"
  if [ -d "/mnt/$at" ]; then mkdir -p "$path"; else touch "$path"; fi
  mount --move "/mnt/$at" "$path"
done
for path in $owned; do chown "$uid:$uid" "$path"; done
unset IFS
mount --bind /mnt/etc /etc
eval "$prepare"
exec setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"`;

/** Returns what goes in front of a command line; to be run by root. */
export function asOrdinaryUser({ ids, owns, prepare = "" }: OrdinaryUser): readonly string[] {
  const needed = [Deno.execPath(), join(import.meta.dirname ?? "", "../.."), denoDirectory()]
    .map((path) => Deno.realPathSync(path))
    .filter((path) => firstBlocked(path) !== undefined);
  const blocked = new Set(needed.map(firstBlocked));
  const count = { "single": 0, "ranges": 65_536, "many ranges": 10_000_000 }[ids];
  const range = count === 0 ? "" : `ordinary:${FIRST_RANGE_ID}:${count}`;
  return [
    ...["unshare", "--mount", "--propagation=private", "sh", "-c", SCRIPT, "as-ordinary-user"],
    ...[prepare, String(ORDINARY_UID), range, owns.join(":"), [...blocked].join(":"), needed.join(":")],
  ];
}

/** The first directory on the way to a path that others may not pass through. */
function firstBlocked(path: string): string | undefined {
  const above = dirname(path);
  if (above === path) return undefined;
  return firstBlocked(above) ?? (((Deno.statSync(above).mode ?? 0) & 0o001) === 0 ? above : undefined);
}
