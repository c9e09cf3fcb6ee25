/**
 * Folders of files for tests, gone when the test ends.
 *
 * @module
 */
import { dirname, join } from "node:path";

/** A folder that is removed when it is disposed. */
export interface TempFolder extends AsyncDisposable {
  readonly path: string;
  /** Writes a file, with the folders above it; returns its path. */
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>;
}

/** Makes an empty folder. */
export async function tempFolder(): Promise<TempFolder> {
  const path = await Deno.makeTempDir({ prefix: "kiln-test-" });
  return {
    path,
    async write(name: string, content: string | Uint8Array, mode = 0o644): Promise<string> {
      const file = join(path, name);
      await Deno.mkdir(dirname(file), { recursive: true });
      await (typeof content === "string" ? Deno.writeTextFile(file, content) : Deno.writeFile(file, content));
      await Deno.chmod(file, mode);
      return file;
    },
    [Symbol.asyncDispose]: (): Promise<void> => Deno.remove(path, { recursive: true }),
  };
}
