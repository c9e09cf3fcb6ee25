/**
 * The mounts this process sees, from /proc/thread-self/mountinfo (proc_pid_mountinfo(5)).
 *
 * @module
 */
import { type BytePath, bytePathFrom } from "../io/byte_path.ts";

/** One mount. */
export interface MountedPlace {
  /** Stays the same as long as it is mounted, also when a directory above its mount point is renamed. */
  readonly id: number;
  /** Its mount point as seen from the root of this process. */
  readonly point: BytePath;
  /** The type of the file system: `overlay`, `proc`. */
  readonly type: string;
  /** The device of the file system and the path in it that is mounted: `0:42 /dir`. */
  readonly content: string;
}

/** Returns all mounts, in the kernel's order: what is mounted over something else comes later. */
export function readMounts(): readonly MountedPlace[] {
  return parseMountInfo(bytePathFrom(Deno.readFileSync("/proc/thread-self/mountinfo")));
}

/**
 * Parses the file.
 *
 * kaniko left the escapes as they are, and so unpacked over mounts whose path has a blank in it (kaniko.md 4.3).
 */
export function parseMountInfo(text: BytePath): readonly MountedPlace[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const [id, , device, inner, point] = fields;
    // Optional fields come before a lone dash, the type right behind it.
    const type = fields[fields.indexOf("-", 6) + 1];
    if (id === undefined || point === undefined || type === undefined || !/^[0-9]+$/.test(id)) return [];
    return [{ id: Number(id), point: decode(point), type: decode(type), content: `${device} ${inner}` }];
  });
}

/** Blanks, tabs, line feeds and backslashes are three octal digits behind a backslash. */
function decode(field: BytePath): BytePath {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8) & 0xff));
}
