/**
 * The owner of work nobody awaits yet: uploads, cache writes and the like that run while the build goes on.
 *
 * Every promise that is not awaited where it is made belongs here; so no failure is lost and nothing outlives the build.
 *
 * @module
 */

/** Runs named tasks until they are joined; the first failure aborts all of them. */
export class Background {
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
    const key = Symbol(name);
    this.#running.set(key, name);
    const end = () => {
      this.#running.delete(key);
      if (this.#running.size === 0) { for (const wake of this.#ended.splice(0)) wake(); }
    };
    Promise.resolve(this.#controller.signal).then(task).then(end, (error) => {
      // Later failures are echoes of the abort.
      this.#failure ??= { error };
      this.#controller.abort(error);
      end();
    });
  }

  /** Waits until every task has ended, also those started meanwhile; throws the error of the first that failed. */
  async join(): Promise<void> {
    while (this.#running.size > 0) {
      await new Promise<void>((resolve) => this.#ended.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
