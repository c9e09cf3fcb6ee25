/**
 * Debian's nginx on a free port of 127.0.0.1, serving a folder.
 *
 * @module
 */
import { join } from "node:path/posix";
import { ensureTools } from "./environment/tools.ts";
import { run } from "./environment/command.ts";

/** A running nginx; it ends when it is disposed of. */
export interface Nginx extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
}

/** Who may read what is below `/private/`. */
export interface NginxUser {
  readonly name: string;
  readonly password: string;
}

/** Serves what is in `folder`, in which it also keeps its own files, below `.nginx`. */
export async function startNginx(folder: string, user: NginxUser): Promise<Nginx> {
  await ensureTools(["nginx"]);
  const own = join(folder, ".nginx");
  await Deno.mkdir(own);
  const { stdout } = await run(["openssl", "passwd", "-apr1", user.password]);
  await Deno.writeTextFile(join(own, "users"), `${user.name}:${stdout.trim()}\n`);
  // Nginx cannot choose a port and say which: one that was free a moment ago is nearly always still.
  for (let tried = 0;; tried++) {
    const port = freePort();
    await Deno.writeTextFile(join(own, "conf"), configOf(folder, own, port));
    const nginx = new Deno.Command("nginx", {
      args: ["-e", join(own, "error"), "-p", own, "-c", join(own, "conf")],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    if (await answers(port, nginx.status)) return runningNginx(nginx, port);
    await nginx.status;
    if (tried === 4) throw new Error(`nginx does not start:\n${await Deno.readTextFile(join(own, "error"))}`);
  }
}

function runningNginx(nginx: Deno.ChildProcess, port: number): Nginx {
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      nginx.kill("SIGTERM");
      await nginx.status;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Resolves with true when it accepts connections, with false when it has ended. */
async function answers(port: number, status: Promise<unknown>): Promise<boolean> {
  const ended = status.then(() => true);
  for (;;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return true;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
    const turn = new Promise<false>((resolve) => setImmediate(() => resolve(false)));
    if (await Promise.race([ended, turn])) return false;
  }
}

function configOf(folder: string, own: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${own}/tmp;`);
  return `
daemon off;
master_process off;
pid ${own}/pid;
events {}
http {
  access_log off;
  ${temporary.join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    root ${folder};
    location ~ /\\. { return 404; }
    location /private/ { auth_basic "private"; auth_basic_user_file ${own}/users; }
    location /moved/ { return 301 /private/; }
  }
}
`;
}
