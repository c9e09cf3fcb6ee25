/**
 * Times a command: wall clock, processor time of everything it started, and the memory of its own processes, sampled
 * from `/proc`. It needs no cgroup, so that it works in a plain container too.
 *
 * @module
 */

/** What a command took. */
export interface Measured {
  readonly code: number;
  readonly wallSeconds: number;
  /** User and system time of the command and all it waited for. */
  readonly cpuSeconds: number;
  /** Peak anonymous memory of the tool's own processes, what RUN starts left out. */
  readonly ownPeakMiB: number;
  /** Peak anonymous memory of the whole process tree. */
  readonly treePeakMiB: number;
  /** Processor time that anything else on the machine used meanwhile: distrust the wall clock where it is high. */
  readonly otherCpuSeconds: number;
  /** The end of what it printed. */
  readonly tail: string;
}

/** What to run. */
export interface Timed {
  /** Shell text; its last command should not be put in the background. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
  /** The file names of the tool's own programs. */
  readonly programs: readonly string[];
  /** Where its output goes. */
  readonly log: string;
  /** Processes that work for it and are not its children (a daemon), with their descendants. */
  readonly helpers: readonly number[];
}

const SAMPLE_MS = 25;
const TICKS = 100;

/** Runs a command to its end and measures it. */
export async function measure(timed: Timed): Promise<Measured> {
  const times = `${timed.log}.times`;
  // bash counts the processor time of all children it waited for, and theirs.
  const script = `TIMEFORMAT='%U %S'; { time { ${timed.command}\n} >"$KILN_LOG" 2>&1; } 2>"$KILN_TIMES"`;
  const helpersBefore = sum(timed.helpers.map(cpuOfTree));
  const busyBefore = busySeconds();
  const started = performance.now();
  const child = new Deno.Command("bash", {
    args: ["-c", script],
    env: { ...timed.env, KILN_LOG: timed.log, KILN_TIMES: times },
    stdin: "null",
  }).spawn();
  const sampler = sampleMemory([child.pid, ...timed.helpers], timed.programs);
  const { code } = await child.status;
  const wallSeconds = (performance.now() - started) / 1000;
  const { own, tree, samplerSeconds } = sampler.stop();
  const [user = 0, system = 0] = (await Deno.readTextFile(times)).trim().split("\n").at(-1)?.split(" ").map(Number) ??
    [];
  const cpuSeconds = user + system + sum(timed.helpers.map(cpuOfTree)) - helpersBefore;
  return {
    code,
    wallSeconds,
    cpuSeconds,
    ownPeakMiB: own / 1024,
    treePeakMiB: tree / 1024,
    otherCpuSeconds: Math.max(0, busySeconds() - busyBefore - cpuSeconds - samplerSeconds),
    tail: (await Deno.readTextFile(timed.log)).slice(-1500),
  };
}

/** Waits until the rest of the machine uses less than a quarter of a processor, or `mostSeconds`. */
export async function waitForQuiet(mostSeconds: number): Promise<void> {
  const end = performance.now() + mostSeconds * 1000;
  while (performance.now() < end) {
    const before = busySeconds();
    await new Promise((resolve) => setTimeout(resolve, 500));
    if (busySeconds() - before < 0.125) return;
  }
}

/** Samples the memory of a process tree until it is stopped; sizes in KiB. */
function sampleMemory(
  roots: readonly number[],
  programs: readonly string[],
): { stop(): { own: number; tree: number; samplerSeconds: number } } {
  let own = 0;
  let tree = 0;
  const before = ownCpuSeconds();
  const timer = setInterval(() => {
    const sample = memoryOf(roots, programs);
    own = Math.max(own, sample.own);
    tree = Math.max(tree, sample.tree);
  }, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return { own, tree, samplerSeconds: ownCpuSeconds() - before };
    },
  };
}

/**
 * Own processes run one of `programs` and have threads: a cloned child that has not yet executed a command shares its
 * parent's memory and has one thread.
 */
function memoryOf(
  roots: readonly number[],
  programs: readonly string[],
): { readonly own: number; readonly tree: number } {
  let own = 0;
  let tree = 0;
  for (const pid of descendants(roots, childrenByParent())) {
    const { anonymous, threads } = statusOf(pid);
    const isOwn = programs.includes(programOf(pid));
    if (isOwn && threads > 1) own += anonymous;
    if (!isOwn || threads > 1) tree += anonymous;
  }
  return { own, tree };
}

function descendants(roots: readonly number[], children: ReadonlyMap<number, readonly number[]>): readonly number[] {
  const all: number[] = [];
  const queue = [...roots];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    all.push(pid);
    queue.push(...children.get(pid) ?? []);
  }
  return all;
}

function childrenByParent(): ReadonlyMap<number, readonly number[]> {
  const children = new Map<number, number[]>();
  for (const entry of Deno.readDirSync("/proc")) {
    const pid = Number(entry.name);
    if (!Number.isInteger(pid)) continue;
    const parent = statFields(pid)[1];
    if (parent === undefined) continue;
    const siblings = children.get(Number(parent));
    if (siblings === undefined) children.set(Number(parent), [pid]);
    else siblings.push(pid);
  }
  return children;
}

/** The fields of `/proc/PID/stat` from the state on; none when the process is gone. */
function statFields(pid: number): readonly string[] {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function statusOf(pid: number): { readonly anonymous: number; readonly threads: number } {
  const status = readProc(`/proc/${pid}/status`);
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return { anonymous: field("RssAnon"), threads: field("Threads") };
}

function programOf(pid: number): string {
  try {
    return Deno.readLinkSync(`/proc/${pid}/exe`).split("/").at(-1) ?? "";
  } catch {
    // Gone, or a kernel thread.
    return "";
  }
}

function cpuOfTree(root: number): number {
  return sum(
    descendants([root], childrenByParent()).map((pid) => {
      const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = statFields(pid).slice(11, 15).map(Number);
      return (user + system + waitedUser + waitedSystem) / TICKS;
    }),
  );
}

function ownCpuSeconds(): number {
  const [user = 0, system = 0] = statFields(Deno.pid).slice(11, 13).map(Number);
  return (user + system) / TICKS;
}

function busySeconds(): number {
  const [, ...fields] = readProc("/proc/stat").split("\n")[0]?.split(/\s+/) ?? [];
  const [user = 0, nice = 0, system = 0, _idle, _wait, irq = 0, softirq = 0] = fields.map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

function readProc(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // The process ended meanwhile.
    return "";
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
