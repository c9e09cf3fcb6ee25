/**
 * A gate that lets in many together, or one alone.
 *
 * @module
 */

interface Waiting {
  readonly alone: boolean;
  readonly enter: () => void;
  readonly refuse: (reason: unknown) => void;
}

/**
 * Who waits to be alone is overtaken by those who come together: what somebody inside needs may be behind the gate, too.
 * So whoever is let in together must come to an end.
 */
export class Gate {
  readonly #waiting: Waiting[] = [];
  #inside = 0;
  #isAlone = false;
  #closed: { readonly reason: unknown } | undefined;

  /** Whether somebody is inside alone. */
  get isAlone(): boolean {
    return this.#isAlone;
  }

  /** Waits until nobody is inside alone; disposing of it leaves. Rejects with the signal's reason when it is aborted. */
  together(signal: AbortSignal): Promise<Disposable> {
    return this.#enter(false, signal);
  }

  /** Waits until nobody else is inside. */
  alone(signal: AbortSignal): Promise<Disposable> {
    return this.#enter(true, signal);
  }

  /**
   * Lets nobody in any more: whoever waits or comes gets the reason. For who is inside alone, stays so for good, and
   * cannot leave things as others need them.
   */
  close(reason: unknown): void {
    this.#closed = { reason };
    for (const { refuse } of [...this.#waiting]) refuse(reason);
  }

  async #enter(alone: boolean, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed.reason;
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        alone,
        enter: () => {
          signal.removeEventListener("abort", leave);
          resolve();
        },
        refuse: (reason) => {
          signal.removeEventListener("abort", leave);
          this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
          reject(reason);
        },
      };
      const leave = (): void => waiting.refuse(signal.reason);
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(waiting);
      this.#admit();
    });
    let isInside = true;
    return {
      [Symbol.dispose]: () => {
        if (!isInside || this.#closed !== undefined) return;
        isInside = false;
        this.#inside--;
        this.#isAlone = false;
        this.#admit();
      },
    };
  }

  #admit(): void {
    if (this.#isAlone) return;
    for (const waiting of this.#waiting.filter(({ alone }) => !alone)) this.#letIn(waiting);
    const [first] = this.#waiting;
    if (first === undefined || this.#inside > 0) return;
    this.#isAlone = true;
    this.#letIn(first);
  }

  #letIn(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#inside++;
    waiting.enter();
  }
}
