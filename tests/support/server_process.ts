/**
 * Servers of others as child processes: started on a free port of loopback, ended by pid with the test.
 *
 * @module
 */
import net from "node:net";
import { join } from "node:path/posix";
import { SEARCH_PATH } from "./environment/command.ts";

/** How to start a server. */
export interface ServerCommand {
  /** The command line for an address and an empty folder. */
  command(place: { readonly port: number; readonly folder: string }): readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Path that answers, whatever the status, once the server is ready. */
  readonly ready: string;
}

/** A running server. */
export interface ServerProcess extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Its own, removed with it. */
  readonly folder: string;
}

/** Starts a server and waits until it answers. */
export async function startServerProcess(server: ServerCommand): Promise<ServerProcess> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-server-" });
  const log = join(folder, ".log");
  const port = await freePort();
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      'log=$1; shift; exec setpriv --pdeathsig KILL "$@" > "$log" 2>&1',
      "sh",
      log,
      ...server.command({ port, folder }),
    ],
    env: { PATH: SEARCH_PATH, HOME: folder, ...server.env },
    clearEnv: true,
    cwd: folder,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const ended = { now: false };
  void child.status.then(() => ended.now = true);
  const stop = async (): Promise<void> => {
    if (!ended.now) child.kill("SIGKILL");
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  const host = `127.0.0.1:${port}`;
  for (let waited = 0; waited < 60_000 && !ended.now; waited += 20) {
    if (await answers(`http://${host}${server.ready}`)) return { host, folder, [Symbol.asyncDispose]: stop };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const said = await Deno.readTextFile(log);
  await stop();
  throw new Error(`Cannot start a server on ${host}: it said\n${said.slice(-2000)}`);
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status !== 503;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
