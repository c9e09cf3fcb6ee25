/**
 * The fallback for a machine that cannot get denort: one file that unpacks the deno binary and the bundle into a
 * per-user cache when first started, and from then on only runs them.
 *
 * The file is a POSIX shell script with a tar archive behind it. After the first start the script makes no process
 * and reads no file but itself: it tests the owner of two folders and replaces itself by deno, through a launcher that
 * moves into a mount namespace (`launcher.ts`), which costs about 1 ms. What it guards against: several first starts at once (each unpacks for itself, one rename wins), an unpacking
 * that was cut off (nothing but a complete folder is ever renamed), and folders or links that somebody else planted
 * (they are refused: the code must lie in a folder of our own that nobody else may write). Folders that cannot be
 * written, or from which nothing may be run, are passed over for the next one: of XDG_CACHE_HOME, HOME, /var/cache and
 * /tmp the first that will do.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path/posix";
import { HIDDEN_HOME } from "../../lib/sys/hidden_home.ts";
import { MALLOC_SETTINGS, PRIVATE_MOUNTS_VARIABLE } from "../../lib/sys/private_mounts.ts";
import type { Architecture } from "./compile.ts";
import { makeLauncher } from "./launcher.ts";
import { command } from "../command.ts";

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
    env: [`HOME=${HIDDEN_HOME}`],
    namespaceVariable: PRIVATE_MOUNTS_VARIABLE,
    failure: "error: Cannot start the Deno that was unpacked: the kernel refuses to run it",
  });
  await Deno.writeFile(join(tree, "start"), launcher);
  for (const name of ["deno", "start"]) await Deno.chmod(join(tree, name), 0o755);
  const fixed = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--format=ustar"];
  await command(["tar", ...fixed, "-b", "8", "-C", tree, "-cf", tar, "app", "deno", "start"]);
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
# Calls $1 with the places to unpack to, best first, until it is content. A folder that is not ours (sudo keeps HOME)
# could be changed by its owner under our feet.
kiln_places() {
  case \${XDG_CACHE_HOME:-} in
    /*) if [ ! -e "$XDG_CACHE_HOME" ] || [ -O "$XDG_CACHE_HOME" ]; then "$1" "$XDG_CACHE_HOME/kiln-executor" && return; fi ;;
  esac
  if [ -n "\${HOME:-}" ] && [ -O "$HOME" ]; then "$1" "$HOME/.cache/kiln-executor" && return; fi
  if [ -O /var/cache ]; then "$1" /var/cache/kiln-executor && return; fi
  "$1" "/tmp/kiln-executor-$(id -u)"
}
kiln_is_there() {
  kiln_dir=$1/@DIGEST@
  [ -O "$1" ] && [ ! -h "$1" ] && [ -O "$kiln_dir" ] && [ ! -h "$kiln_dir" ]
}
# Unpacks to $1. Where nothing can be kept or run: says so and returns 1. Where somebody else has a hand in it: fails.
kiln_unpack() (
  umask 077
  kiln_above=\${1%/*}
  kiln_dir=$1/@DIGEST@
  mkdir -p "$kiln_above" 2>/dev/null
  mkdir "$1" 2>/dev/null
  if [ ! -e "$1" ] && [ ! -h "$1" ]; then
    printf '"%s" cannot be made' "$1"
    return 1
  fi
  if [ -h "$1" ] || [ ! -O "$1" ]; then
    kiln_fail "\\"$1\\" is not a folder of your own" 'remove it, or set XDG_CACHE_HOME to a folder of your own'
  fi
  if [ -n "$(find "$kiln_above" "$1" -prune -perm -0002 ! -perm -1000; find "$1" -prune -perm -0020)" ]
  then kiln_fail "others may write \\"$1\\" or the folder above it" 'set XDG_CACHE_HOME to a folder of your own'
  fi
  if [ -h "$kiln_dir" ] || { [ -e "$kiln_dir" ] && [ ! -O "$kiln_dir" ]; }; then
    kiln_fail "\\"$kiln_dir\\" is not what was unpacked" 'remove it'
  fi
  if ! kiln_part=$(mktemp -d "$1/.part.XXXXXXXX" 2>/dev/null); then
    printf '"%s" cannot be written' "$1"
    return 1
  fi
  trap 'rm -rf "$kiln_part"' EXIT
  trap 'exit 75' HUP INT TERM
  printf '#!/bin/sh\\n' > "$kiln_part/try"
  chmod 700 "$kiln_part/try"
  if ! "$kiln_part/try" 2>/dev/null; then
    printf 'nothing can be run from "%s"' "$1"
    return 1
  fi
  rm "$kiln_part/try"
  # tar takes an archive that is cut off between two files for a whole one.
  case $(tail -c +@START@ "$0" | sha256sum) in
    @DIGEST@*) ;;
    *) kiln_fail "\\"$0\\" is damaged" 'get it again' ;;
  esac
  if ! tail -c +@START@ "$0" | tar -xmf - -C "$kiln_part" --no-same-owner 2>/dev/null; then
    printf '"%s" cannot be filled' "$1"
    return 1
  fi
  sync "$kiln_part/deno" "$kiln_part"/app/* 2>/dev/null
  # Another first start may have won: then its folder stands, and ours is dropped.
  mv -T "$kiln_part" "$kiln_dir" 2>/dev/null || rm -rf "$kiln_part"
  trap - EXIT HUP INT TERM
)
kiln_make() {
  kiln_why=$(kiln_unpack "$1")
  kiln_code=$?
  case $kiln_code in
    0) kiln_is_there "$1" || kiln_fail "\\"$kiln_dir\\" cannot be used" 'remove it' ;;
    1) return 1 ;;
    *) exit "$kiln_code" ;;
  esac
}
if ! kiln_places kiln_is_there; then
  kiln_places kiln_make ||
    kiln_fail "$kiln_why" 'set XDG_CACHE_HOME to a folder to write to and run from, with 110 MB free'
fi
# Deno would end with a message of its own. Only where this is likely a process is made to find out.
if ! [ "\${PWD:-}" -ef . ] && [ -z "$(pwd -P 2>/dev/null)" ]; then
  printf 'error: Cannot find the current directory: it does not exist any more\\n' >&2
  exit 64
fi
export DENO_DIR="$kiln_dir/deno-dir" @SETTINGS@
exec "$kiln_dir/start" "$kiln_dir/deno" run @FLAGS@ "$kiln_dir/app/main.js" "$@"
exit 127
`;
