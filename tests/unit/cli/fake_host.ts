/**
 * The outside world of the command line as a value.
 *
 * @module
 */
import type { Host, HostSink } from "../../../lib/cli/host.ts";

/** A {@link Host} whose streams remember what was written to them. */
export interface FakeHost extends Host {
  readonly out: () => string;
  readonly err: () => string;
}

/** What a test wants the world to be. */
export interface FakeWorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly executable?: string;
  readonly stdin?: readonly string[];
  /** Whether stdout fails to take bytes. */
  readonly stdoutLost?: boolean;
}

/** Makes a world in `/here` with only `HOME` set. */
export function fakeHost(options: FakeWorldOptions = {}): FakeHost {
  const env: Readonly<Record<string, string>> = { HOME: "/home/me", ...options.env };
  const [stdout, out] = fakeSink(options.stdoutLost ?? false);
  const [stderr, err] = fakeSink(false);
  return {
    env: (name) => Object.hasOwn(env, name) ? env[name] : undefined,
    envNames: Object.keys(env),
    cwd: options.cwd ?? "/here",
    executable: options.executable ?? "/usr/bin/executor",
    stdin: streamOf(options.stdin ?? []),
    stdinIsTerminal: false,
    stdout,
    stderr,
    now: () => new Date("2026-08-22T10:20:30.000Z"),
    elapsedMs: () => 0,
    onSignal: () => () => {},
    onWarning: () => {},
    out,
    err,
  };
}

function fakeSink(lost: boolean): [HostSink, () => string] {
  const decoder = new TextDecoder();
  let text = "";
  const write = (bytes: Uint8Array): void => {
    if (!lost) text += decoder.decode(bytes, { stream: true });
  };
  return [{ isTerminal: false, lost, write }, () => text];
}

async function* streamOf(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield new TextEncoder().encode(chunk);
}
