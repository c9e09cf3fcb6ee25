/**
 * `--ssh`: the agents of a build. Grammar, as in BuildKit: `ID[=SOCKET|KEY[,KEY...]]`; an id alone is the agent at
 * `SSH_AUTH_SOCK`.
 *
 * @module
 */
import { resolve } from "node:path/posix";
import { KilnError } from "../errors.ts";
import type { AgentSource } from "../exec/agent/agent.ts";
import { KeyFault, parsePrivateKey, type PrivateKey } from "../exec/agent/private_key.ts";

/** One `--ssh`. */
export interface SshSpec {
  readonly id: string;
  /** A socket, or files of keys; absolute. */
  readonly paths: readonly string[];
}

/** What parsing reads of the world. */
export interface SshWorld {
  env(name: string): string | undefined;
  readonly cwd: string;
}

/** No key file is larger. */
const MAX_KEY_BYTES = 64 * 1024;

/**
 * Parses all flags.
 *
 * @throws {KilnError} kind `usage`, also for an agent that is not running here.
 */
export function parseSshFlags(texts: readonly string[], world: SshWorld): readonly SshSpec[] {
  const specs = texts.map((text): SshSpec => {
    const equals = text.indexOf("=");
    const id = (equals < 0 ? text : text.slice(0, equals)) || "default";
    const named = equals < 0 ? [] : text.slice(equals + 1).split(",").filter((path) => path !== "");
    if (named.length > 0) return { id, paths: named.map((path) => resolve(world.cwd, path)) };
    const socket = world.env("SSH_AUTH_SOCK") ?? "";
    if (socket !== "") return { id, paths: [resolve(world.cwd, socket)] };
    throw new KilnError("usage", `Cannot use --ssh "${text}": it names no socket, and SSH_AUTH_SOCK is not set`, {
      hint: "start an ssh-agent, or give a key: --ssh=default=KEYFILE",
    });
  });
  const twice = specs.find(({ id }, at) => specs.findIndex((other) => other.id === id) !== at);
  if (twice === undefined) return specs;
  throw new KilnError("usage", `Cannot use --ssh "${twice.id}": the id is given twice`);
}

/** Finds the sockets and reads the keys. @throws {KilnError} kind `usage` */
export function openAgents(specs: readonly SshSpec[]): ReadonlyMap<string, AgentSource> {
  return new Map(specs.map((spec) => [spec.id, openAgent(spec)]));
}

function openAgent({ id, paths }: SshSpec): AgentSource {
  const sockets = paths.filter((path) => statOf(id, path).isSocket === true);
  const [socket] = sockets;
  if (socket === undefined) return { kind: "keys", keys: paths.map((path) => readKey(id, path)) };
  if (paths.length === 1) return { kind: "socket", path: socket };
  throw refuse(id, "an agent is one socket, or keys, not both");
}

function readKey(id: string, path: string): PrivateKey {
  const { isFile, size } = statOf(id, path);
  if (!isFile) throw refuse(id, `"${path}" is neither a socket nor a file`);
  if (size > MAX_KEY_BYTES) throw refuse(id, `"${path}" is too large for a key`);
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    throw refuse(id, `"${path}" cannot be read`, error);
  }
  try {
    return parsePrivateKey(text);
  } catch (error) {
    // Its text must not get into a message.
    if (error instanceof KeyFault) throw refuse(id, `the key "${path}" ${error.message}`);
    throw error;
  }
}

function statOf(id: string, path: string): Deno.FileInfo {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory;
    throw refuse(id, missing ? `"${path}" does not exist` : `"${path}" cannot be read`, error);
  }
}

function refuse(id: string, why: string, cause?: unknown): KilnError {
  return new KilnError("usage", `Cannot use --ssh "${id}": ${why}`, cause === undefined ? {} : { cause });
}
