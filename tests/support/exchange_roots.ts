/**
 * A process that lends the root of a container to a tree and takes it back, and is killed on the way: before its system
 * call number `count` that changes a name.
 *
 * @module
 */
import { libc } from "../../lib/sys/libc.ts";
import { ContainerRoot } from "../../lib/tree/container_root.ts";

/** What it is told, in the variable `EXCHANGE`. */
export interface ExchangeOrder {
  readonly root: string;
  readonly directory: string;
  readonly kept: readonly string[];
  readonly tree: string;
  readonly count: number;
}

const { root, directory, kept, tree, count }: ExchangeOrder = JSON.parse(Deno.env.get("EXCHANGE") ?? "");

let left = count;
// The table of calls is read at each call; it is fixed for the product alone.
const calls = libc as unknown as Record<string, (...args: unknown[]) => unknown>;
for (const name of ["renameat", "mkdirat", "unlinkat", "fchmod", "futimens"]) {
  const call = calls[name];
  if (call === undefined) throw new Error(`There is no call "${name}"`);
  calls[name] = (...args) => {
    if (left-- === 0) Deno.kill(Deno.pid, "SIGKILL");
    return call(...args);
  };
}

using place = ContainerRoot.open(root, { directory, kept });
place.leave(place.enter(tree));
