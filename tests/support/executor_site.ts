/**
 * A place to run the executor in, from the outside: a context, a work directory, a home, and a mark by which every
 * process of the test can be found again.
 *
 *     await using site = await startSite({ "Dockerfile": "FROM scratch\nCOPY a /\n" });
 *     const { code, stderr } = await site.run(["--no-push"]);
 *     await site.assertNothingLeft();
 *
 * The executor's environment is empty but for what it needs to start. `{MARK}` in a file stands for the mark: a RUN
 * whose environment has it (`ENV MARK={MARK}`) gives it to everything it starts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { SEARCH_PATH } from "./environment/command.ts";
import { processesWith } from "./executor_processes.ts";

/** The files of a context by path: text, bytes, or a symlink. */
export type SiteFiles = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>;

/** How the executor is started. */
export interface StartOptions {
  /** Goes in front of the command line: `["setpriv", "--bounding-set=-sys_admin"]`. */
  readonly through?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The site's own directory unless told. */
  readonly cwd?: string;
  /** The words of a command other than a build, which then gets no flags but those given. */
  readonly command?: readonly string[];
  /** What comes on stdin; nothing unless told. */
  readonly stdin?: Uint8Array<ArrayBuffer>;
}

/** What a run of the executor gave. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started executor. */
export interface Running {
  readonly pid: number;
  /** Resolves when a line of stdout or stderr holds the text; rejects when the executor ends before. */
  said(text: string): Promise<void>;
  kill(signal: Deno.Signal): void;
  readonly outcome: Promise<Outcome>;
}

/** The place; everything in it goes when it is disposed of. */
export interface Site extends AsyncDisposable {
  readonly path: string;
  readonly context: string;
  readonly work: string;
  readonly mark: string;
  /** Adds files to the context. */
  write(files: SiteFiles): Promise<void>;
  run(args: readonly string[], options?: StartOptions): Promise<Outcome>;
  start(args: readonly string[], options?: StartOptions): Running;
  /** Fails if a process or a mount is left of a build. */
  assertNothingRuns(): Promise<void>;
  /** Fails if a process, a mount, or anything in the work directory is left of a build. */
  assertNothingLeft(): Promise<void>;
}

/** Makes a place with a context. */
export async function startSite(context: SiteFiles = {}): Promise<Site> {
  const path = await Deno.makeTempDir({ prefix: "kiln-site-", ...memoryDirectory() });
  for (const name of ["context", "home"]) await Deno.mkdir(join(path, name));
  const site = new DirectorySite(path);
  await site.write(context);
  return site;
}

/** Memory is much faster than a disk that has seen many deletions. */
export function memoryDirectory(): { readonly dir?: string } {
  const mounts = Deno.readTextFileSync("/proc/self/mounts").split("\n").map((line) => line.split(" "));
  const shm = mounts.find(([, target, type]) => target === "/dev/shm" && type === "tmpfs");
  return shm !== undefined && !shm[3]?.split(",").includes("noexec") ? { dir: "/dev/shm" } : {};
}

/** The command line of the executor, from source. */
export const EXECUTOR: readonly string[] = [
  Deno.execPath(),
  "run",
  "-A",
  "--no-check",
  join(import.meta.dirname ?? "", "../../main.ts"),
];

class DirectorySite implements Site {
  readonly path: string;
  readonly context: string;
  readonly work: string;
  readonly mark = `mark-${crypto.randomUUID()}`;
  readonly #running = new Set<Promise<unknown>>();

  constructor(path: string) {
    this.path = path;
    this.context = join(path, "context");
    this.work = join(path, "work");
  }

  async write(files: SiteFiles): Promise<void> {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.context, name);
      await Deno.mkdir(dirname(path), { recursive: true });
      if (typeof content === "string") await Deno.writeTextFile(path, content.replaceAll("{MARK}", this.mark));
      else if (content instanceof Uint8Array) await Deno.writeFile(path, content);
      else await Deno.symlink(content.link, path);
    }
  }

  run(args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
    return this.start(args, options).outcome;
  }

  start(
    args: readonly string[],
    { through = [], env = {}, cwd = this.path, command, stdin }: StartOptions = {},
  ): Running {
    const ordinary = [`--context=${this.context}`, `--work-dir=${this.work}`, "--log-format=text"];
    const [program = "", ...rest] = [...through, ...EXECUTOR, ...command ?? ordinary, ...args];
    const child = new Deno.Command(program, {
      args: rest,
      cwd,
      clearEnv: true,
      env: { PATH: SEARCH_PATH, HOME: join(this.path, "home"), DENO_DIR: denoDirectory(), MARK: this.mark, ...env },
      stdin: stdin === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const listeners = new Set<() => void>();
    const texts = { stdout: "", stderr: "" };
    const read = async (name: "stdout" | "stderr"): Promise<void> => {
      for await (const piece of child[name].pipeThrough(new TextDecoderStream())) {
        texts[name] += piece;
        listeners.forEach((listen) => listen());
      }
    };
    const feed = async (bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
      // It may end before it has read everything; then its exit code tells more than our broken pipe.
      await ReadableStream.from([bytes]).pipeTo(child.stdin).catch(() => {});
    };
    const fed = stdin === undefined ? Promise.resolve() : feed(stdin);
    const outcome = Promise.all([child.status, read("stdout"), read("stderr"), fed])
      .then(([{ code }]) => ({ code, ...texts }));
    this.#running.add(outcome);
    return {
      pid: child.pid,
      outcome,
      kill: (signal) => child.kill(signal),
      said: (text) =>
        new Promise((resolve, reject) => {
          const listen = (): void => {
            if (!texts.stdout.includes(text) && !texts.stderr.includes(text)) return;
            listeners.delete(listen);
            resolve();
          };
          listeners.add(listen);
          listen();
          void outcome.then(() => reject(new Error(`The executor ended without saying "${text}":\n${texts.stderr}`)));
        }),
    };
  }

  async assertNothingRuns(): Promise<void> {
    assert.deepEqual(await processesWith(this.mark), [], "processes are left");
    assert.deepEqual(mountsBelow(this.path), [], "mounts are left");
  }

  async assertNothingLeft(): Promise<void> {
    await this.assertNothingRuns();
    assert.deepEqual(this.#buildsLeft(), [], "directories of the build are left");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Only after a failure is there anything to end: a process that bears this test's mark was started by it.
    for (const { pid } of await processesWith(this.mark)) kill(pid);
    await Promise.all(this.#running);
    await Deno.remove(this.path, { recursive: true });
  }

  #buildsLeft(): readonly string[] {
    try {
      return [...Deno.readDirSync(join(this.work, "builds"))].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
      throw error;
    }
  }
}

/** Mounts that any process still sees at or below a path. */
function mountsBelow(path: string): readonly string[] {
  const found = new Set<string>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    for (const line of readLines(`/proc/${name}/mountinfo`)) {
      const target = line.split(" ")[4] ?? "";
      if (target === path || target.startsWith(`${path}/`)) found.add(target);
    }
  }
  return [...found];
}

function readLines(path: string): readonly string[] {
  try {
    return Deno.readTextFileSync(path).split("\n");
  } catch {
    return []; // the process has ended meanwhile
  }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The test's own, so that the executor has its packages though its home is empty. */
export function denoDirectory(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/root", ".cache");
  return Deno.env.get("DENO_DIR") ?? join(cache, "deno");
}
