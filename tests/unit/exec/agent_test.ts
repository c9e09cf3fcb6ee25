/**
 * The agent of ssh mounts, asked by OpenSSH's own programs.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createConnection } from "node:net";
import { join } from "node:path/posix";
import { type AgentSource, startAgent } from "../../../lib/exec/agent/agent.ts";
import { KeyFault, parsePrivateKey } from "../../../lib/exec/agent/private_key.ts";
import { run } from "../../support/environment/command.ts";
import { prepared } from "../../support/environment/environment.ts";

await prepared({ tools: ["ssh"] });

/** Options of ssh-keygen. The last forms are PEM, as older programs write it. */
const KINDS: readonly (readonly [name: string, options: readonly string[]])[] = [
  ["ed25519", ["-t", "ed25519"]],
  ["rsa", ["-t", "rsa", "-b", "2048"]],
  ["ecdsa-256", ["-t", "ecdsa", "-b", "256"]],
  ["ecdsa-384", ["-t", "ecdsa", "-b", "384"]],
  ["rsa-pem", ["-t", "rsa", "-b", "2048", "-m", "PEM"]],
  ["rsa-pkcs8", ["-t", "rsa", "-b", "2048", "-m", "PKCS8"]],
  ["ecdsa-pem", ["-t", "ecdsa", "-b", "256", "-m", "PEM"]],
];

async function makeKey(folder: string, name: string, options: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await run(["ssh-keygen", "-q", "-N", "", "-C", `comment of ${name}`, ...options, "-f", path]);
  return path;
}

async function withAgent(
  source: (folder: string) => Promise<AgentSource>,
  body: (socket: string, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-agent-" });
  // Longer than the path of a socket may be.
  const deep = join(folder, "d".repeat(200));
  await Deno.mkdir(deep);
  const agent = await startAgent(await source(folder), deep);
  try {
    await Deno.symlink(agent.socket, join(folder, "socket"));
    await body(join(folder, "socket"), folder);
  } finally {
    agent.close();
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [name, options] of KINDS) {
  Deno.test(`agent with a key of the kind ${name}, lists it and signs with it`, () =>
    withAgent(async (folder) => {
      const path = await makeKey(folder, name, options);
      return { kind: "keys", keys: [parsePrivateKey(await Deno.readTextFile(path))] };
    }, async (socket, folder) => {
      const env = { SSH_AUTH_SOCK: await Deno.readLink(socket) };
      const long = { SSH_AUTH_SOCK: socket };
      const { stdout } = await run(["ssh-add", "-L"], { env: long });
      const [type, key] = (await Deno.readTextFile(join(folder, `${name}.pub`))).split(" ");
      assert.deepEqual(stdout.split(" ").slice(0, 2), [type, key]);
      // Signs, and checks the signature by the public key.
      await run(["ssh-add", "-T", join(folder, `${name}.pub`)], { env: long });
      assert.ok(env.SSH_AUTH_SOCK.length > 107);
    }));
}

Deno.test("agent with several keys, tells the comments of OpenSSH's", () =>
  withAgent(async (folder) => {
    const paths = [await makeKey(folder, "one", ["-t", "ed25519"]), await makeKey(folder, "two", ["-t", "ed25519"])];
    return { kind: "keys", keys: paths.map((path) => parsePrivateKey(Deno.readTextFileSync(path))) };
  }, async (socket) => {
    const { stdout } = await run(["ssh-add", "-L"], { env: { SSH_AUTH_SOCK: socket } });
    assert.deepEqual(stdout.trim().split("\n").map((line) => line.split(" ").slice(2).join(" ")), [
      "comment of one",
      "comment of two",
    ]);
  }));

Deno.test("agent in front of another, passes on questions and answers, and nothing that would change it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kiln-agent-" });
  const path = join(folder, "upstream");
  const upstream = new Deno.Command("ssh-agent", { args: ["-D", "-a", path], stdout: "null", stderr: "null" }).spawn();
  try {
    const key = await makeKey(folder, "key", ["-t", "ed25519"]);
    for (let tries = 0; tries < 200; tries++) {
      const { code } = await run(["ssh-add", key], { env: { SSH_AUTH_SOCK: path }, accept: [0, 1, 2] });
      if (code === 0) break;
    }
    await withAgent(() => Promise.resolve({ kind: "socket", path }), async (socket) => {
      const env = { SSH_AUTH_SOCK: socket };
      assert.match((await run(["ssh-add", "-l"], { env })).stdout, /comment of key/);
      await run(["ssh-add", "-T", `${key}.pub`], { env });
      for (const change of [["-D"], ["-d", key], [key]]) {
        assert.notEqual((await run(["ssh-add", ...change], { env, accept: [0, 1, 2] })).code, 0, change.join(" "));
      }
      assert.match((await run(["ssh-add", "-l"], { env: { SSH_AUTH_SOCK: path } })).stdout, /comment of key/);
    });
  } finally {
    upstream.kill("SIGTERM");
    await upstream.status;
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("agent whose upstream is not there, says no", () =>
  withAgent(() => Promise.resolve({ kind: "socket", path: "/nowhere/at/all" }), async (socket) => {
    const { code } = await run(["ssh-add", "-l"], { env: { SSH_AUTH_SOCK: socket }, accept: [0, 1, 2] });
    assert.notEqual(code, 0);
  }));

const MESSAGES: readonly (readonly [shows: string, bytes: readonly number[], answer: string])[] = [
  ["a request to be locked", [0, 0, 0, 6, 22, 0, 0, 0, 1, 120], "0000000105"],
  ["an extension", [0, 0, 0, 6, 27, 0, 0, 0, 1, 120], "0000000105"],
  ["a signature by a key it does not have", [0, 0, 0, 13, 13, ...Array(12).fill(0)], "0000000105"],
  ["a message without an end", [0, 0, 0, 5, 13, 255, 255, 255, 255], ""],
  ["a message that is too long", [255, 255, 255, 255, 11], ""],
  ["an empty message", [0, 0, 0, 0], ""],
];
for (const [shows, bytes, answer] of MESSAGES) {
  Deno.test(`agent asked by ${shows}, ${answer === "" ? "hangs up" : "refuses"}`, () =>
    withAgent(() => Promise.resolve({ kind: "keys", keys: [] }), async (socket) => {
      const connection = createConnection(socket);
      connection.write(Buffer.from(bytes));
      const got: Buffer[] = [];
      for await (const chunk of connection) {
        got.push(chunk);
        if (answer !== "" && Buffer.concat(got).toString("hex") === answer) break;
      }
      connection.destroy();
      assert.equal(Buffer.concat(got).toString("hex"), answer);
    }));
}

Deno.test("parsePrivateKey(), says why a key cannot be used, and nothing of the key", async () => {
  const folder = await Deno.makeTempDir({ prefix: "kiln-agent-" });
  try {
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", join(folder, "locked")]);
    await run([
      "ssh-keygen",
      "-q",
      "-t",
      "rsa",
      "-b",
      "2048",
      "-m",
      "PEM",
      "-N",
      "a passphrase",
      "-f",
      join(folder, "pem"),
    ]);
    await run(["ssh-keygen", "-q", "-t", "ecdsa", "-b", "521", "-N", "", "-f", join(folder, "521")]);
    const ed = await makeKey(folder, "ed", ["-t", "ed25519"]);
    const text = await Deno.readTextFile(ed);
    const rows: readonly (readonly [string, RegExp])[] = [
      [await Deno.readTextFile(join(folder, "locked")), /has a passphrase/],
      [await Deno.readTextFile(join(folder, "pem")), /has a passphrase/],
      [await Deno.readTextFile(join(folder, "521")), /ecdsa-sha2-nistp521.*not known here/],
      [await Deno.readTextFile(`${ed}.pub`), /is no private key/],
      [text.replace(/\n(.{20})/, "\nAAAA$1"), /is damaged/],
      [text.split("\n").toSpliced(2, 2).join("\n"), /is damaged/],
      ["-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", /is damaged/],
      ["", /is no private key/],
    ];
    for (const [content, why] of rows) {
      assert.throws(() => parsePrivateKey(content), (error) => error instanceof KeyFault && why.test(error.message));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
