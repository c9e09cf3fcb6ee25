/**
 * Repositories for tests, made by git itself.
 *
 * @module
 */
import { run } from "./environment/command.ts";

/** Settings that make git do the same everywhere, and allow what tests do with files. */
const CONFIG = [
  ["user.name", "Test"],
  ["user.email", "test@example.com"],
  ["init.defaultBranch", "main"],
  ["protocol.file.allow", "always"],
  ["safe.directory", "*"],
  ["advice.detachedHead", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
] as const;

/** A fixed time for commits, in seconds since 1970. */
export const COMMIT_TIME = 1_700_000_000;

/** Runs git in a folder and returns what it prints, without the line end. */
export async function git(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(["git", ...args], { cwd: folder, env: gitEnvironment() });
  return stdout.trimEnd();
}

/** The environment git runs in: nothing of the user's, the same time for all commits. */
export function gitEnvironment(): Record<string, string> {
  return {
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_DATE: `${COMMIT_TIME} +0000`,
    GIT_COMMITTER_DATE: `${COMMIT_TIME} +0000`,
    GIT_CONFIG_COUNT: String(CONFIG.length),
    ...Object.fromEntries(CONFIG.flatMap(([key, value], at) => [
      [`GIT_CONFIG_KEY_${at}`, key],
      [`GIT_CONFIG_VALUE_${at}`, value],
    ])),
  };
}

/** A working copy with its bare repository beside it, which is what servers show. */
export interface TestRepository {
  /** The working copy. */
  readonly work: string;
  /** The bare repository. */
  readonly bare: string;
  /** Commits all that is in the working copy and pushes it; returns the commit. */
  commit(message: string): Promise<string>;
}

/** Makes `ROOT/NAME.git` and a working copy of it, without a commit. */
export async function makeRepository(root: string, name: string): Promise<TestRepository> {
  const bare = `${root}/${name}.git`;
  const work = `${root}/${name}-work`;
  await Deno.mkdir(work, { recursive: true });
  await git(root, "init", "-q", "--bare", bare);
  await git(work, "init", "-q");
  await git(work, "remote", "add", "origin", bare);
  return {
    work,
    bare,
    async commit(message: string): Promise<string> {
      await git(work, "add", "-A");
      await git(work, "commit", "-q", "--allow-empty", "-m", message);
      await git(work, "push", "-q", "origin", "HEAD");
      return await git(work, "rev-parse", "HEAD");
    },
  };
}

/** Lists a folder: type, permissions, size and target or digest of every entry but `.git`, by GNU tools. */
export async function listFolder(folder: string): Promise<readonly string[]> {
  const script = String.raw`cd "$1" && LC_ALL=C
    find . -mindepth 1 -name .git -prune -o -printf '%y %m %P %l\0' | sort -z | tr '\0' '\n'
    find . -name .git -prune -o -type f -print0 | sort -z | xargs -0r sha256sum`;
  const { bytes } = await run(["sh", "-c", script, "sh", folder]);
  return new TextDecoder("latin1").decode(bytes).trimEnd().split("\n");
}
