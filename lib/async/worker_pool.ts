/**
 * A fixed number of Workers that take jobs from one queue.
 *
 * Work that burns processor time (unpacking, copying, hashing, compression) must not run on the main thread, which
 * pumps the output of commands and the network. A job is a plain function with cloneable arguments; `serveJobs` in
 * the Worker calls it by name. A job may ask the pool's owner for help (`JobContext.ask`): that is how one layer is
 * compressed by several Workers.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { describeFailure, type Failure, reviveFailure } from "./failure.ts";

/** What a job function gets besides its arguments. */
export interface JobContext {
  /** What the pool's owner gives to every job. */
  readonly shared: unknown;
  /** Sends a request to the owner of the pool and resolves with the answer. Buffers in `transfer` move, not copied. */
  ask(request: unknown, transfer: readonly ArrayBuffer[]): Promise<unknown>;
}

/** Functions a Worker offers, by name. */
// deno-lint-ignore no-explicit-any -- the table's own type keeps each job's arguments; this is only its upper bound
export type JobTable = Record<string, (args: any, context: JobContext) => unknown>;

/** How to make a pool. */
export interface WorkerPoolOptions {
  /** The Worker's module. */
  readonly module: URL;
  readonly size: number;
  /** Jobs given to one Worker at the same time; more than one keeps it busy between short jobs. Default 1. */
  readonly depth?: number;
  /** Answers what jobs ask. */
  readonly answer?: (request: unknown) => Promise<{ value: unknown; transfer: ArrayBuffer[] }>;
}

/** What every job gets. */
interface Shared {
  readonly shared?: unknown;
}

type ToWorker =
  | Shared & { readonly kind: "run"; readonly id: number; readonly job: string; readonly args: unknown }
  | { readonly kind: "answer"; readonly id: number; readonly value?: unknown; readonly failure?: Failure };

type FromWorker =
  | { readonly kind: "done"; readonly id: number; readonly value?: unknown; readonly failure?: Failure }
  | { readonly kind: "ask"; readonly id: number; readonly request: unknown };

interface Pending {
  readonly job: string;
  readonly args: unknown;
  readonly transfer: ArrayBuffer[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Member {
  readonly worker: Worker;
  readonly running: Map<number, Pending>;
}

/** What a job resolves with: its result, without the wrapper that moves buffers. */
export type JobResult<T> = Awaited<T> extends Transferred<infer V> ? V : Awaited<T>;

/** Workers that run the jobs of `Jobs`, one at a time each. They are started when first needed. */
export class WorkerPool<Jobs extends JobTable> implements Disposable {
  readonly #options: WorkerPoolOptions;
  readonly #members: Member[] = [];
  readonly #queue: Pending[] = [];
  #nextId = 0;
  #closed = false;
  /** Given to every job that is started from then on (`JobContext.shared`); cloneable. */
  shared: unknown;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** How many jobs can run at the same time. */
  get size(): number {
    return this.#options.size;
  }

  /** Starts Workers before there are jobs for them: loading their module takes longer than most first jobs. */
  warm(count: number): void {
    while (this.#members.length < Math.min(count, this.#options.size)) this.#start();
  }

  /** Runs a job and resolves with its result; jobs beyond the pool's size wait in order. */
  run<Name extends keyof Jobs & string>(
    job: Name,
    args: Parameters<Jobs[Name]>[0],
    transfer: ArrayBuffer[] = [],
  ): Promise<JobResult<ReturnType<Jobs[Name]>>> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new KilnError("interrupted", `Cannot run the job "${job}": the build has ended`));
      // The table's type ties the name to its result.
      this.#queue.push({ job, args, transfer, resolve: resolve as (value: unknown) => void, reject });
      this.#dispatch();
    });
  }

  /** Ends all Workers at once; jobs still running or waiting are rejected. */
  [Symbol.dispose](): void {
    this.#closed = true;
    const ended = new KilnError("interrupted", "Cannot finish a background job: the build has ended");
    for (const { worker, running } of this.#members) {
      worker.terminate();
      for (const pending of running.values()) pending.reject(ended);
    }
    for (const pending of this.#queue) pending.reject(ended);
    this.#members.length = this.#queue.length = 0;
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const member = this.#freeMember();
      const pending = member === undefined ? undefined : this.#queue.shift();
      if (member === undefined || pending === undefined) return;
      const id = this.#nextId++;
      member.running.set(id, pending);
      post(
        member.worker,
        { kind: "run", id, job: pending.job, args: pending.args, shared: this.shared },
        pending.transfer,
      );
    }
  }

  /** An idle Worker, else a new one, else the one with the fewest jobs if it may have another. */
  #freeMember(): Member | undefined {
    const [least] = this.#members.toSorted((a, b) => a.running.size - b.running.size);
    if (least !== undefined && least.running.size === 0) return least;
    if (this.#members.length < this.#options.size) return this.#start();
    return least !== undefined && least.running.size < (this.#options.depth ?? 1) ? least : undefined;
  }

  #start(): Member {
    const member: Member = { worker: new Worker(this.#options.module, { type: "module" }), running: new Map() };
    member.worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(member, event.data);
    member.worker.onerror = (event) => {
      event.preventDefault();
      this.#members.splice(this.#members.indexOf(member), 1);
      member.worker.terminate();
      for (const pending of member.running.values()) pending.reject(new Error(`A Worker failed: ${event.message}`));
    };
    this.#members.push(member);
    return member;
  }

  #receive(member: Member, message: FromWorker): void {
    if (message.kind === "ask") return void this.#answer(member, message.id, message.request);
    const pending = member.running.get(message.id);
    member.running.delete(message.id);
    if (message.failure === undefined) pending?.resolve(message.value);
    else pending?.reject(reviveFailure(message.failure));
    this.#dispatch();
  }

  async #answer(member: Member, id: number, request: unknown): Promise<void> {
    try {
      const answer = await this.#options.answer?.(request);
      if (!this.#closed) post(member.worker, { kind: "answer", id, value: answer?.value }, answer?.transfer ?? []);
    } catch (error) {
      if (!this.#closed) post(member.worker, { kind: "answer", id, failure: describeFailure(error) }, []);
    }
  }
}

function post(worker: Worker, message: ToWorker, transfer: ArrayBuffer[]): void {
  worker.postMessage(message, transfer);
}

/** The side of a Worker `serveJobs` needs. */
export interface WorkerPort {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: unknown, transfer: Transferable[]): void;
}

/** A job's result together with the buffers that move to the caller. */
export class Transferred<T> {
  readonly value: T;
  readonly buffers: readonly ArrayBuffer[];

  constructor(value: T, buffers: readonly ArrayBuffer[]) {
    this.value = value;
    this.buffers = buffers;
  }
}

/**
 * Runs in the Worker: answers the pool's messages by calling the functions of `jobs`. What a job throws goes through
 * `explain` first: an error loses its type on its way, unless it is a `KilnError`.
 */
export function serveJobs(port: WorkerPort, jobs: JobTable, explain = (error: unknown): unknown => error): void {
  const asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let nextAsk = 0;
  const context: Omit<JobContext, "shared"> = {
    ask: (request, transfer) =>
      new Promise((resolve, reject) => {
        const id = nextAsk++;
        asked.set(id, { resolve, reject });
        port.postMessage({ kind: "ask", id, request } satisfies FromWorker, [...transfer]);
      }),
  };
  const run = async (message: ToWorker & { kind: "run" }): Promise<void> => {
    try {
      const job = jobs[message.job];
      if (job === undefined) throw new Error(`Unreachable: there is no job "${message.job}"`);
      const result = await job(message.args, { ...context, shared: message.shared });
      const [value, buffers] = result instanceof Transferred ? [result.value, result.buffers] : [result, []];
      port.postMessage({ kind: "done", id: message.id, value } satisfies FromWorker, [...buffers]);
    } catch (error) {
      port.postMessage(
        { kind: "done", id: message.id, failure: describeFailure(explain(error)) } satisfies FromWorker,
        [],
      );
    }
  };
  port.onmessage = (event: MessageEvent<ToWorker>) => {
    const message = event.data;
    if (message.kind === "run") return void run(message);
    const waiting = asked.get(message.id);
    asked.delete(message.id);
    if (message.failure === undefined) waiting?.resolve(message.value);
    else waiting?.reject(reviveFailure(message.failure));
  };
}
