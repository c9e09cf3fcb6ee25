/**
 * The oracles of the tar codec: GNU tar, bsdtar and Python's tarfile, asked what they see in an archive.
 *
 * Names are byte strings and compared as such: none of the oracles' output is decoded as text.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { run } from "./environment/command.ts";

/** What an oracle says about an entry. */
export interface SeenEntry {
  readonly name: string;
  /** One letter, as `find` has them: f, d, l, c, b, p. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of files; else 0. */
  readonly size: number;
  readonly mtimeNs: bigint;
  /** Of symbolic links; else "". */
  readonly linkName: string;
}

/** A folder with what an oracle extracted. */
export interface Extracted extends AsyncDisposable {
  readonly folder: string;
  /** What it printed as warnings. */
  readonly warnings: string;
  /** The entries, sorted by name. */
  entries(): Promise<readonly SeenEntry[]>;
}

const LOCALE = { LC_ALL: "C", TZ: "UTC" } as const;

/** Extracts an archive as root would: owners, modes, times, devices and extended attributes. */
export function gnuExtract(archive: Uint8Array): Promise<Extracted> {
  const options = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "--warning=no-timestamp"];
  return extract(archive, ["tar", ...options, "-xpf", "-"], LOCALE);
}

/** The same with bsdtar, in a UTF-8 locale: in any other it fails on every UTF-8 name in a PAX header. */
export function bsdExtract(archive: Uint8Array): Promise<Extracted> {
  return extract(archive, ["bsdtar", "--numeric-owner", "-xpf", "-"], { ...LOCALE, LC_ALL: "C.UTF-8" });
}

async function extract(
  archive: Uint8Array,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Extracted> {
  const folder = await Deno.makeTempDir();
  try {
    const { stderr } = await run(command, { cwd: folder, stdin: archive, env });
    return {
      folder,
      warnings: stderr,
      entries: () => listFolder(folder),
      [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
    };
  } catch (error) {
    await Deno.remove(folder, { recursive: true });
    throw error;
  }
}

async function listFolder(folder: string): Promise<readonly SeenEntry[]> {
  const fields = ["%P", "%y", "%m", "%U", "%G", "%s", "%T@", "%l"];
  const { bytes } = await run(
    ["find", ".", "-mindepth", "1", "-printf", fields.map((field) => `${field}\\0`).join("")],
    {
      cwd: folder,
      env: LOCALE,
    },
  );
  const texts = Buffer.from(bytes).toString("latin1").split("\0");
  const entries: SeenEntry[] = [];
  for (let at = 0; at + fields.length <= texts.length; at += fields.length) {
    const [name = "", type = "", mode = "", uid = "", gid = "", size = "", mtime = "", linkName = ""] = texts.slice(at);
    entries.push({
      name,
      type,
      mode: parseInt(mode, 8),
      uid: Number(uid),
      gid: Number(gid),
      size: type === "f" ? Number(size) : 0,
      mtimeNs: nanosecondsOf(mtime),
      linkName,
    });
  }
  return entries.sort((left, right) => left.name < right.name ? -1 : 1);
}

/** Reads `find -printf %T@`: seconds rounded down, then what is to be added to them; half a second before 1970 is -1.5. */
function nanosecondsOf(time: string): bigint {
  const [seconds = "", fraction = ""] = time.split(".");
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9));
}

/** Lists the names in an archive, in its order, as GNU tar sees them. */
export async function gnuNames(archive: Uint8Array): Promise<readonly string[]> {
  // NUL between the names is no option of `tar -t`; octal escapes are unambiguous
  const { stdout } = await run(["tar", "-tf", "-", "--quoting-style=escape"], { stdin: archive, env: LOCALE });
  return stdout.split("\n").filter((line) => line !== "").map(unescape);
}

/** The same as bsdtar sees them. */
export async function bsdNames(archive: Uint8Array): Promise<readonly string[]> {
  const { bytes } = await run(["bsdtar", "-tf", "-"], { stdin: archive, env: LOCALE });
  return Buffer.from(bytes).toString("latin1").split("\n").filter((line) => line !== "").map(unescape);
}

function unescape(text: string): string {
  return text.replace(/\\([0-7]{3}|.)/g, (_, code: string) => {
    if (code.length === 3) return String.fromCharCode(parseInt(code, 8));
    return ({ n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", v: "\v", f: "\f" } as Record<string, string>)[code] ??
      code;
  });
}

/** What Python says about an entry. */
export interface PythonEntry {
  readonly name: string;
  /** The type flag. */
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** A floating-point number of seconds. */
  readonly mtime: number;
  readonly linkName: string;
  readonly devMajor: number;
  readonly devMinor: number;
  /** PAX records, values as byte strings. */
  readonly pax: Readonly<Record<string, string>>;
  /** SHA-256 of the content of a file, else "". */
  readonly sha256: string;
}

const PYTHON_LIST = `
import hashlib, io, json, sys, tarfile
def text(s):
    return s.encode("utf-8", "surrogateescape").decode("latin1")
entries = []
with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()), mode="r:", encoding="utf-8") as archive:
    for m in archive:
        digest = hashlib.sha256(archive.extractfile(m).read()).hexdigest() if m.isreg() else ""
        entries.append(dict(name=text(m.name), type=m.type.decode("latin1"), mode=m.mode, uid=m.uid, gid=m.gid,
            size=m.size, mtime=float(m.mtime), linkName=text(m.linkname), devMajor=m.devmajor, devMinor=m.devminor,
            pax={text(k): text(v) for k, v in m.pax_headers.items()}, sha256=digest))
json.dump(entries, sys.stdout)
`;

/** Lists an archive with Python's tarfile. */
export async function pythonEntries(archive: Uint8Array): Promise<readonly PythonEntry[]> {
  const { stdout } = await run(["python3", "-c", PYTHON_LIST], { stdin: archive });
  // made by the script above
  return JSON.parse(stdout) as PythonEntry[];
}

/** Makes an archive of everything in a folder with GNU tar, sorted. */
export async function gnuCreate(folder: string, options: readonly string[]): Promise<Uint8Array> {
  const { bytes } = await run(
    ["tar", "--numeric-owner", "--sort=name", ...options, "-cf", "-", "--null", "-T", "-"],
    { cwd: folder, env: LOCALE, stdin: await namesIn(folder) },
  );
  return bytes;
}

/** Returns the names in a folder, sorted by their bytes, each ended by NUL and without "./". */
async function namesIn(folder: string): Promise<Uint8Array> {
  const { bytes } = await run(["find", ".", "-mindepth", "1", "-maxdepth", "1", "-printf", "%P\\0"], { cwd: folder });
  const { bytes: sorted } = await run(["sort", "-z"], { stdin: bytes, env: LOCALE });
  return sorted;
}
