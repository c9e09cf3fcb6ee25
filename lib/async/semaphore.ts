/**
 * A counting semaphore: at most so many at a time, first come, first served.
 *
 * @module
 */

/** Hands out permits. The limit may change while permits are out. */
export class Semaphore {
  #limit: number;
  #out = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(limit: number) {
    this.#limit = checked(limit);
  }

  /** How many permits may be out at once. */
  get limit(): number {
    return this.#limit;
  }

  /** Raises the limit at once; lowers it as permits come back. */
  set limit(limit: number) {
    this.#limit = checked(limit);
    this.#admit();
  }

  /** Waits for a permit; disposing of it gives it back. Rejects with the signal's reason when it is aborted. */
  async acquire(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#out < this.#limit && this.#waiting.length === 0) this.#out++;
    else await this.#turn(signal);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#out--;
        this.#admit();
      },
    };
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      this.#waiting.push(enter);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  #admit(): void {
    while (this.#out < this.#limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#out++;
      next();
    }
  }
}

function checked(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1) return limit;
  throw new RangeError(`A semaphore needs a whole limit of at least 1, not ${limit}`);
}
