/**
 * The fallback for a machine that cannot get denort: one file that unpacks the deno binary and the bundle into a
 * per-user cache when first started, and from then on only runs them.
 *
 * The file is a POSIX shell script with a tar archive behind it. After the first start the script makes no process
 * and reads no file but itself: it tests the owner of two folders and replaces itself by deno, through a launcher that
 * moves into a mount namespace (`launcher.ts`), which costs about 1 ms. What it guards against: several first starts at once (each unpacks for itself, one rename wins), an unpacking
 * that was cut off (nothing but a complete folder is ever renamed), and folders or links that somebody else planted
 * (they are refused: the code must lie in a folder of our own that nobody else may write).
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path/posix";
import { MALLOC_SETTINGS, PRIVATE_MOUNTS_VARIABLE } from "../../lib/sys/private_mounts.ts";
import type { Architecture } from "./compile.ts";
import { makeLauncher } from "./launcher.ts";

/** What goes into the file. */
export interface SelfExtracting {
  /** The deno binary. */
  readonly deno: string;
  readonly architecture: Architecture;
  /** The folder with the bundle: `main.js`, `lib/worker.js` and their chunks. */
  readonly bundle: string;
  /** The file to write. */
  readonly output: string;
}

/** Flags that keep deno from looking at anything but the bundle (deno.md 7). */
export const DENO_FLAGS: readonly string[] = [
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--no-prompt",
  "-A",
];

/** Variables the runtime is started with. */
export const RUNTIME_SETTINGS: readonly string[] = ["DENO_NO_UPDATE_CHECK=1", ...MALLOC_SETTINGS];

/** Writes the file, executable. */
export async function writeSelfExtracting(request: SelfExtracting): Promise<void> {
  const scratch = await Deno.makeTempDir({ prefix: "kiln-build-" });
  try {
    const tar = join(scratch, "payload.tar");
    await pack(request, scratch, tar);
    const header = new TextEncoder().encode(headerFor(await digest(tar)));
    const part = `${request.output}.part`;
    using output = await Deno.open(part, { write: true, create: true, truncate: true, mode: 0o755 });
    await output.write(header);
    for await (const chunk of createReadStream(tar, { highWaterMark: 1 << 20 })) await writeAll(output, chunk);
    await Deno.chmod(part, 0o755);
    await Deno.rename(part, request.output);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Sorted, with fixed owners and times: the same input gives the same bytes. */
async function pack(request: SelfExtracting, scratch: string, tar: string): Promise<void> {
  const tree = join(scratch, "tree");
  await Deno.mkdir(tree);
  await command(["cp", "-L", request.deno, join(tree, "deno")]);
  await command(["cp", "-RL", request.bundle, join(tree, "app")]);
  await command(["chmod", "-R", "u=rwX,go=rX", tree]);
  const launcher = makeLauncher({
    architecture: request.architecture,
    argv: [],
    env: [],
    namespaceVariable: PRIVATE_MOUNTS_VARIABLE,
    failure: "error: Cannot start the Deno that was unpacked: the kernel refuses to run it",
  });
  await Deno.writeFile(join(tree, "start"), launcher);
  for (const name of ["deno", "start"]) await Deno.chmod(join(tree, name), 0o755);
  const fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=ustar"];
  await command(["tar", ...fixed, "-b", "8", "-C", tree, "-cf", tar, "app", "deno", "start"]);
}

async function command(words: readonly string[]): Promise<void> {
  const [program = "", ...args] = words;
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`Cannot run "${words.join(" ")}": ${new TextDecoder().decode(stderr).trim()}`);
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest("hex").slice(0, 32);
}

async function writeAll(file: Deno.FsFile, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
}

/** The header is padded to a whole number of 4096-byte blocks: `tail` starts behind it. */
function headerFor(payload: string): string {
  const size = 8192;
  const script = SCRIPT.replaceAll("@DIGEST@", payload).replaceAll("@START@", String(size + 1))
    .replaceAll("@FLAGS@", DENO_FLAGS.join(" ")).replaceAll("@SETTINGS@", RUNTIME_SETTINGS.join(" "));
  if (script.length > size) throw new Error("Cannot write the header: it is longer than 8192 bytes");
  return `${script}${"#".repeat(size - script.length - 1)}\n`;
}

/** Names start with kiln_: an assignment to a variable of the caller's environment would reach the program. */
const SCRIPT = `#!/bin/sh
# Kiln, with the Deno runtime it needs behind this script. Unpacked once into a cache folder of the user's own.
kiln_fail() {
  printf 'error: Cannot start Kiln: %s\\nhint: %s\\n' "$1" "$2" >&2
  exit 73
}
kiln_unpack() {
  umask 077
  kiln_above=\${kiln_base%/*}
  mkdir -p "$kiln_above" || kiln_fail "\\"$kiln_above\\" cannot be made" 'set XDG_CACHE_HOME to a folder of your own'
  mkdir "$kiln_base" 2>/dev/null
  if [ -h "$kiln_base" ] || [ ! -O "$kiln_base" ]; then
    kiln_fail "\\"$kiln_base\\" is not a folder of your own" 'remove it, or set XDG_CACHE_HOME to a folder of your own'
  fi
  if [ -n "$(find "$kiln_above" "$kiln_base" -prune -perm -0002 ! -perm -1000; find "$kiln_base" -prune -perm -0020)" ]
  then kiln_fail "others may write \\"$kiln_base\\" or the folder above it" 'set XDG_CACHE_HOME to a folder of your own'
  fi
  if [ -h "$kiln_dir" ] || { [ -e "$kiln_dir" ] && [ ! -O "$kiln_dir" ]; }; then
    kiln_fail "\\"$kiln_dir\\" is not what was unpacked" 'remove it'
  fi
  kiln_part=$(mktemp -d "$kiln_base/.part.XXXXXXXX") ||
    kiln_fail "\\"$kiln_base\\" cannot be written" 'set XDG_CACHE_HOME to a folder with 110 MB free'
  trap 'rm -rf "$kiln_part"' EXIT
  trap 'exit 75' HUP INT TERM
  # tar takes an archive that is cut off between two files for a whole one.
  case $(tail -c +@START@ "$0" | sha256sum) in
    @DIGEST@*) ;;
    *) kiln_fail "\\"$0\\" is damaged" 'get it again' ;;
  esac
  tail -c +@START@ "$0" | tar -xmf - -C "$kiln_part" --no-same-owner ||
    kiln_fail "\\"$0\\" cannot be unpacked into \\"$kiln_base\\"" 'it takes tar and 110 MB of space'
  sync "$kiln_part/deno" "$kiln_part"/app/* 2>/dev/null
  # Another first start may have won: then its folder stands, and ours is dropped.
  mv -T "$kiln_part" "$kiln_dir" 2>/dev/null || rm -rf "$kiln_part"
  trap - EXIT HUP INT TERM
}
# A cache folder that is not ours (sudo keeps HOME) could be changed by its owner under our feet.
kiln_base=
case \${XDG_CACHE_HOME:-} in
  /*) if [ ! -e "$XDG_CACHE_HOME" ] || [ -O "$XDG_CACHE_HOME" ]; then kiln_base=$XDG_CACHE_HOME/kiln-executor; fi ;;
esac
if [ -z "$kiln_base" ] && [ -n "\${HOME:-}" ] && [ -O "$HOME" ]; then kiln_base=$HOME/.cache/kiln-executor; fi
if [ -z "$kiln_base" ] && [ -O /var/cache ]; then kiln_base=/var/cache/kiln-executor; fi
if [ -z "$kiln_base" ]; then kiln_base=/tmp/kiln-executor-$(id -u); fi
kiln_dir=$kiln_base/@DIGEST@
if [ -O "$kiln_base" ] && [ ! -h "$kiln_base" ] && [ -O "$kiln_dir" ] && [ ! -h "$kiln_dir" ]; then :; else
  (kiln_unpack) || exit
  if [ ! -O "$kiln_dir" ]; then kiln_fail "\\"$kiln_dir\\" cannot be used" 'remove it'; fi
fi
export DENO_DIR="$kiln_dir/deno-dir" @SETTINGS@
exec "$kiln_dir/start" "$kiln_dir/deno" run @FLAGS@ "$kiln_dir/app/main.js" "$@"
exit 127
`;
