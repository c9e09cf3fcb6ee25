/**
 * Debian's `docker-registry` with log-in, a service that gives out its tokens, and ways to get in between.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { createSign, randomUUID } from "node:crypto";
import http from "node:http";
import net from "node:net";
import { join } from "node:path";
import { run, SEARCH_PATH } from "./environment/command.ts";
import { ensureTools } from "./environment/tools.ts";
import { createIdentity, type Identity, startRawServer, startServer, type TestServer } from "./registry_server.ts";

/** A running registry. */
export interface DebianRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
}

/** Starts a registry with an empty folder; `auth` is that section of its configuration. */
export async function startDebianRegistry(auth?: Record<string, unknown>): Promise<DebianRegistry> {
  await ensureTools(["docker-registry"]);
  const folder = await Deno.makeTempDir({ prefix: "kiln-test-" });
  const [config, log] = [join(folder, "config.json"), join(folder, "log")];
  // YAML reads JSON.
  await Deno.writeTextFile(
    config,
    JSON.stringify({
      version: 0.1,
      log: { level: "info", accesslog: { disabled: true } },
      storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
      http: { addr: "127.0.0.1:0" },
      ...(auth === undefined ? {} : { auth }),
    }),
  );
  const child = new Deno.Command("sh", {
    args: ["-c", 'exec setpriv --pdeathsig KILL docker-registry serve "$1" > "$2" 2>&1', "sh", config, log],
    env: { PATH: SEARCH_PATH, OTEL_TRACES_EXPORTER: "none" },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const stop = async (): Promise<void> => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // already gone
    }
    await child.status;
    await Deno.remove(folder, { recursive: true });
  };
  try {
    return { host: await listening(log), [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until the registry has logged where it listens. */
async function listening(log: string): Promise<string> {
  for (let waited = 0; waited < 30_000; waited += 10) {
    const said = await Deno.readTextFile(log).catch(() => "");
    const host = /listening on (127\.0\.0\.1:[0-9]+)/.exec(said)?.[1];
    if (host !== undefined) return host;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`Cannot start docker-registry: ${await Deno.readTextFile(log).catch(() => "it said nothing")}`);
}

/** A registry that takes the user "me" with the password "hunter2". */
export async function startBasicRegistry(): Promise<DebianRegistry> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-test-" });
  const path = join(folder, "htpasswd");
  // bcrypt of "hunter2", the only form the registry reads.
  await Deno.writeTextFile(path, "me:$2y$05$abcdefghijklmnopqrstuuoXuKqgZXLiJqzfmMXDDhSFPIvxV7t8.\n");
  const registry = await startDebianRegistry({ htpasswd: { realm: "kiln test", path } });
  return {
    host: registry.host,
    async [Symbol.asyncDispose](): Promise<void> {
      await registry[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A registry that wants tokens, and the service that gives them out. */
export interface TokenRegistry extends DebianRegistry {
  readonly tokens: TestServer;
}

/**
 * Starts a registry and its token service. The user "me" with the password "hunter2" gets what it asks for in every
 * repository but those named "foreign/..."; others may pull only.
 */
export async function startTokenRegistry(): Promise<TokenRegistry> {
  const identity = await createIdentity({ key: "rsa" });
  const folder = await Deno.makeTempDir({ prefix: "kiln-test-" });
  const rootcertbundle = join(folder, "ca.pem");
  await Deno.writeTextFile(rootcertbundle, identity.cert);
  const tokens = await startServer((request, response) => {
    const query = new URL(request.path, "http://tokens").searchParams;
    const authorization = request.headers.authorization;
    const known = authorization === `Basic ${btoa("me:hunter2")}`;
    if (authorization !== undefined && !known) {
      return void response.writeHead(401).end('{"details":"incorrect username or password"}');
    }
    const access = query.getAll("scope").map((scope) => {
      const [type, name = "", actions = ""] = scope.split(":");
      const asked = actions.split(",");
      return { type, name, actions: known && !name.startsWith("foreign/") ? asked : asked.filter((a) => a === "pull") };
    });
    const token = sign(identity, { aud: query.get("service"), sub: known ? "me" : "", access });
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token, expires_in: 300 }));
  });
  const realm = `http://${tokens.host}/token`;
  const registry = await startDebianRegistry({
    token: { realm, service: "kiln-test", issuer: "kiln", rootcertbundle },
  });
  return {
    host: registry.host,
    tokens,
    async [Symbol.asyncDispose](): Promise<void> {
      await registry[Symbol.asyncDispose]();
      await tokens[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Signs a JSON Web Token as docker-registry wants it: RS256, with the certificate in it. */
function sign({ key, cert }: Identity, claims: Record<string, unknown>): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const x5c = [cert.replace(/-----[A-Z ]+-----|\s/g, "")];
  const times = { iss: "kiln", iat: now, nbf: now - 10, exp: now + 300, jti: randomUUID() };
  const text = `${encode({ typ: "JWT", alg: "RS256", x5c })}.${encode({ ...times, ...claims })}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

/** Passes bytes on to a server, cutting the first connections after so many bytes from the client or the server. */
export function startRelay(
  target: string,
  cuts: readonly { readonly up?: number; readonly down?: number }[],
): Promise<Omit<TestServer, "seen">> {
  const left = [...cuts];
  const [host, port] = target.split(":");
  return startRawServer((socket) => {
    const cut = left.shift() ?? {};
    const upstream = net.connect(Number(port), host);
    const end = (): void => {
      socket.destroy();
      upstream.destroy();
    };
    for (const one of [socket, upstream]) one.on("error", end).on("close", end);
    pass(socket, upstream, cut.up);
    pass(upstream, socket, cut.down);
  });
}

/** Copies up to `limit` bytes, then resets both ends. */
function pass(from: net.Socket, to: net.Socket, limit = Infinity): void {
  let passed = 0;
  from.on("data", (chunk: Buffer) => {
    const room = limit - passed;
    if (room < 0) return;
    passed += chunk.length;
    if (chunk.length <= room) {
      if (!to.write(chunk)) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      return;
    }
    // What was passed on before must arrive; only then the connection breaks.
    to.write(chunk.subarray(0, room), () => {
      from.resetAndDestroy();
      to.end();
    });
  });
}

/** A gateway in front of a registry that answers 413 to bodies that are too large, as nginx and Cloudflare do. */
export function startGate(target: string, limitBytes: number): Promise<TestServer> {
  const [host, port] = target.split(":");
  return startServer((request, response) =>
    new Promise<void>((resolve) => {
      response.on("close", resolve);
      if (Number(request.headers["content-length"] ?? 0) > limitBytes) {
        response.writeHead(413, { connection: "close" }).end("<html>413 Request Entity Too Large</html>");
        return;
      }
      const onward = http.request(
        { host, port, method: request.method, path: request.path, headers: request.headers, agent: false },
        (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          answer.pipe(response);
        },
      );
      onward.on("error", () => response.destroy());
      response.req.pipe(onward);
    })
  );
}

/** Runs skopeo without any configuration of this machine. */
export async function skopeo(...args: readonly string[]): Promise<string> {
  await ensureTools(["skopeo"]);
  return (await run(["skopeo", "--insecure-policy", ...args])).stdout;
}
