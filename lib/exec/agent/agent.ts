/**
 * An ssh agent for the command of a RUN: it tells which keys there are and signs, and nothing else
 * (https://www.rfc-editor.org/rfc/rfc9987, the agent protocol).
 *
 * Behind it is another agent, or keys from files. Whatever a command asks for besides is refused: it must not lock the
 * user's agent, or put keys into it.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { BytePath } from "../../io/byte_path.ts";
import * as files from "../../sys/file.ts";
import { identitiesOf, type PrivateKey } from "./private_key.ts";
import { WireReader, wireString } from "./wire.ts";

/** What is behind an agent. */
export type AgentSource =
  /** The socket of another agent, as this process sees it. */
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "keys"; readonly keys: readonly PrivateKey[] };

const FAILURE = 5;
const REQUEST_IDENTITIES = 11;
const IDENTITIES_ANSWER = 12;
const SIGN_REQUEST = 13;
const SIGN_RESPONSE = 14;

/** As OpenSSH's agent. */
const MAX_MESSAGE_BYTES = 256 * 1024;

/** A running agent. */
export interface RunningAgent {
  /** Its socket: made, and listened on. */
  readonly socket: BytePath;
  /** Ends it and all its connections. */
  close(): void;
}

/** Starts an agent whose socket is in a directory. */
export async function startAgent(source: AgentSource, directory: BytePath): Promise<RunningAgent> {
  const connections = new Set<Socket>();
  const server = createServer((client) => {
    connections.add(client);
    client.on("close", () => connections.delete(client));
    client.on("error", () => {}); // whoever broke it off knows
    serve(client, source).catch(() => {}).finally(() => client.destroy());
  });
  const name = crypto.randomUUID();
  await listenIn(server, directory, name);
  return {
    socket: `${directory}/${name}`,
    close: () => {
      server.close();
      for (const client of connections) client.destroy();
    },
  };
}

/** A socket's path has at most 107 bytes, and that of a work directory is longer. */
async function listenIn(server: Server, directory: BytePath, name: string): Promise<void> {
  const fd = files.openDirectory(directory);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(`/proc/self/fd/${fd}/${name}`, resolve);
    });
  } finally {
    files.close(fd);
  }
}

async function serve(client: Socket, source: AgentSource): Promise<void> {
  const upstream = source.kind === "socket" ? new Upstream(source.path) : undefined;
  try {
    for await (const request of messagesFrom(client)) {
      const answer = isAllowed(request) ? await (upstream?.ask(request) ?? answerOf(request, source)) : failure();
      client.write(wireString(answer));
    }
  } finally {
    upstream?.close();
  }
}

function isAllowed(request: Buffer): boolean {
  return request[0] === REQUEST_IDENTITIES || request[0] === SIGN_REQUEST;
}

function failure(): Buffer {
  return Buffer.from([FAILURE]);
}

function answerOf(request: Buffer, source: AgentSource): Buffer {
  const keys = source.kind === "keys" ? source.keys : [];
  if (request[0] === REQUEST_IDENTITIES) return Buffer.concat([Buffer.from([IDENTITIES_ANSWER]), identitiesOf(keys)]);
  const fields = new WireReader(request.subarray(1));
  const [blob, data, flags] = [fields.string(), fields.string(), fields.uint32()];
  const key = keys.find((candidate) => candidate.blob.equals(blob));
  if (key === undefined) return failure();
  return Buffer.concat([Buffer.from([SIGN_RESPONSE]), wireString(key.sign(data, flags))]);
}

/** A connection to another agent: opened when first asked, one question at a time. */
class Upstream {
  readonly #path: string;
  #connection: { readonly socket: Socket; readonly answers: AsyncGenerator<Buffer> } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  async ask(request: Buffer): Promise<Buffer> {
    this.#connection ??= this.#connect();
    const { socket, answers } = this.#connection;
    socket.write(wireString(request));
    const answer = await answers.next();
    // It is gone: the command is told as if it had said no.
    return answer.done === true ? failure() : answer.value;
  }

  close(): void {
    this.#connection?.socket.destroy();
  }

  #connect(): { readonly socket: Socket; readonly answers: AsyncGenerator<Buffer> } {
    const socket = createConnection(this.#path);
    socket.on("error", () => {}); // seen by whoever reads from it
    return { socket, answers: messagesFrom(socket) };
  }
}

/** Splits what comes into messages. Ends with the connection, or with a message that is too long. */
async function* messagesFrom(socket: Socket): AsyncGenerator<Buffer> {
  let pending = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      pending = Buffer.concat([pending, chunk]);
      for (;;) {
        const length = pending.length < 4 ? undefined : pending.readUInt32BE(0);
        if (length !== undefined && (length === 0 || length > MAX_MESSAGE_BYTES)) return;
        if (length === undefined || pending.length < 4 + length) break;
        yield pending.subarray(4, 4 + length);
        pending = pending.subarray(4 + length);
      }
    }
  } catch {
    // A connection that breaks has come to its end, too.
  }
}
