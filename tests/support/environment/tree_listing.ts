/**
 * Lists a folder with GNU tools only, in the form of `listing.ts`: the oracle for what an extractor left on disk.
 *
 * @module
 */
import { run } from "./command.ts";
import type { ListedFile, Listing } from "./listing.ts";
import { ensureTools } from "./tools.ts";

const TYPES: Readonly<Record<string, ListedFile["type"]>> = {
  f: "file",
  d: "directory",
  l: "symlink",
  c: "character",
  b: "block",
  p: "fifo",
  s: "socket",
};

/** Lists everything under `root` (which is `/` in the listing). Needs root to see `trusted.*` attributes. */
export async function listTree(root: string): Promise<Listing> {
  await ensureTools(["getfattr"]);
  const found = await find(root);
  const sums = await digests(root);
  const attributes = await xattrs(root);
  const firstNames = new Map<string, string>();
  for (const { path, inode } of [...found].sort((a, b) => a.path < b.path ? -1 : 1)) {
    if (!firstNames.has(inode)) firstNames.set(inode, path);
  }
  const named = new Map<string, number>();
  for (const { inode } of found) named.set(inode, (named.get(inode) ?? 0) + 1);
  const listing = new Map<string, ListedFile>();
  for (const { path, inode, file } of found) {
    const sha256 = sums.get(path);
    const own = attributes.get(path);
    const first = firstNames.get(inode);
    listing.set(path, {
      ...file,
      ...sha256 === undefined ? {} : { sha256 },
      ...file.type !== "directory" && (named.get(inode) ?? 1) > 1 && first !== undefined ? { sameAs: first } : {},
      ...own === undefined ? {} : { xattrs: own },
    });
  }
  return listing;
}

interface Found {
  readonly path: string;
  readonly inode: string;
  readonly file: ListedFile;
}

async function find(root: string): Promise<readonly Found[]> {
  const format = ["%P", "%y", "%m", "%U", "%G", "%T@", "%s", "%l", "%D:%i"].map((field) => `${field}\\0`).join("");
  const fields = records((await run(["find", root, "-printf", format])).bytes);
  const found: Found[] = [];
  for (let at = 0; at + 9 <= fields.length; at += 9) {
    const [name = "", kind = "", mode = "", uid, gid, mtime = "", size, target = "", inode = ""] = fields.slice(
      at,
      at + 9,
    );
    const type = TYPES[kind];
    if (type === undefined) throw new Error(`Cannot list "${name}": find calls it "${kind}"`);
    const path = `/${name}`;
    found.push({
      path,
      inode,
      file: {
        type,
        mode: type === "symlink" ? "0777" : mode.padStart(4, "0"),
        uid: Number(uid),
        gid: Number(gid),
        mtime: decimals(mtime),
        ...type === "file" ? { size: Number(size) } : {},
        ...type === "symlink" ? { target } : {},
        ...type === "character" || type === "block" ? { device: await device(root, name) } : {},
      },
    });
  }
  return found;
}

/** Before 1970 `find` prints the whole seconds below and the nanoseconds above them: -6.75 means -5.25. */
function decimals(time: string): string {
  const [seconds = "", fraction = ""] = time.split(".");
  const nanoseconds = fraction.padEnd(9, "0").slice(0, 9);
  if (!seconds.startsWith("-") || Number(nanoseconds) === 0) return `${seconds}.${nanoseconds}`;
  return `-${-Number(seconds) - 1}.${String(1_000_000_000 - Number(nanoseconds)).padStart(9, "0")}`;
}

/** `find` prints no device numbers. */
async function device(root: string, name: string): Promise<string> {
  const path = Uint8Array.from(`${root}/${name}`, (character) => character.charCodeAt(0));
  const { stdout } = await run(["xargs", "-0", "stat", "-c", "%t,%T"], { stdin: path });
  return stdout.trim().split(",").map((digits) => parseInt(digits, 16)).join(",");
}

async function digests(root: string): Promise<ReadonlyMap<string, string>> {
  const script = "find . -type f -print0 | xargs -0 -r sha256sum --zero --";
  const sums = new Map<string, string>();
  for (const line of records((await run(["sh", "-c", script], { cwd: root })).bytes)) {
    const match = /^([0-9a-f]{64}) [ *]\.(\/[^]*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) sums.set(match[2], match[1]);
  }
  return sums;
}

/** Keeps what belongs to an image: `security.selinux` is the host's. */
async function xattrs(root: string): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const dump = await run(["getfattr", "--absolute-names", "-R", "-P", "-h", "-d", "-m", "-", "-e", "hex", "."], {
    cwd: root,
  });
  const found = new Map<string, Record<string, string>>();
  let current: Record<string, string> = {};
  for (const line of latin1(dump.bytes).split("\n")) {
    const file = /^# file: (.*)$/.exec(line)?.[1];
    if (file !== undefined) {
      current = {};
      const path = file.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
      found.set(path === "." ? "/" : path.replace(/^\./, ""), current);
    }
    const [, name, value] = /^([^#=]+)=(?:0x([0-9a-f]*))?$/.exec(line) ?? [];
    if (name !== undefined && name !== "security.selinux") current[name] = value ?? "";
  }
  for (const [path, own] of found) if (Object.keys(own).length === 0) found.delete(path);
  return found;
}

/** Splits at NUL bytes; names are byte strings. */
function records(bytes: Uint8Array): readonly string[] {
  return latin1(bytes).split("\0").slice(0, -1);
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return text;
}
