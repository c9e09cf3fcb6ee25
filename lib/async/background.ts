/**
 * The owner of work nobody awaits yet: uploads, cache writes and the like that run while the build goes on.
 *
 * Every promise that is not awaited where it is made belongs here; so no failure is lost and nothing outlives the build:
 * also when it fails, what was begun elsewhere (an upload session) is ended in order.
 *
 * @module
 */

/** Runs named tasks until they are joined; the first failure aborts all of them. Disposing of it ends what still runs. */
export class Background implements AsyncDisposable {
  readonly #controller: AbortController;
  readonly #running = new Map<symbol, string>();
  readonly #ended: Array<() => void> = [];
  #failure: { readonly error: unknown } | undefined;

  /** @param controller aborted with the error of the first task that fails. */
  constructor(controller: AbortController) {
    this.#controller = controller;
  }

  /** The names of the tasks that have not ended, for a progress line or a stuck build. */
  get running(): readonly string[] {
    return [...this.#running.values()];
  }

  /** Starts a task. Its signal is the controller's. */
  start(name: string, task: (signal: AbortSignal) => Promise<void>): void {
    const end = this.#begin(name);
    Promise.resolve(this.#controller.signal).then(task).then(end, (error) => {
      // Later failures are echoes of the abort.
      this.#failure ??= { error };
      this.#controller.abort(error);
      end();
    });
  }

  /** Takes care that a promise is waited for that somebody awaits later, or, if the build fails, never. */
  follow<T>(name: string, promise: Promise<T>): Promise<T> {
    const end = this.#begin(name);
    promise.then(end, end);
    return promise;
  }

  /** Waits until every task has ended, also those started meanwhile; throws the error of the first that failed. */
  async join(): Promise<void> {
    await this.#allEnded();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Aborts what still runs and waits until it has ended; its failures are echoes of that. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running.size > 0) this.#controller.abort(new Error("The build has ended"));
    await this.#allEnded();
  }

  #begin(name: string): () => void {
    const key = Symbol(name);
    this.#running.set(key, name);
    return () => {
      this.#running.delete(key);
      if (this.#running.size === 0) { for (const wake of this.#ended.splice(0)) wake(); }
    };
  }

  async #allEnded(): Promise<void> {
    while (this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#ended.push(resolve));
    }
  }
}
