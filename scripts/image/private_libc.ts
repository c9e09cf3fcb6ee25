/**
 * A C library of the image's own, in `/kaniko/lib`: the executor shares its root with the image it builds, which
 * replaces `/lib` under its feet and is not to be trusted.
 *
 * - Programs name their loader and, as DT_RPATH, the folder of their libraries. RUNPATH would lose against an
 *   LD_LIBRARY_PATH of the image (deno.md 7), so `--force-rpath` (decisions 20).
 * - The loader reads `/etc/ld.so.preload` and `/etc/ld.so.cache`, and libc `/etc/nsswitch.conf`, which can each make it
 *   load code of the image being built. In the private copies these names lead into `/kaniko/lib`.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { basename, join } from "node:path/posix";

/** Where the libraries are in the image. */
const LIBRARY_FOLDER = "/kaniko/lib";

/** Files that lead to foreign code, and what the private libraries read in their place; never longer. */
const REDIRECTED = [
  { library: /^ld-linux/, from: "/etc/ld.so.preload", to: `${LIBRARY_FOLDER}/pre` },
  { library: /^ld-linux/, from: "/etc/ld.so.cache", to: `${LIBRARY_FOLDER}/cac` },
  { library: /^libc\.so/, from: "/etc/nsswitch.conf", to: `${LIBRARY_FOLDER}/nss` },
] as const;

/** What the private libc reads for `/etc/nsswitch.conf`: both sources are built into it. */
const NAME_SERVICES = "hosts: files dns\n";

/** Copies a program into the image's root, tied to the private libraries, which are copied as well. */
export class PrivateLibc {
  readonly #root: string;
  readonly #folders: readonly string[];
  readonly #copied = new Set<string>();

  /**
   * @param root the folder that becomes the image's `/`.
   * @param folders where this system has its libraries, in the order to look.
   */
  constructor(root: string, folders: readonly string[]) {
    this.#root = root;
    this.#folders = folders;
  }

  /** Ties the program at `path` to the private libraries and copies those it needs. */
  async adopt(path: string): Promise<void> {
    const loader = basename((await patchelf(["--print-interpreter", path])).trim());
    const flags = ["--set-interpreter", join(LIBRARY_FOLDER, loader), "--force-rpath", "--set-rpath", LIBRARY_FOLDER];
    await patchelf([...flags, path]);
    await this.#copy(loader);
    await this.#copyNeeded(path);
    await Deno.writeTextFile(join(this.#root, LIBRARY_FOLDER, "nss"), NAME_SERVICES);
  }

  async #copyNeeded(path: string): Promise<void> {
    const needed = (await patchelf(["--print-needed", path])).split("\n").filter((name) => name !== "");
    for (const name of needed) await this.#copy(name);
  }

  async #copy(name: string): Promise<void> {
    if (this.#copied.has(name)) return;
    this.#copied.add(name);
    const source = this.#find(name);
    const target = join(this.#root, LIBRARY_FOLDER, name);
    await Deno.mkdir(join(this.#root, LIBRARY_FOLDER), { recursive: true });
    await Deno.writeFile(target, redirect(name, await Deno.readFile(source)), { mode: 0o755 });
    await Deno.chmod(target, 0o755);
    await this.#copyNeeded(source);
  }

  #find(name: string): string {
    const found = this.#folders.map((folder) => join(folder, name)).find((path) => isFile(path));
    if (found === undefined) throw new Error(`Cannot find ${name} in ${this.#folders.join(", ")}`);
    return found;
  }
}

/** Makes a library read its own files in place of the image's. */
export function redirect(name: string, library: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const bytes = Buffer.from(library.buffer, library.byteOffset, library.length);
  for (const { library: which, from, to } of REDIRECTED) {
    if (!which.test(name)) continue;
    // Whole strings only: help texts name the same paths.
    const [before, after] = [Buffer.from(`\0${from}\0`), Buffer.from(`\0${to.padEnd(from.length, "\0")}\0`)];
    let at = bytes.indexOf(before);
    if (at < 0) throw new Error(`Cannot make ${name} private: it does not name ${from}`);
    for (; at >= 0; at = bytes.indexOf(before, at + 1)) bytes.set(after, at);
  }
  return library;
}

async function patchelf(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("patchelf", { args: [...args] }).output();
  if (!success) throw new Error(`Cannot patch "${args.at(-1)}": ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
