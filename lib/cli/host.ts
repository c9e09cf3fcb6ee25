/**
 * The outside world of the command line: environment, streams, clock, signals. Nothing else in `cli/` reads them, so
 * tests pass a record of their own.
 *
 * @module
 */
import process from "node:process";
import { KilnError } from "../errors.ts";
import type { ReportWorld, Sink } from "../report/console_report.ts";

/** Signals that end a build. */
export type EndSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT";

/** A stream of ours. */
export interface HostSink extends Sink {
  /** Whether bytes were lost for another reason than that the reader went away; a full disk, for example. */
  readonly lost: boolean;
}

/** The outside world. */
export interface Host extends ReportWorld {
  /** An environment variable; bytes that are not UTF-8 are U+FFFD in it. */
  env(name: string): string | undefined;
  /** The names of all environment variables. */
  readonly envNames: readonly string[];
  /** The current directory, absolute. */
  readonly cwd: string;
  /** The running program, absolute. */
  readonly executable: string;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdinIsTerminal: boolean;
  readonly stdout: HostSink;
  readonly stderr: HostSink;
  now(): Date;
  elapsedMs(): number;
  /** Calls `handler` at each such signal, in place of ending the process, until the returned function is called. */
  onSignal(signal: EndSignal, handler: () => void): () => void;
  /** Calls `handler` with each warning of a library, in place of printing it. */
  onWarning(handler: (text: string) => void): void;
}

/** Returns the world of this process. */
export function realHost(): Host {
  return {
    env: readVariable,
    get envNames() {
      return Object.keys(Deno.env.toObject());
    },
    get cwd() {
      return currentDirectory();
    },
    executable: Deno.execPath(),
    get stdin() {
      return Deno.stdin.readable;
    },
    get stdinIsTerminal() {
      return Deno.stdin.isTerminal();
    },
    stdout: createSink(Deno.stdout),
    stderr: createSink(Deno.stderr),
    now: () => new Date(),
    elapsedMs: () => performance.now(),
    onSignal: (signal, handler) => {
      Deno.addSignalListener(signal, handler);
      return () => Deno.removeSignalListener(signal, handler);
    },
    onWarning: (handler) => {
      // The runtime's own listener prints to stderr, which has a form that readers of the log rely on.
      process.removeAllListeners("warning");
      process.on("warning", ({ name, message }) => handler(`${name}: ${message}`));
    },
  };
}

/** What {@link createSink} writes to. */
export interface SyncStream {
  /** Returns how many bytes were written, at least one. */
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/**
 * Makes a sink of a stream. Writes are synchronous: the last lines before a crash are the ones that matter.
 *
 * A log that no one reads any more must not end a build that is about to push: after EPIPE the bytes are dropped. Any
 * other failure (a full disk) drops the bytes of that write only.
 */
export function createSink(stream: SyncStream): HostSink {
  let gone = false;
  let lost = false;
  return {
    isTerminal: stream.isTerminal(),
    get lost() {
      return lost;
    },
    write: (bytes) => {
      let rest = bytes;
      while (!gone && rest.length > 0) {
        try {
          rest = rest.subarray(stream.writeSync(rest));
        } catch (error) {
          const code = codeOf(error);
          if (code === "EAGAIN") pause();
          else if (code === "EPIPE") gone = true;
          else {
            lost = true;
            return;
          }
        }
      }
    },
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** A parent (node, ssh) can leave our stdout non-blocking, so that a full pipe fails instead of waiting. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}

function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (error) {
    // Deno refuses values that are not UTF-8; the kernel's copy has the bytes.
    if (!(error instanceof Deno.errors.InvalidData)) throw error;
    const variables = new TextDecoder().decode(Deno.readFileSync("/proc/self/environ")).split("\0");
    return variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
  }
}

function currentDirectory(): string {
  try {
    return Deno.cwd();
  } catch (cause) {
    const isGone = cause instanceof Deno.errors.NotFound;
    const state = isGone ? "it does not exist any more" : "its path is not UTF-8";
    throw new KilnError("usage", `Cannot find the current directory: ${state}`, { cause });
  }
}
