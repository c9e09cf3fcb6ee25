/**
 * Who may rely on the files of a container's root, and who may put others in their place.
 *
 * A build in place does that while a command runs; who then looked for credentials would find the image's (attack S29).
 * Gates keep the build itself from it (`async/gate.ts`), this lock every other process of ours in the container.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { BytePath } from "../io/byte_path.ts";
import * as files from "../sys/file.ts";

/** A lock of a root. */
export class RootLock implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Keeps others from building in it. @throws {KilnError} kind `interrupted`, if another build does that now */
  static share(root: BytePath): RootLock {
    const lock = new RootLock(files.openDirectory(root));
    try {
      lock.#take("shared");
      return lock;
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
  }

  /** For who builds in it. @throws {KilnError} kind `interrupted`, if others rely on it; then this lock is lost */
  own(): void {
    this.#take("exclusive");
  }

  [Symbol.dispose](): void {
    files.close(this.#fd);
  }

  #take(how: "shared" | "exclusive"): void {
    if (files.tryLock(this.#fd, how)) return;
    throw new KilnError("interrupted", "Cannot build in place: another build in this container is at it", {
      hint: "wait for it to end, or build in a container of your own",
    });
  }
}
