/**
 * One run for all who ask for the same thing at the same time.
 *
 * @module
 */

/** Shares running work by key. Nothing is kept once the work has ended. */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>();

  /**
   * Returns the result of the run for `key`, starting `body` if there is none. The signal given to `body` is aborted
   * only when all who wait for the run have given up.
   */
  run(key: K, signal: AbortSignal, body: (signal: AbortSignal) => Promise<V>): Promise<V> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const flight = this.#flights.get(key) ?? this.#start(key, body);
    flight.waiting++;
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        if (--flight.waiting === 0) {
          // Whoever asks from now on gets a run of their own, not this dying one.
          if (this.#flights.get(key) === flight) this.#flights.delete(key);
          flight.controller.abort(signal.reason);
        }
        reject(signal.reason);
      };
      signal.addEventListener("abort", giveUp, { once: true });
      const settled = () => signal.removeEventListener("abort", giveUp);
      flight.result.then((value) => (settled(), resolve(value)), (error) => (settled(), reject(error)));
    });
  }

  #start(key: K, body: (signal: AbortSignal) => Promise<V>): Flight<V> {
    const controller = new AbortController();
    const flight: Flight<V> = {
      controller,
      waiting: 0,
      result: Promise.resolve(controller.signal).then(body).finally(() => {
        if (this.#flights.get(key) === flight) this.#flights.delete(key);
      }),
    };
    this.#flights.set(key, flight);
    return flight;
  }
}

interface Flight<V> {
  readonly controller: AbortController;
  readonly result: Promise<V>;
  waiting: number;
}
