/**
 * Where secrets are files: in memory, for as long as a build runs.
 *
 * @module
 */
import { type BytePath, bytePathOf } from "../io/byte_path.ts";
import * as files from "../sys/file.ts";
import { mount, MS, unmount } from "../sys/mount.ts";

/** Makes the directory for secrets in memory, where the host allows it, and in any case readable by nobody else. */
export class SecretDirectory implements Disposable {
  readonly #path: BytePath;
  readonly #canMount: boolean;
  #made = false;

  /** @param path where it is to be; does not exist yet. */
  constructor(path: string, options: { readonly canMount: boolean }) {
    this.#path = bytePathOf(path);
    this.#canMount = options.canMount;
  }

  /** Returns the directory. */
  path(): BytePath {
    if (!this.#made) {
      files.makeDirectory(files.AT_FDCWD, this.#path, 0o700);
      if (this.#canMount) {
        const flags = MS.NOSUID | MS.NODEV | MS.NOEXEC;
        mount({ source: "secrets", target: this.#path, type: "tmpfs", flags, options: "mode=0700,size=64m" });
      }
      this.#made = true;
    }
    return this.#path;
  }

  [Symbol.dispose](): void {
    if (this.#made && this.#canMount) unmount(this.#path);
  }
}
