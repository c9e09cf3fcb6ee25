/**
 * Running the programs the tests lean on (GNU tar, skopeo, umoci ...) and saying plainly what failed.
 *
 * @module
 */

/** How a program is run. */
export interface RunOptions {
  readonly cwd?: string;
  /** Added to our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Exit codes that are not an error; 0 unless told. */
  readonly accept?: readonly number[];
}

/** What a program left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as bytes, for programs that print names or content. */
  readonly bytes: Uint8Array;
}

/** Debian keeps `debootstrap` and `chroot` in folders that an ordinary user's PATH lacks. */
export const SEARCH_PATH = `${Deno.env.get("PATH") ?? ""}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`;

/** Runs a program to its end; throws an `Error` with its last lines unless its exit code is accepted. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const [program = "", ...args] = command;
  const child = new Deno.Command(program, {
    args,
    env: { PATH: SEARCH_PATH, ...options.env },
    ...options.cwd === undefined ? {} : { cwd: options.cwd },
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = options.stdin === undefined ? Promise.resolve() : feed(child, options.stdin);
  const [output] = await Promise.all([child.output(), fed]);
  const finished = {
    code: output.code,
    stdout: new TextDecoder().decode(output.stdout),
    stderr: new TextDecoder().decode(output.stderr),
    bytes: output.stdout,
  };
  if (!(options.accept ?? [0]).includes(finished.code)) {
    const said = (finished.stderr.trim() || finished.stdout.trim()).split("\n").slice(-20).join("\n");
    throw new Error(`Cannot run "${command.join(" ")}": exit code ${finished.code}\n${said}`);
  }
  return finished;
}

/** Returns the path of a program, or undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  for (const folder of SEARCH_PATH.split(":")) {
    try {
      const path = `${folder}/${name}`;
      const { isFile, mode } = Deno.statSync(path);
      if (isFile && ((mode ?? 0) & 0o111) !== 0) return path;
    } catch (error) {
      // Not in this folder, or in one of somebody else's.
      const { NotFound, NotADirectory, PermissionDenied } = Deno.errors;
      if (![NotFound, NotADirectory, PermissionDenied].some((kind) => error instanceof kind)) throw error;
    }
  }
  return undefined;
}

async function feed(child: Deno.ChildProcess, input: string | Uint8Array): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch (error) {
    // A program may end without reading its input; its exit code says whether that is a fault.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
