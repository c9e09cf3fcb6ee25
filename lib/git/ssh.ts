/**
 * Git over ssh: runs the `ssh` program, which runs git-upload-pack on the server.
 *
 * The key of the host must be known: a host that is not in a known_hosts file is refused, never asked about. Protocol
 * version 2 is offered through the environment, which many servers do not accept; then it is version 0.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { KilnError } from "../errors.ts";
import { type Fields, parseJsonObject } from "../oci/json.ts";
import { type Advertisement, readAdvertisement } from "./advertisement.ts";
import { CutOff, PacketReader } from "./packet.ts";
import { printable } from "./printable.ts";
import { nameOfRemote, type SshRemote } from "./remote.ts";
import type { GitConversation, GitServer } from "./server.ts";

/** What ssh is told beyond the remote. Without it, its own configuration and `SSH_AUTH_SOCK` hold. */
export interface SshOptions {
  /** The whole environment of the program. */
  readonly environment: Readonly<Record<string, string>>;
  /** A private key; then no other one is tried. */
  readonly keyFile?: string;
  /** The socket of an agent. */
  readonly agentSocket?: string;
  /** A file of host keys in place of the usual ones. */
  readonly knownHostsFile?: string;
}

const SAID_CAP = 4_096;
const ANSWER_CAP = 65_536;

/** Makes the server of a repository that is reached by ssh. */
export function sshServer(remote: SshRemote, options: SshOptions): GitServer {
  return {
    name: nameOfRemote(remote),
    open: (signal: AbortSignal): Promise<GitConversation> => open(remote, { ...options, signal }),
  };
}

/** Where an LFS server is, and what to send there. */
export interface LfsAuthentication {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Asks the server by ssh where its LFS server is (git-lfs, docs/api/authentication.md, "SSH"); undefined if it does not
 * know, as servers with nothing but git do.
 */
export async function askLfsAuthentication(
  remote: SshRemote,
  options: SshOptions & { readonly signal: AbortSignal },
): Promise<LfsAuthentication | undefined> {
  const child = start(remote, `git-lfs-authenticate ${quoted(remote.path)} download`, options);
  const session = new Session(child, nameOfRemote(remote));
  child.stdin.end();
  let text = "";
  try {
    for await (const chunk of child.stdout.setEncoding("utf8")) text = `${text}${chunk}`.slice(0, ANSWER_CAP);
  } catch (error) {
    if (session.failure === undefined) throw error;
  } finally {
    session.kill();
    await session.ended;
  }
  options.signal.throwIfAborted();
  const fields = readObject(text);
  const url = typeof fields["href"] === "string" ? URL.parse(fields["href"]) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  const headers = Object.entries(readObject(JSON.stringify(fields["header"] ?? {}))).flatMap(([name, value]) =>
    typeof value === "string" ? [[name.toLowerCase(), value] as const] : []
  );
  return { url, headers: Object.fromEntries(headers) };
}

function readObject(text: string): Fields {
  try {
    return parseJsonObject(new TextEncoder().encode(text), "the answer of git-lfs-authenticate");
  } catch {
    return {};
  }
}

function start(
  remote: SshRemote,
  command: string,
  options: SshOptions,
): ChildProcessWithoutNullStreams {
  return spawn("ssh", argumentsFor(remote, command, options), {
    env: {
      ...options.environment,
      GIT_PROTOCOL: "version=2",
      ...(options.agentSocket === undefined ? {} : { SSH_AUTH_SOCK: options.agentSocket }),
    },
    stdio: "pipe",
  });
}

async function open(
  remote: SshRemote,
  options: SshOptions & { readonly signal: AbortSignal },
): Promise<GitConversation> {
  const child = start(remote, `git-upload-pack ${quoted(remote.path)}`, options);
  const session = new Session(child, nameOfRemote(remote));
  const stop = (): void => session.kill();
  options.signal.addEventListener("abort", stop, { once: true });
  const end = async (): Promise<void> => {
    options.signal.removeEventListener("abort", stop);
    session.kill();
    await session.ended;
  };
  const packets = new PacketReader(child.stdout);
  let advertisement: Advertisement;
  try {
    advertisement = await readAdvertisement(packets);
  } catch (error) {
    // What it has to say comes just before its end.
    const timer = setTimeout(stop, 2_000);
    await session.ended;
    clearTimeout(timer);
    await end();
    options.signal.throwIfAborted();
    throw session.failure ?? (error instanceof CutOff ? session.explain() : error);
  }
  return {
    advertisement,
    // We do not know the address that ssh connected to.
    neighbours: "public",
    async exchange(request: Uint8Array): Promise<PacketReader> {
      await new Promise<void>((resolve, reject) => {
        child.stdin.write(request, (error) => error ? reject(new CutOff("the connection was closed")) : resolve());
      });
      return packets;
    },
    [Symbol.asyncDispose]: end,
  };
}

/** The running program. */
class Session {
  /** Resolves when it is gone. */
  readonly ended: Promise<void>;
  /** Set if it could not be started. */
  failure: KilnError | undefined;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #name: string;
  #said = "";

  constructor(child: ChildProcessWithoutNullStreams, name: string) {
    this.#child = child;
    this.#name = name;
    this.ended = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", (error: Error & { readonly code?: string }) => {
        this.failure = error.code === "ENOENT"
          ? new KilnError("context", `Cannot fetch ${name}: there is no program "ssh" here`, {
            hint: "use an image of Kiln with openssh-client in it, or an https URL with GIT_TOKEN",
          })
          : new KilnError("context", `Cannot fetch ${name}: ssh cannot be run: ${printable(error.message)}`);
        child.stdout.destroy();
        resolve();
      });
    });
    child.stdin.on("error", () => {});
    child.stderr.setEncoding("utf8");
    child.stderr.on("data", (text: string) => this.#said = (this.#said + text).slice(-SAID_CAP));
  }

  kill(): void {
    this.#child.kill("SIGTERM");
  }

  /** Makes an error of what the program said before it ended. */
  explain(): Error {
    const lines = this.#said.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const said = printable(lines.filter((line) => !/^@+$|^Warning: Permanently/.test(line)).slice(-3).join("; "));
    const action = `Cannot fetch ${this.#name}: ssh says: ${said}`;
    if (/host key verification failed|IDENTIFICATION HAS CHANGED/i.test(this.#said)) {
      return new KilnError("denied", action, { hint: "add the key of the host to known_hosts: ssh-keyscan HOST" });
    }
    if (/permission denied/i.test(this.#said)) {
      return new KilnError("denied", action, { hint: "give a key that the server accepts, by a file or an agent" });
    }
    if (/does not appear to be a git repository|not found|no such identity/i.test(this.#said)) {
      return new KilnError("context", action);
    }
    return new CutOff(said === "" ? "ssh ended without an answer" : `ssh says: ${said}`);
  }
}

/** Nothing here is taken for an option, whatever the remote looks like (S46); there is no shell on our side. */
function argumentsFor({ user, host, port }: SshRemote, command: string, options: SshOptions): string[] {
  const settings = [
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "PermitLocalCommand=no",
    "ConnectTimeout=30",
    "ServerAliveInterval=20",
    "SendEnv=GIT_PROTOCOL",
    ...(options.keyFile === undefined ? [] : ["IdentitiesOnly=yes", `IdentityFile="${literal(options.keyFile)}"`]),
    ...(options.knownHostsFile === undefined
      ? []
      : [`UserKnownHostsFile="${literal(options.knownHostsFile)}"`, "GlobalKnownHostsFile=none"]),
  ];
  return [
    "-T",
    ...settings.flatMap((setting) => ["-o", setting]),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    "--",
    host,
    command,
  ];
}

/** For the shell of the server. */
function quoted(path: string): string {
  return `'${path.replace(/['!]/g, "'\\$&'")}'`;
}

/** ssh expands "%h" and the like in names of files. */
function literal(path: string): string {
  return path.replaceAll("%", "%%").replace(/["\\]/g, "\\$&");
}
