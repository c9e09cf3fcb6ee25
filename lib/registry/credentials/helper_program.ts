/**
 * Credential helpers: programs named `docker-credential-*` that keep secrets for Docker.
 *
 * Protocol: https://github.com/docker/docker-credential-helpers. `get` reads the server from stdin and prints
 * `{"ServerURL", "Username", "Secret"}`; a known sentence and exit status 1 mean that there is nothing. Helpers are other
 * people's programs: time and output are limited, and what they print is shown only where it cannot hold the secret.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { KilnError } from "../../errors.ts";
import { parseJsonObject, requiredString } from "../../oci/json.ts";
import { printable } from "../printable.ts";
import { basicCredential } from "./auths.ts";
import { readingConfig } from "./config_error.ts";
import type { Credential } from "./credential.ts";

/** How helpers are run. */
export interface HelperOptions {
  readonly timeoutMs?: number;
  /** The whole environment of the helper, which also says where it is looked for; by default ours. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One question to a helper. */
export interface HelperQuestion extends HelperOptions {
  /** The config file that names the helper, for messages. */
  readonly namedBy: string;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 30_000;
const OUTPUT_CAP_BYTES = 64 * 1024;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Asks the helper `docker-credential-<name>` for the credential of a server; undefined if it has none.
 *
 * @throws {KilnError} kind `denied`, if it cannot be run, fails, takes too long or prints something else.
 */
export async function askHelper(
  name: string,
  server: string,
  question: HelperQuestion,
): Promise<Credential | undefined> {
  const { namedBy, signal, timeoutMs = TIMEOUT_MS, env } = question;
  if (!NAME.test(name)) {
    throw new KilnError(
      "usage",
      `Cannot run the credential helper "${printable(name)}": that is not a program's name`,
      {
        hint: `it is named in "${namedBy}"`,
      },
    );
  }
  const program = `docker-credential-${name}`;
  const fail = (why: string) =>
    new KilnError("denied", `Cannot get credentials for "${server}" from ${program}: ${why}`, {
      hint: `"${namedBy}" names this helper`,
    });
  const { status, output, complaint } = await run(program, server, { signal, timeoutMs, env, fail });
  if (status !== 0) {
    if (isNothing(output)) return undefined;
    throw fail(`it ended with ${status}${told(output) || told(complaint)}`);
  }
  const what = `the answer of ${program}`;
  return readingConfig(() => {
    const fields = parseJsonObject(Buffer.from(output), what);
    return basicCredential(requiredString(fields, "Username", what), requiredString(fields, "Secret", what));
  });
}

interface Run {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly env: HelperOptions["env"];
  readonly fail: (why: string) => KilnError;
}

interface Outcome {
  /** 0, another exit status in words, or the signal that ended it. */
  readonly status: 0 | string;
  readonly output: string;
  readonly complaint: string;
}

function run(program: string, server: string, { signal, timeoutMs, env, fail }: Run): Promise<Outcome> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    // A process group of its own, so that what the helper has started ends with it.
    const child = spawn(program, ["get"], { stdio: "pipe", detached: true, ...(env === undefined ? {} : { env }) });
    const end = (error: unknown) => {
      if (child.pid === undefined || child.exitCode !== null) return reject(error);
      child.once("exit", () => reject(error));
      killGroup(child.pid);
      // Something that left the group may hold the pipes open.
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
    };
    const timer = setTimeout(() => end(fail(`it did not end within ${timeoutMs / 1000} s`)), timeoutMs);
    const stop = () => end(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    const output = collect(child.stdout, () => end(fail(`it printed more than ${OUTPUT_CAP_BYTES / 1024} KiB`)));
    const complaint = collect(child.stderr, () => {});
    child.stdin.on("error", () => {}); // It need not read the question.
    child.on("error", (error) => end(fail(startFault(error))));
    child.on("close", (code, killedBy) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      const status = code === 0 ? 0 : code === null ? `the signal ${killedBy}` : `exit status ${code}`;
      resolve({ status, output: output(), complaint: complaint() });
    });
    child.stdin.end(`${server}\n`);
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

/** Keeps what a stream says, up to the cap. */
function collect(stream: NonNullable<ChildProcess["stdout"]>, tooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > OUTPUT_CAP_BYTES) return tooMuch();
    chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString("utf8");
}

function startFault(error: Error): string {
  const code = "code" in error ? error.code : undefined;
  return code === "ENOENT" ? "it is not on the PATH" : code === "EACCES" ? "it is not executable" : "it cannot be run";
}

/** The sentences by which helpers say that they have no entry. */
function isNothing(output: string): boolean {
  const text = output.trim();
  return text === "credentials not found in native keychain" || text === "no credentials server URL" ||
    text === "no credentials username";
}

/** Returns the first line of what a failed helper said, unless that looks like the answer it should not have failed with. */
function told(text: string): string {
  const [line = ""] = text.trim().split("\n", 1);
  return line === "" || text.includes("{") || /secret|password|token/i.test(text) ? "" : `: ${printable(line)}`;
}
