/**
 * Finding processes by a mark in their environment or arguments.
 *
 * @module
 */

/** A process that bears the mark. */
export interface MarkedProcess {
  readonly pid: number;
  readonly command: string;
}

/**
 * Lists the processes that bear a mark. One that is just ending is waited for: the kernel removes it in its own time,
 * also after its parent has reported the end. Whoever is still there after two seconds is listed.
 */
export async function processesWith(mark: string): Promise<readonly MarkedProcess[]> {
  for (let waited = 0; waited < 2000; waited += 20) {
    if (list(mark).length === 0) return [];
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return list(mark);
}

function list(mark: string): readonly MarkedProcess[] {
  const found: MarkedProcess[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name) || Number(name) === Deno.pid) continue;
    const command = read(`/proc/${name}/cmdline`).replaceAll("\0", " ");
    if (command.includes(mark) || read(`/proc/${name}/environ`).includes(mark)) {
      found.push({ pid: Number(name), command });
    }
  }
  return found;
}

function read(path: string): string {
  try {
    return new TextDecoder().decode(Deno.readFileSync(path));
  } catch {
    return ""; // the process has ended meanwhile
  }
}
