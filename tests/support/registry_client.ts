/**
 * A registry client as tests want it: no waiting, everything it says written down.
 *
 * @module
 */
import { createRegistryClient, type RegistryClientOptions } from "../../lib/registry/client.ts";
import type { CredentialSource } from "../../lib/registry/credentials/credential.ts";
import type { Registry } from "../../lib/registry/registry.ts";
import type { BlobSource } from "../../lib/store/blob.ts";
import type { Descriptor } from "../../lib/oci/descriptor.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import type { Level, Report } from "../../lib/report/report.ts";
import { RecordingClock } from "./registry_clock.ts";

/** A client that closes its connections when it is disposed. */
export interface TestClient extends Registry, Disposable {
  readonly clock: RecordingClock;
  /** `level text` of every message. */
  readonly messages: string[];
}

/** Creates a client; pauses take no time and have no jitter. */
export function createTestClient(options: Partial<RegistryClientOptions> = {}): TestClient {
  const messages: string[] = [];
  const clock = new RecordingClock();
  const client = createRegistryClient({
    insecurePush: false,
    insecurePull: false,
    insecureRegistries: new Set(),
    credentials: NOBODY,
    environment: () => undefined,
    report: recordingReport(messages),
    version: "test",
    retries: 3,
    clock,
    random: () => 0,
    ...options,
  });
  return { ...client, clock, messages, [Symbol.dispose]: () => client.close() };
}

/** Finds no credentials. */
export const NOBODY: CredentialSource = { name: "nobody", find: () => Promise.resolve(undefined) };

/** Finds the same user and password for every repository, and writes down who was asked for. */
export function user(username: string, password: string): CredentialSource & { readonly asked: string[] } {
  const asked: string[] = [];
  return {
    name: "the test",
    asked,
    find({ registry, repository }): ReturnType<CredentialSource["find"]> {
      asked.push(`${registry}/${repository}`);
      return Promise.resolve({ credential: { kind: "basic", username, password }, origin: "the test" });
    },
  };
}

/** Writes messages down. */
export function recordingReport(messages: string[]): Report {
  const report: Report = {
    message: (level: Level, text: string) => void messages.push(`${level} ${text}`),
    output: () => {},
    step: () => report,
  };
  return report;
}

/** Describes bytes as a layer blob. */
export function blobOf(bytes: Uint8Array): Descriptor {
  return { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: digestOf(bytes), size: bytes.length };
}

/** A source of bytes in memory, in chunks; counts how often it was opened, and where. */
export function sourceOf(bytes: Uint8Array, chunk = 65536): BlobSource & { readonly opened: number[] } {
  const opened: number[] = [];
  return {
    opened,
    async *open(offset = 0): AsyncGenerator<Uint8Array> {
      opened.push(offset);
      for (let at = offset; at < bytes.length; at += chunk) {
        yield bytes.subarray(at, Math.min(at + chunk, bytes.length));
      }
    },
  };
}

/** Bytes that are not all alike, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Reads a stream to its end. */
export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
