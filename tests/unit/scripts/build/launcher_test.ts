/** @module */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { makeLauncher } from "../../../../scripts/build/launcher.ts";

const SHOW = ["/bin/sh", "-c", 'printf "<%s>" "$0" "$@"; echo " $NAME $OTHER"'] as const;

interface Started {
  readonly code: number;
  readonly said: string;
}

async function launch(
  argv: readonly string[],
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  through: readonly string[] = [],
): Promise<Started> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-launcher-" });
  try {
    const file = join(folder, "launcher");
    const failure = 'error: Cannot start "it"';
    const launcher = makeLauncher({
      architecture: Deno.build.arch,
      argv,
      env: ["NAME=ours", "OTHER=2"],
      namespaceVariable: "IN",
      failure,
    });
    await Deno.writeFile(file, launcher, { mode: 0o755 });
    const [program = file, ...before] = [...through, file];
    const command = new Deno.Command(program, { args: [...before, ...args], clearEnv: true, env });
    const { code, stdout, stderr } = await command.output();
    return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a launcher becomes the program, with the caller's arguments behind its own", async () => {
  const { code, said } = await launch([...SHOW, "zero", "one"], ["", "a b", "$HOME", "é"]);
  assert.deepEqual({ code, said }, { code: 0, said: "<zero><one><><a b><$HOME><é> ours 2\n" });
});

Deno.test("a launcher passes on no arguments as none", async () => {
  assert.equal((await launch([...SHOW, "zero"], [])).said, "<zero> ours 2\n");
});

Deno.test("a launcher passes the caller's variables on, behind its own", async () => {
  const print = ["/usr/bin/env"] as const;
  const { said } = await launch([...print], [], { NAME: "theirs", HOME: "/root" });
  const lines = said.trim().split("\n");
  assert.deepEqual(lines.slice(0, 2), ["NAME=ours", "OTHER=2"]);
  assert.deepEqual(lines.slice(2).filter((line) => !line.startsWith("IN=")).sort(), ["HOME=/root", "NAME=theirs"]);
});

Deno.test("a launcher without a program of its own becomes what its arguments say", async () => {
  assert.equal((await launch([], [...SHOW, "zero", "one"])).said, "<zero><one> ours 2\n");
});

Deno.test("a launcher puts the program into a mount namespace of its own, private, and names it", async () => {
  const script = 'readlink /proc/self/ns/mnt; echo "$IN"; grep -c shared: /proc/self/mountinfo; exit 0';
  const [namespace, named, shared] = (await launch(["/bin/sh", "-c", script], [])).said.split("\n");
  assert.match(namespace ?? "", /^mnt:\[\d+\]$/);
  assert.equal(named, namespace);
  assert.notEqual(namespace, Deno.readLinkSync("/proc/self/ns/mnt"));
  assert.equal(shared, "0");
});

Deno.test("a launcher that may not have a mount namespace starts the program without, and names none", async () => {
  const script = 'readlink /proc/self/ns/mnt; echo "<$IN>"';
  // Of a child, as the thread of another test file may have left the namespace of this process.
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", script], clearEnv: true }).output();
  const drop = ["/usr/bin/setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin"];
  const { said } = await launch(["/bin/sh", "-c", script], [], {}, drop);
  assert.equal(said, new TextDecoder().decode(stdout));
});

Deno.test("a launcher passes on as many arguments as the kernel takes", async () => {
  const args = Array.from({ length: 20_000 }, (_, at) => String(at));
  const { said } = await launch(["/bin/sh", "-c", 'echo "$#"; for last; do :; done; echo "$last"', "sh"], args);
  assert.equal(said, "20000\n19999\n");
});

Deno.test("a launcher whose program is not there says so and ends with 70", async () => {
  assert.deepEqual(await launch(["/nowhere/program"], ["x"]), { code: 70, said: 'error: Cannot start "it"\n' });
});
