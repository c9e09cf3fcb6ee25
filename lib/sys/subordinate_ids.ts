/**
 * Ranges of ids that the administrator gave an ordinary user: /etc/subuid and /etc/subgid (subuid(5)), and the setuid
 * programs that map them.
 *
 * @module
 */
import type { IdRange } from "./id_map.ts";

/** Where the files are. */
export interface SubordinateFiles {
  readonly passwd: string;
  readonly subuid: string;
  readonly subgid: string;
}

/** Reads a user's ranges for users and groups; none where a file is missing or has none. */
export function subordinateRanges(
  uid: number,
  files: SubordinateFiles = { passwd: "/etc/passwd", subuid: "/etc/subuid", subgid: "/etc/subgid" },
): { readonly users: readonly IdRange[]; readonly groups: readonly IdRange[] } {
  const name = loginName(readOr(files.passwd), uid);
  return {
    users: parseRanges(readOr(files.subuid), { uid, name }),
    groups: parseRanges(readOr(files.subgid), { uid, name }),
  };
}

/**
 * Reads the lines of one user, `NAME:FIRST:COUNT` with the name or the id in front, and lines the ranges up from id 1
 * on: id 0 is the user's own.
 */
function parseRanges(
  text: string,
  user: { readonly uid: number; readonly name: string | undefined },
): readonly IdRange[] {
  let inside = 1;
  const ranges: IdRange[] = [];
  for (const line of text.split("\n")) {
    const found = /^([^:#]+):([0-9]{1,10}):([0-9]{1,10})$/.exec(line.trim());
    if (found === null || (found[1] !== user.name && found[1] !== String(user.uid))) continue;
    const [outside, count] = [Number(found[2]), Number(found[3])];
    if (count === 0) continue;
    ranges.push({ inside, outside, count });
    inside += count;
  }
  return ranges;
}

/**
 * Lets a setuid program (newuidmap, newgidmap) write a map of process `pid`.
 *
 * @returns what went wrong, if something did.
 */
export function mapByProgram(
  program: "newuidmap" | "newgidmap",
  pid: number,
  ranges: readonly IdRange[],
): string | undefined {
  const numbers = ranges.flatMap(({ inside, outside, count }) => [inside, outside, count]).map(String);
  try {
    const { success, stderr } = new Deno.Command(program, {
      args: [String(pid), ...numbers],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).outputSync();
    if (success) return undefined;
    const said = new TextDecoder().decode(stderr).trim().split("\n", 1)[0] ?? "";
    return said.startsWith(program) ? said : `${program} failed: ${said}`;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return `${program} is not installed`;
  }
}

function loginName(passwd: string, uid: number): string | undefined {
  const lines = passwd.split("\n").map((line) => line.split(":"));
  return lines.find(([, , id]) => id === String(uid))?.[0];
}

function readOr(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return "";
    throw error;
  }
}
