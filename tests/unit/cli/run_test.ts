/**
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { formatHelp } from "../../../lib/cli/help.ts";
import { type Program, run } from "../../../lib/cli/run.ts";
import { VERSION } from "../../../lib/cli/version.ts";
import { KilnError } from "../../../lib/errors.ts";
import { type FakeHost, fakeHost } from "./fake_host.ts";

/** A program whose parts do nothing but what a test says. */
function programOf(parts: Partial<Program> = {}): Program {
  return {
    build: () => Promise.resolve(),
    check: () => Promise.resolve({ exitCode: 0, errors: [] }),
    plan: () => Promise.resolve(),
    dump: (text) => text.toLowerCase(),
    expandLine: (line) => line.split(" "),
    excerpt: ({ startLine }, text) => `${startLine} | ${text.split("\n")[startLine - 1]}`,
    ...parts,
  };
}

const BUILD = ["--no-push", "--log-format=text"];

Deno.test("run(), prints the version in kaniko's form", async () => {
  const host = fakeHost();
  assert.deepEqual([await run(["version"], host, programOf()), host.out()], [0, `Kiln version :  v${VERSION}\n`]);
});

Deno.test("run(), prints the bare version", async () => {
  const host = fakeHost();
  assert.deepEqual([await run(["--version"], host, programOf()), host.out()], [0, `${VERSION}\n`]);
});

Deno.test("run(), prints help to stdout", async () => {
  const host = fakeHost();
  assert.deepEqual([await run(["--help"], host, programOf()), host.out(), host.err()], [0, formatHelp(), ""]);
});

Deno.test("run(), without arguments shows the help and what is missing", async () => {
  const host = fakeHost();
  assert.equal(await run([], host, programOf()), 64);
  assert.equal(host.out(), "");
  assert.equal(
    host.err(),
    `${formatHelp()}\nerror: Cannot build: no --destination says where to push the image\n` +
      "hint: use --no-push to push nothing\n",
  );
});

Deno.test("run(), tells a wrong flag with a hint", async () => {
  const host = fakeHost();
  assert.equal(await run(["--destinatoin=x"], host, programOf()), 64);
  assert.equal(
    host.err(),
    'error: Cannot parse "--destinatoin": there is no such flag\nhint: did you mean "--destination"?\n',
  );
});

Deno.test("run(), tells a wrong combination in the format that was asked for", async () => {
  const host = fakeHost();
  const args = ["--log-format=json", "--no-push", "--tar-path=x", "--compression=zstd"];
  assert.equal(await run(args, host, programOf()), 64);
  const { level, msg, exitCode } = JSON.parse(host.err());
  assert.deepEqual([level, msg, exitCode], [
    "error",
    "Cannot combine --tar-path with --compression=zstd: the archive is one for docker load",
    64,
  ]);
});

Deno.test("run(), builds with the options and tells the notices first", async () => {
  const host = fakeHost();
  const build: Program["build"] = ({ request }, { report }) => {
    report.message("info", `building ${request.dockerfile.kind === "file" ? request.dockerfile.name : ""}`);
    return Promise.resolve();
  };
  assert.equal(await run([...BUILD, "-fD", "--tarPath=x", "--snapshot-mode=full"], host, programOf({ build })), 0);
  assert.equal(
    host.err(),
    "WARN[0000] --tarPath is the old name of --tar-path: use --tar-path\nINFO[0000] building D\n",
  );
});

Deno.test("run(), returns the exit code of a failing build and quotes the Dockerfile", async () => {
  const host = fakeHost();
  const build: Program["build"] = (_options, { rememberSource }) => {
    rememberSource("Dockerfile", "FROM a\nRUN exit 42\n");
    const range = { file: "Dockerfile", startLine: 2, endLine: 2 };
    return Promise.reject(new KilnError("run", "Cannot run: it exited with 42", { exitCode: 42, range }));
  };
  assert.equal(await run(BUILD, host, programOf({ build })), 42);
  assert.equal(host.err(), "error: Cannot run: it exited with 42\n2 | RUN exit 42\n");
});

Deno.test("run(), tells a bug with exit code 70", async () => {
  const host = fakeHost();
  const build: Program["build"] = () => {
    throw new RangeError("oops");
  };
  assert.equal(await run(BUILD, host, programOf({ build })), 70);
  assert.match(host.err(), /^error: Cannot go on: an error inside Kiln \(RangeError: oops\)\nRangeError: oops\n +at /);
});

Deno.test("run(), hides a secret from the moment it is read, also in the error that ends the build", async () => {
  const host = fakeHost({ env: { TOKEN: "s3cret-token" } });
  const build: Program["build"] = async (_options, { report, secrets }) => {
    const value = new TextDecoder().decode(await secrets.read("t"));
    report.message("info", `using ${value}`);
    throw new KilnError("run", `Cannot run "curl -H ${value}"`);
  };
  await run([...BUILD, "--secret=id=t,env=TOKEN"], host, programOf({ build }));
  assert.equal(host.err(), 'INFO[0000] using ****\nerror: Cannot run "curl -H ****"\n');
});

Deno.test("run(), hides what a build adds to the redactor and credentials in URLs", async () => {
  const host = fakeHost();
  const build: Program["build"] = (_options, { report, redactor }) => {
    redactor.add("registry-password");
    report.message("info", "registry-password https://user:pw@host/");
    return Promise.resolve();
  };
  await run(BUILD, host, programOf({ build }));
  assert.equal(host.err(), "INFO[0000] **** https://****@host/\n");
});

/** Runs `debug parse` on a file with this text. */
async function debugParse(text: string, parts: Partial<Program> = {}): Promise<{ code: number; host: FakeHost }> {
  const cwd = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(join(cwd, "Dockerfile"), text);
    const host = fakeHost({ cwd });
    return { code: await run(["debug", "parse", "Dockerfile"], host, programOf(parts)), host };
  } finally {
    await Deno.remove(cwd, { recursive: true });
  }
}

Deno.test("debug parse, prints the dump with a line break at its end", async () => {
  const { code, host } = await debugParse("FROM A");
  assert.deepEqual([code, host.out(), host.err()], [0, "from a\n", ""]);
});

Deno.test("debug parse, prints nothing for nothing", async () => {
  const { code, host } = await debugParse("");
  assert.deepEqual([code, host.out()], [0, ""]);
});

Deno.test("debug parse, hands the byte-order mark to the parser", async () => {
  const { host } = await debugParse("\ufeffFROM a\n", { dump: (text) => String(text.charCodeAt(0)) });
  assert.equal(host.out(), "65279\n");
});

Deno.test("debug parse, tells a fault with its place", async () => {
  const dump = (): string => {
    throw new KilnError("dockerfile", "Cannot parse x", { range: { file: "Dockerfile", startLine: 1, endLine: 1 } });
  };
  const { code, host } = await debugParse("FRMO a\n", { dump });
  assert.deepEqual([code, host.err()], [65, "error: Cannot parse x\n1 | FRMO a\n"]);
});

Deno.test("debug parse, tells of a missing file", async () => {
  const host = fakeHost({ cwd: "/does/not/exist" });
  assert.equal(await run(["debug", "parse", "D"], host, programOf()), 64);
  assert.equal(host.err(), 'error: Cannot parse "D": it does not exist\n');
});

Deno.test("debug words, answers each line with its words or what is wrong", async () => {
  const expandLine: Program["expandLine"] = (line, { variables, escape }) => {
    if (line === "bad") throw new KilnError("dockerfile", "Cannot expand\nit");
    return [line, variables.get("A") ?? "", escape];
  };
  const host = fakeHost({ stdin: ["a b", "\nbad\n\né", "x"] });
  assert.equal(await run(["debug", "words", "--env", "A=1", "--escape=`"], host, programOf({ expandLine })), 0);
  assert.equal(
    host.out(),
    '["a b","1","`"]\nerror: Cannot expand\\nit\n["","1","`"]\n["éx","1","`"]\n',
  );
});

Deno.test("debug words, prints nothing for no input", async () => {
  const host = fakeHost();
  assert.deepEqual([await run(["debug", "words"], host, programOf()), host.out()], [0, ""]);
});

Deno.test("run(), fails when its answer could not be written", async () => {
  const host = fakeHost({ stdoutLost: true });
  assert.equal(await run(["version"], host, programOf()), 73);
  assert.equal(host.err(), "error: Cannot write the answer to stdout: the write failed\n");
});
