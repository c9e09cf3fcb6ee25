/**
 * An ssh server of the tests' own: Debian's sshd on a loopback port, with keys made for it.
 *
 * @module
 */
import { createServer } from "node:net";
import { findProgram, run, SEARCH_PATH } from "./environment/command.ts";

/** A running server. */
export interface SshTestServer extends AsyncDisposable {
  readonly port: number;
  /** A key it accepts, and one it does not. */
  readonly key: string;
  readonly otherKey: string;
  /** Files of host keys: its own, and another one's under its name. */
  readonly knownHosts: string;
  readonly wrongHosts: string;
}

/** Starts a server that lets the user of the tests in. Everything it needs is made in `folder`. */
export async function startSshServer(
  folder: string,
  { acceptsProtocol }: { readonly acceptsProtocol: boolean },
): Promise<SshTestServer> {
  for (const name of ["host", "key", "other"]) {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", `${folder}/${name}`]);
  }
  const port = await freePort();
  // sshd will not start without it.
  await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${folder}/host`,
    `AuthorizedKeysFile ${folder}/key.pub`,
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    "StrictModes no",
    "UsePAM no",
    "PidFile none",
    ...(acceptsProtocol ? ["AcceptEnv GIT_PROTOCOL"] : []),
  ];
  await Deno.writeTextFile(`${folder}/sshd_config`, settings.map((line) => `${line}\n`).join(""));
  for (const [file, key] of [["known", "host"], ["wrong", "other"]]) {
    const [type, text] = (await Deno.readTextFile(`${folder}/${key}.pub`)).split(" ");
    await Deno.writeTextFile(`${folder}/${file}`, `[127.0.0.1]:${port} ${type} ${text}\n`);
  }
  const child = new Deno.Command(findProgram("sshd") ?? "sshd", {
    args: ["-D", "-e", "-f", `${folder}/sshd_config`],
    env: { PATH: SEARCH_PATH },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const draining = untilListening(child.stderr);
  await draining.listening;
  return {
    port,
    key: `${folder}/key`,
    otherKey: `${folder}/other`,
    knownHosts: `${folder}/known`,
    wrongHosts: `${folder}/wrong`,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      await child.status;
      await draining.done;
    },
  };
}

/** Reads what sshd says; `listening` resolves with its first "Server listening". */
function untilListening(stream: ReadableStream<Uint8Array>): { listening: Promise<void>; done: Promise<void> } {
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  const read = async (): Promise<void> => {
    let said = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      said = (said + chunk).slice(-4096);
      if (said.includes("Server listening")) resolve();
    }
    reject(new Error(`sshd ended: ${said}`));
  };
  return { listening, done: read() };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
