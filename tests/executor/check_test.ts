/**
 * `executor check`: what it prints, how it exits, and that it does nothing else.
 *
 * @module
 */
import assert from "node:assert/strict";
import { addBase } from "../support/registry_base.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { type Outcome, type Site, type SiteFiles, type StartOptions, startSite } from "../support/executor_site.ts";

const PAGE = "https://docs.docker.com/go/dockerfile/rule";

async function check(files: SiteFiles, args: readonly string[] = [], options: StartOptions = {}): Promise<Outcome> {
  await using site = await startSite(files);
  return await checkIn(site, args, options);
}

/** Checks in a site's context, and that nothing is left there or anywhere. */
async function checkIn(site: Site, args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
  const before = await listing(site.path);
  const outcome = await site.run(["--log-format=text", ...args], { command: ["check"], cwd: site.context, ...options });
  assert.deepEqual(await listing(site.path), before, "it wrote something");
  return outcome;
}

async function listing(path: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    names.push(name, ...isDirectory ? (await listing(`${path}/${name}`)).map((below) => `${name}/${below}`) : []);
  }
  return names.sort();
}

Deno.test("check of a clean Dockerfile, says so", async () => {
  assert.deepEqual(await check({ Dockerfile: 'FROM scratch\nENV a=b\nCMD ["x"]\n' }), {
    code: 0,
    stdout: "Check complete, no warnings found.\n",
    stderr: "",
  });
});

Deno.test("check with warnings, shows each with its lines and exits with 1", async () => {
  const { code, stdout, stderr } = await check({
    Dockerfile: "FROM scratch AS Web\nLABEL a=1 \\\n\n  b=2\nCOPY notes.txt /\nCMD \x1b[31mrun\n",
    ".dockerignore": "*.txt\n",
  });
  assert.equal(stderr, "");
  assert.equal(
    stdout,
    `WARNING: StageNameCasing - ${PAGE}/stage-name-casing/
Stage name 'Web' should be lowercase
Dockerfile:1
--------------------
   1 | >>> FROM scratch AS Web
   2 |     LABEL a=1 \\
   3 |
--------------------

WARNING: NoEmptyContinuation - ${PAGE}/no-empty-continuation/
Empty continuation line
Dockerfile:4
--------------------
   2 |     LABEL a=1 \\
   3 |
   4 | >>>   b=2
   5 |     COPY notes.txt /
   6 |     CMD \\x1b[31mrun
--------------------

WARNING: CopyIgnoredFile - ${PAGE}/copy-ignored-file/
Attempting to Copy file "notes.txt" that is excluded by .dockerignore
Dockerfile:5
--------------------
   3 |
   4 |       b=2
   5 | >>> COPY notes.txt /
   6 |     CMD \\x1b[31mrun
--------------------

WARNING: JSONArgsRecommended - ${PAGE}/json-args-recommended/
JSON arguments recommended for CMD to prevent unintended behavior related to OS signals
Dockerfile:6
--------------------
   4 |       b=2
   5 |     COPY notes.txt /
   6 | >>> CMD \\x1b[31mrun
--------------------

Check complete, 4 warnings have been found!
`,
  );
  assert.equal(code, 1);
});

Deno.test("check as JSON, is the document that is documented", async () => {
  const text = "FROM scratch\nCOPY <<E /\n$who\u202e\nE\nUSR a\n";
  const { code, stdout, stderr } = await check({ "sub/Dockerfile": text.replace("USR a\n", "") }, [
    "--format=json",
    "sub",
  ]);
  const range = (line: number): unknown => ({ start: { line, character: 0 }, end: { line, character: 0 } });
  assert.deepEqual(JSON.parse(stdout), {
    warnings: [{
      rule: "UndefinedVar",
      description: "Variables should be defined before their use",
      url: `${PAGE}/undefined-var/`,
      detail: "Usage of undefined variable '$who'",
      file: "sub/Dockerfile",
      line: 2,
      endLine: 4,
      ranges: [range(2), range(3), range(4)],
    }],
    undecided: [],
    unknownBases: [],
    errors: [],
    sources: [{ file: "sub/Dockerfile" }],
  });
  assert.deepEqual([code, stderr], [1, ""]);

  const failed = await check({ Dockerfile: text }, ["--format=json"]);
  assert.deepEqual(JSON.parse(failed.stdout).errors, [{
    message: 'Cannot run "USR": there is no such instruction',
    hint: "did you mean USER?",
    kind: "dockerfile",
    exitCode: 65,
    file: "Dockerfile",
    line: 5,
    endLine: 5,
    ranges: [range(5)],
  }]);
  assert.deepEqual([failed.code, failed.stderr], [65, ""]);
});

Deno.test("check for GitHub, prints annotations that nothing can break out of", async () => {
  const { code, stdout, stderr } = await check({
    Dockerfile: "FROM scratch AS A\nEXPOSE 80:80/TCP\nSTOPSIGNAL 1:2,%0A\n",
  }, ["--format=github"]);
  assert.equal(
    stdout,
    `::warning file=Dockerfile,line=1,endLine=1,title=StageNameCasing::Stage name 'A' should be lowercase%0A${PAGE}/stage-name-casing/
::warning file=Dockerfile,line=2,endLine=2,title=ExposeProtoCasing::Defined protocol '80:80/TCP' in EXPOSE instruction should be lowercase%0A${PAGE}/expose-proto-casing/
::warning file=Dockerfile,line=2,endLine=2,title=ExposeInvalidFormat::EXPOSE instruction should not define an IP address or host-port mapping, found '80:80/TCP'%0A${PAGE}/expose-invalid-format/
::error file=Dockerfile,line=3,endLine=3,title=Cannot build::Cannot use the signal "1:2,%250A": there is no such signal%0Ahint: give a name such as SIGTERM or a positive number
`,
  );
  assert.deepEqual([code, stderr], [65, ""]);
});

Deno.test("check of a Dockerfile with an error, shows the warnings in front of it, and the error like a build", async () => {
  const { code, stdout, stderr } = await check({ Dockerfile: "FROM scratch\nMAINTAINER me\nENV a=${b:?no}\n" });
  assert.equal(
    stdout,
    `WARNING: MaintainerDeprecated - ${PAGE}/maintainer-deprecated/
Maintainer instruction is deprecated in favor of using label
Dockerfile:2
--------------------
   1 |     FROM scratch
   2 | >>> MAINTAINER me
   3 |     ENV a=\${b:?no}
--------------------

WARNING: UndefinedVar - ${PAGE}/undefined-var/
Usage of undefined variable '$b'
Dockerfile:3
--------------------
   1 |     FROM scratch
   2 |     MAINTAINER me
   3 | >>> ENV a=\${b:?no}
--------------------
`,
  );
  assert.equal(
    stderr,
    `error: Cannot expand "\${b:?no}": b: no
Dockerfile:3
--------------------
   1 |     FROM scratch
   2 |     MAINTAINER me
   3 | >>> ENV a=\${b:?no}
--------------------
`,
  );
  assert.equal(code, 65);
});

Deno.test("check with error=true, fails with 65", async () => {
  const { code, stderr } = await check({ Dockerfile: "# check=error=true\nFROM scratch\nMAINTAINER me\nUSER $a\n" });
  assert.equal(
    stderr,
    'error: Cannot build: "# check=error=true", and the checks found faults: MaintainerDeprecated, UndefinedVar\n',
  );
  assert.equal(code, 65);
});

Deno.test("check of several paths, takes Dockerfiles and contexts", async () => {
  const { code, stdout } = await check({
    "a/Dockerfile": "FROM scratch\nCOPY x /\n",
    "a/.dockerignore": "x",
    "b/app.Dockerfile": "FROM scratch\nCOPY x y /\n",
    "b/app.Dockerfile.dockerignore": "y",
    "b/.dockerignore": "x",
    "c/dockerfile": "FROM scratch\nUSER $a\n",
  }, ["--format=json", "a", "b/app.Dockerfile", "c"]);
  const { warnings, sources } = JSON.parse(stdout);
  assert.deepEqual(warnings.map(({ file, detail }: Record<string, string>) => `${file}: ${detail}`), [
    'a/Dockerfile: Attempting to Copy file "x" that is excluded by .dockerignore',
    'b/app.Dockerfile: Attempting to Copy file "y" that is excluded by .dockerignore',
    "c/dockerfile: Usage of undefined variable '$a'",
  ]);
  assert.equal(sources.length, 3);
  assert.equal(code, 1);
});

Deno.test("check of a Dockerfile on stdin, takes the current directory as context", async () => {
  const stdin = new TextEncoder().encode("FROM scratch\nCOPY x /\n");
  const { code, stdout } = await check({ ".dockerignore": "x" }, ["-f", "-", "--format=github"], { stdin });
  assert.match(stdout, /^::warning file=Dockerfile,line=2,endLine=2,title=CopyIgnoredFile::/);
  assert.equal(code, 1);
});

Deno.test("check with the flags of a build, heeds arguments, targets and platforms", async () => {
  const Dockerfile = "ARG base\nFROM $base AS a\nUSER $x\nFROM scratch AS b\nUSER $y\n";
  const { stdout } = await check({ Dockerfile }, ["--build-arg=base=scratch", "--target=a", "--format=github"]);
  assert.deepEqual(stdout.split("\n").map((line) => /title=(\w+)::/.exec(line)?.[1]), [
    "InvalidDefaultArgInFrom",
    "UndefinedVar",
    undefined,
  ]);
});

Deno.test("check of a path that is not there, says so and checks the others", async () => {
  const { code, stdout, stderr } = await check({ Dockerfile: "FROM scratch\nUSER $a\n" }, [
    "--format=text",
    "nothing",
    "Dockerfile",
  ]);
  assert.match(stderr, /^error: Cannot find the Dockerfile "nothing": there is none at \S+\/nothing\nhint: /);
  assert.match(stdout, /^WARNING: UndefinedVar/);
  assert.equal(code, 65);
});

Deno.test("check with a base image, reads its config and no layer", async () => {
  await using registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  const Dockerfile = `FROM ${registry.host}/base/busybox:latest\nLABEL a=$PATH b=$HOMES\nCMD x\n`;
  const { code, stdout } = await check({ Dockerfile }, ["--insecure-pull", "--format=github"]);
  assert.deepEqual(stdout.split("\n").map((line) => /title=(\w+)::/.exec(line)?.[1]), [
    "UndefinedVar",
    "JSONArgsRecommended",
    undefined,
  ]);
  assert.equal(code, 1);
  assert.equal(registry.log().filter((line) => line.includes("/blobs/")).length, 1, registry.log().join("\n"));
});

Deno.test("check without the registry of a base image, says what is left open", async () => {
  const Dockerfile = "FROM 127.0.0.1:1/a/b:1 AS base\nUSER $APP\nFROM base\nCMD x\nWORKDIR w\n";
  const { code, stdout } = await check({ Dockerfile });
  assert.equal(
    stdout,
    `WARNING: WorkdirRelativePath - ${PAGE}/workdir-relative-path/
Relative workdir "w" can have unexpected results if the base image changes
Dockerfile:5
--------------------
   3 |     FROM base
   4 |     CMD x
   5 | >>> WORKDIR w
--------------------

NOTE: the config of the base image "127.0.0.1:1/a/b:1" is not known (line 1)
Cannot fetch the manifest of 127.0.0.1:1/a/b:1: "127.0.0.1:1" refuses the connection (tried 2 times)
not decided: InvalidBaseImagePlatform (line 1), UndefinedVar (line 2), JSONArgsRecommended (line 4)
not checked: what its ONBUILD triggers do

Check complete, 1 warning has been found!
`,
  );
  assert.equal(code, 1);

  const offline = await check({ Dockerfile }, ["--offline", "--format=json"]);
  const { undecided, unknownBases } = JSON.parse(offline.stdout);
  assert.deepEqual(undecided.map(({ rule, line }: { rule: string; line: number }) => `${rule} ${line}`), [
    "InvalidBaseImagePlatform 1",
    "UndefinedVar 2",
    "JSONArgsRecommended 4",
  ]);
  assert.deepEqual(unknownBases.map(({ image, reason, line }: Record<string, unknown>) => [image, reason, line]), [
    ["127.0.0.1:1/a/b:1", "Cannot ask a registry: --offline was given", 1],
  ]);
  assert.equal(offline.stderr, "");

  const strict = await check({ Dockerfile }, ["--require-bases"]);
  assert.equal(strict.code, 69);
  assert.match(strict.stderr, /error: Cannot fetch the manifest of 127\.0\.0\.1:1\/a\/b:1/);
});

Deno.test("check of a base image that does not exist, is an error with the nearest name", async () => {
  await using registry = await startFaultRegistry();
  const Dockerfile = `FROM scratch AS tools\nFROM ${registry.host}/none:1\n`;
  const { code, stderr } = await check({ Dockerfile }, ["--insecure-pull"]);
  assert.match(stderr, /^error: Cannot fetch the manifest of \S+\/none:1: \S+\/none has no tag "1"/);
  assert.equal(code, 69);
});

Deno.test("check as JSON with hostile text, prints no control characters", async () => {
  const { stdout } = await check({ Dockerfile: "FROM scratch\nUSER $\u{e9}\nEXPOSE 1:2\u202e/tcp\n" }, [
    "--format=json",
  ]);
  assert.ok(!stdout.includes("\u202e"));
  assert.match(JSON.parse(stdout).errors[0].message, /\u202e/);
});
