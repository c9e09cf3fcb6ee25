/**
 * The world of a report as a value: streams that remember, a clock that stands still.
 *
 * @module
 */
import type { ReportWorld, Sink } from "../../../lib/report/console_report.ts";

/** A stream that remembers what was written to it, as text. */
export interface FakeSink extends Sink {
  text(): string;
}

/** The streams of a {@link fakeWorld}, and the rest. */
export interface FakeWorld extends ReportWorld {
  readonly stdout: FakeSink;
  readonly stderr: FakeSink;
}

/** Makes a world 3.7 seconds after the start of the process. */
export function fakeWorld(
  options: { readonly env?: Readonly<Record<string, string>>; readonly terminal?: boolean } = {},
): FakeWorld {
  const isTerminal = options.terminal ?? false;
  return {
    stdout: fakeSink(isTerminal),
    stderr: fakeSink(isTerminal),
    env: (name) => options.env?.[name],
    now: () => new Date("2026-08-22T10:20:30.400Z"),
    elapsedMs: () => 3700,
  };
}

function fakeSink(isTerminal: boolean): FakeSink {
  const parts: string[] = [];
  return {
    isTerminal,
    write: (bytes) => void parts.push(String.fromCharCode(...bytes)),
    text: () => new TextDecoder().decode(Uint8Array.from(parts.join(""), (char) => char.charCodeAt(0))),
  };
}

/** Returns the bytes of a text. */
export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
