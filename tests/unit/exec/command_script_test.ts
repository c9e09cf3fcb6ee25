import assert from "node:assert/strict";
import { chrootScript, commandPaths, entryScript, setUpScript } from "../../../lib/exec/command_script.ts";
import type { ExecSpec, PreparedMount } from "../../../lib/exec/spec.ts";
import { IdMap } from "../../../lib/sys/id_map.ts";
import { MS } from "../../../lib/sys/mount.ts";
import type { SyscallName, SyscallScript, SyscallStep } from "../../../lib/sys/syscall_script.ts";

const FDS = { stdin: 10, stdout: 11, stderr: 12, report: 13, init: 14 };

const ALL_IDS = new IdMap([{ inside: 0, outside: 0, count: 0xffff_ffff }]);

const HOW = {
  fds: FDS,
  abilities: {
    namespaces: true,
    start: "stub" as const,
    root: true,
    userNamespace: false,
    boundByModes: false,
    ids: { users: ALL_IDS, groups: ALL_IDS, setsGroups: true, isPowerless: false },
  },
};

const SPEC: ExecSpec = {
  argv: ["tool", "-x", "caf\xe9"],
  environment: ["PATH=/opt/bin::/bin", "A=1"],
  workingDirectory: "/work",
  user: { uid: 1000, gid: 1001, groups: [1001, 2000], home: "/home/app" },
  hostname: "builder",
  network: "host",
  confined: true,
  mounts: [],
};

Deno.test("entryScript(), groups are set before the group, the group before the user, the user before the command", () => {
  const names = entryScript(SPEC, HOW.abilities).steps.map(({ name }) => name).filter((name) => !isNoise(name));
  assert.deepEqual(names.slice(0, 5), ["setsid", "chdir", "setgroups", "setgid", "setuid"]);
  assert.deepEqual(new Set(names.slice(5)), new Set<SyscallName>(["execve"]));
});

Deno.test("entryScript(), where modes bind root the user enters the working directory himself", () => {
  const script = entryScript(SPEC, { ...HOW.abilities, boundByModes: true });
  const names = script.steps.map(({ name }) => name).filter((name) => !isNoise(name));
  assert.deepEqual(names.slice(0, 5), ["setsid", "setgroups", "setgid", "setuid", "chdir"]);
});

Deno.test("entryScript(), exactly the user's ids and groups", () => {
  const { steps } = entryScript(SPEC, HOW.abilities);
  assert.deepEqual(call(steps, "setgroups").arguments, [2, new Uint8Array(new Uint32Array([1001, 2000]).buffer)]);
  assert.deepEqual(call(steps, "setgid").arguments, [1001]);
  assert.deepEqual(call(steps, "setuid").arguments, [1000]);
  for (const name of ["setgroups", "setgid", "setuid", "chdir"] as const) {
    assert.equal(call(steps, name).optional, false);
  }
});

Deno.test("entryScript(), the command is tried on every entry of PATH, and the last failure counts", () => {
  const tries = entryScript(SPEC, HOW.abilities).steps.filter(({ name }) => name === "execve");
  assert.deepEqual(tries.map(({ arguments: [path] }) => path), ["/opt/bin/tool", "./tool", "/bin/tool"]);
  assert.deepEqual(tries.map(({ optional }) => optional), [true, true, false]);
  for (const { arguments: [, argv, environment] } of tries) {
    assert.deepEqual([argv, environment], [SPEC.argv, SPEC.environment]);
  }
});

Deno.test("commandPaths(), a word with a slash is a path, the last PATH counts, none is the working directory", () => {
  const paths = (word: string, ...environment: string[]): unknown =>
    commandPaths({ ...SPEC, argv: [word], environment });
  assert.deepEqual(paths("./x", "PATH=/bin"), ["./x"]);
  assert.deepEqual(paths("/bin/x", "PATH=/bin"), ["/bin/x"]);
  assert.deepEqual(paths("x", "PATH=/a", "PATH=/b"), ["/b/x"]);
  assert.deepEqual(paths("x"), ["./x"]);
});

Deno.test("setUpScript(), the host's file systems are left before the command can run", () => {
  const names = setUpScript("/r", SPEC, HOW).steps.map(({ name }) => name);
  const order = ["pivot_root", "umount2", "prctl", "execveat"] as const;
  const places = order.map((name) => names.indexOf(name));
  assert.deepEqual(places, places.toSorted((a, b) => a - b));
  assert.ok(places.every((place) => place >= 0));
  assert.equal(names.at(-1), "execveat");
});

Deno.test("setUpScript(), mounts are private before anything is mounted", () => {
  const mounts = setUpScript("/r", SPEC, HOW).steps.filter(({ name }) => name === "mount");
  const [first] = mounts;
  assert.deepEqual(first?.arguments.slice(1, 4), ["/", null, MS.REC | MS.PRIVATE]);
  assert.equal(first?.optional, false);
});

Deno.test("setUpScript(), a bind mount is restricted at once, read-only where asked for", () => {
  const bind = (readOnly: boolean): PreparedMount => ({
    kind: "bind",
    source: "/host/dir",
    target: "/in",
    type: "directory",
    readOnly,
  });
  for (const readOnly of [true, false]) {
    const { steps } = setUpScript("/r", { ...SPEC, mounts: [bind(readOnly)] }, HOW);
    const at = steps.findIndex(({ arguments: [source] }) => source === "/host/dir");
    assert.deepEqual(steps[at]?.arguments, ["/host/dir", "/r/in", null, MS.BIND, null]);
    const flags = MS.REMOUNT | MS.BIND | MS.NODEV | MS.NOSUID | (readOnly ? MS.RDONLY : 0);
    assert.deepEqual(steps[at + 1]?.arguments, [null, "/r/in", null, flags, null]);
    assert.equal(steps[at + 1]?.optional, false);
  }
});

Deno.test("setUpScript(), a tmpfs mount with and without a size", () => {
  const options = (sizeBytes?: number): unknown => {
    const size = sizeBytes === undefined ? {} : { sizeBytes };
    const mounts = [{ kind: "tmpfs", type: "directory", target: "/t", ...size } as const];
    const { steps } = setUpScript("/r", { ...SPEC, mounts }, HOW);
    return steps.find(({ arguments: [, target] }) => target === "/r/t")?.arguments.at(-1);
  };
  assert.equal(options(), "mode=1777");
  assert.equal(options(4096), "mode=1777,size=4096");
});

Deno.test("setUpScript(), a mount point in /dev is made there, after /dev is mounted", () => {
  const mounts = [{ kind: "bind", source: "/s", target: "/dev/x/y", type: "file", readOnly: true } as const];
  const { steps } = setUpScript("/r", { ...SPEC, mounts }, HOW);
  const dev = steps.findIndex(({ purpose }) => purpose === "mount /dev");
  const made = steps.findIndex(({ name, arguments: [, path] }) => name === "mknodat" && path === "/r/dev/x/y");
  const mounted = steps.findIndex(({ purpose }) => purpose === "mount /dev/x/y");
  assert.ok(dev < made && made < mounted);
});

Deno.test("setUpScript(), only a command without network has its loopback interface raised", () => {
  const has = (network: "host" | "none"): boolean =>
    setUpScript("/r", { ...SPEC, network }, HOW).steps.some(({ name }) => name === "ioctl");
  assert.deepEqual([has("none"), has("host")], [true, false]);
});

Deno.test("all scripts, open files are limited to 65,536 or what the host allows, whichever is less", () => {
  const { stdout } = new Deno.Command("sh", { args: ["-c", "ulimit -H -n"] }).outputSync();
  const hard = Number(new TextDecoder().decode(stdout).trim().replace("unlimited", "Infinity"));
  const expected = BigInt(Math.min(65_536, hard));
  for (const script of [setUpScript("/r", SPEC, HOW), chrootScript("/r", SPEC, HOW)]) {
    const limit = call(script.steps, "prlimit64").arguments[2];
    assert.ok(limit instanceof Uint8Array);
    assert.deepEqual([...new BigUint64Array(limit.slice().buffer)], [expected, expected]);
  }
});

Deno.test("all scripts, standard input, output and errors are the ones given, everything else is closed", () => {
  for (const script of [setUpScript("/r", SPEC, HOW), chrootScript("/r", SPEC, HOW)]) {
    const moves = script.steps.filter(({ name }) => name === "dup3").map(({ arguments: args }) => args);
    assert.deepEqual(moves, [[10, 0, 0], [11, 1, 0], [12, 2, 0], [13, 3, 0]]);
    assert.deepEqual(call(script.steps, "close_range").arguments, [4, 0xffff_ffff, 4]);
  }
});

Deno.test("chrootScript(), the root is changed before ids and command, and the directory is inside", () => {
  const names = chrootScript("/r", SPEC, HOW).steps.map(({ name }) => name);
  assert.ok(names.indexOf("chroot") < names.indexOf("setuid"));
  assert.ok(names.indexOf("setuid") < names.indexOf("execve"));
  assert.deepEqual(chdirs(chrootScript("/r", SPEC, HOW)), ["/r", "/work"]);
});

Deno.test("all scripts, the command dies with the builder, also after it has changed its ids", () => {
  // The kernel forgets PR_SET_PDEATHSIG when ids change (prctl(2)).
  for (const script of [entryScript(SPEC, HOW.abilities), chrootScript("/r", SPEC, HOW)]) {
    const names = script.steps.map(({ name, arguments: [option] }) => name === "prctl" && option === 1 ? "die" : name);
    assert.ok(names.lastIndexOf("die") > names.indexOf("setuid"));
    assert.ok(names.lastIndexOf("die") < names.indexOf("execve"));
  }
});

/** What confinement adds is tested where it is made. */
function isNoise(name: SyscallName): boolean {
  return ["fcntl", "prctl", "seccomp", "capset", "mkdirat"].includes(name);
}

function call(steps: readonly SyscallStep[], name: SyscallName): SyscallStep {
  const found = steps.filter((step) => step.name === name);
  assert.equal(found.length, 1, `${name} is called once`);
  return found[0] ?? assert.fail();
}

function chdirs(script: SyscallScript): readonly unknown[] {
  return script.steps.filter(({ name }) => name === "chdir").map(({ arguments: [path] }) => path);
}
