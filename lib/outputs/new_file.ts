/**
 * Files and folders of outputs: complete or not there, with the same modes whatever the umask (S78).
 *
 * @module
 */
import { dirname, join } from "node:path/posix";

/** What everybody may do with a file we write. */
const FILE_MODE = 0o644;

/** Creates a folder and what is missing above it, each with the given mode. */
export async function createFolder(path: string, mode: number): Promise<void> {
  try {
    await Deno.mkdir(path);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      if ((await Deno.stat(path)).isDirectory) return;
      throw Object.assign(new Error("it is not a directory"), { code: "ENOTDIR", cause: error });
    }
    if (!(error instanceof Deno.errors.NotFound) || dirname(path) === path) throw error;
    await createFolder(dirname(path), mode);
    await Deno.mkdir(path);
  }
  await Deno.chmod(path, mode);
}

/** Makes sure that files can be made in a folder. */
export async function checkWritable(folder: string): Promise<void> {
  const path = temporaryIn(folder);
  const file = await Deno.open(path, { write: true, createNew: true });
  file.close();
  await Deno.remove(path);
}

/**
 * Writes a file beside its final place, then gives it its name; on failure nothing is left. Whoever reads the name sees
 * the old file or the whole new one.
 */
export async function writeNewFile<T>(path: string, write: (file: Deno.FsFile) => Promise<T>): Promise<T> {
  const temporary = temporaryIn(dirname(path));
  const file = await Deno.open(temporary, { write: true, createNew: true, mode: FILE_MODE });
  try {
    let result: T;
    try {
      result = await write(file);
    } finally {
      file.close();
    }
    await Deno.chmod(temporary, FILE_MODE);
    await Deno.rename(temporary, path);
    return result;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // The first error is the one to tell.
    throw error;
  }
}

function temporaryIn(folder: string): string {
  return join(folder, `.kiln-${crypto.randomUUID()}`);
}
