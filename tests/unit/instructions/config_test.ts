import assert from "node:assert/strict";
import type { ContainerConfig } from "../../../lib/oci/config.ts";
import { evaluateDockerfile, evaluateStage, imageWith } from "../../support/evaluate_dockerfile.ts";
import { type Row, testRows } from "../../support/rows.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Instructions behind `FROM scratch`, and what they put into the config besides its start. */
const CONFIGS: readonly Row<string, Readonly<Record<string, unknown>>>[] = [
  ["3.0/1", "scratch", "", {}],
  ["3.5/1", "ENV", "ENV a=b", { Env: [PATH, "a=b"] }],
  ["3.5/1", "several", "ENV a=b c=d", { Env: [PATH, "a=b", "c=d"] }],
  ["3.5/1", "quotes and escapes go", "ENV a=\"b c\" d='e f' g=h\\ i", { Env: [PATH, "a=b c", "d=e f", "g=h i"] }],
  ["3.5/1", "an empty value", 'ENV a= b=""', { Env: [PATH, "a=", "b="] }],
  ["3.5/1", "the first equals sign counts", "ENV a=b=c", { Env: [PATH, "a=b=c"] }],
  ["3.5/1", "the old form", "ENV a b c", { Env: [PATH, "a=b c"] }],
  ["3.5/1", "quotes in the old form go", 'ENV a "b  c"', { Env: [PATH, "a=b  c"] }],
  ["3.5/1", "the old form takes the whole line", "ENV a b= c=d", { Env: [PATH, "a=b= c=d"] }],
  ["3.5/1", "the old form keeps blanks inside", "ENV a   b   c", { Env: [PATH, "a=b   c"] }],
  ["3.5/1", "over several lines", "ENV a=b \\\n    c=d", { Env: [PATH, "a=b", "c=d"] }],
  ["3.5/1", "names are expanded", "ENV a=b\nENV $a=c", { Env: [PATH, "a=b", "b=c"] }],
  ["3.5/2", "a variable that is there keeps its place", "ENV a=1 b=2\nENV a=3", { Env: [PATH, "a=3", "b=2"] }],
  ["3.5/2", "PATH can be extended", "ENV PATH=$PATH:/x", { Env: [`${PATH}:/x`] }],
  ["2.1/1", "a line sees variables from before the line", "ENV a=1\nENV a=2 b=$a", { Env: [PATH, "a=2", "b=1"] }],
  ["2.1/3", "an undefined variable is empty", "ENV a=<$b>", { Env: [PATH, "a=<>"] }],
  ["1.3/4", "blanks and backslashes", "ENV a=b\\\\c", { Env: [PATH, "a=b\\c"] }],
  ["1.8", "ENV without arguments", "ENV", /Cannot parse ENV: it needs at least one name and value/],
  ["1.8", "ENV with an empty name", "ENV =b", /Cannot parse ENV: a name is empty/],
  ["1.5/3", "ENV with a flag", "ENV --a b=c", /Cannot parse the flag "--a" of ENV/],
  ["3.5/1", "LABEL", "LABEL a=b", { Labels: { a: "b" } }],
  ["3.5/1", "labels with dots and quotes", 'LABEL org.x.y="a b" "quoted name"=c', {
    Labels: { "org.x.y": "a b", "quoted name": "c" },
  }],
  ["3.5/1", "the old form", "LABEL a b c", { Labels: { a: "b c" } }],
  ["3.5/2", "the last value stays", "LABEL a=1 b=2\nLABEL a=3", { Labels: { a: "3", b: "2" } }],
  ["3.5/2", "a label of a name every object has", "LABEL constructor=a", { Labels: { constructor: "a" } }],
  ["1.8", "LABEL without arguments", "LABEL", /Cannot parse LABEL: it needs/],
  ["3.7", "USER", "USER a:b", { User: "a:b" }],
  ["3.7", "USER is expanded", "ENV u=app\nUSER $u:${g:-www}", { Env: [PATH, "u=app"], User: "app:www" }],
  ["3.7", "USER is stored as written", "USER 00", { User: "00" }],
  ["1.8", "USER without arguments", "USER", /Cannot parse USER: it needs exactly one argument/],
  ["3.8/1", "WORKDIR absolute", "WORKDIR /a", { WorkingDir: "/a" }],
  ["3.8/1", "WORKDIR relative", "WORKDIR /a\nWORKDIR b", { WorkingDir: "/a/b" }],
  ["3.8/1", "WORKDIR relative to the root", "WORKDIR a/b", { WorkingDir: "/a/b" }],
  ["3.8/1", "WORKDIR upwards", "WORKDIR /a/b\nWORKDIR ../c", { WorkingDir: "/a/c" }],
  ["3.8/1", "WORKDIR upwards beyond the root", "WORKDIR ../../a", { WorkingDir: "/a" }],
  ["3.8/1", "a relative one loses its slash at the end", "WORKDIR a/", { WorkingDir: "/a" }],
  ["3.8/1", "an absolute one is stored as written", "WORKDIR /a//./b/", { WorkingDir: "/a//./b/" }],
  ["3.8/1", "an empty one keeps the directory", "WORKDIR /a\nWORKDIR $x", { WorkingDir: "/a" }],
  ["3.8/1", "WORKDIR is expanded", "ENV d=/x\nWORKDIR ${d}/y", { Env: [PATH, "d=/x"], WorkingDir: "/x/y" }],
  ["3.8/1", "WORKDIR keeps blanks", "WORKDIR /a b", { WorkingDir: "/a b" }],
  ["1.8", "WORKDIR without arguments", "WORKDIR", /Cannot parse WORKDIR: it needs exactly one argument/],
  ["3.9", "VOLUME", "VOLUME /a /b", { Volumes: ["/a", "/b"] }],
  ["3.9", "VOLUME as JSON", 'VOLUME ["/a b"]', { Volumes: ["/a b"] }],
  ["3.9", "volumes add up", "VOLUME /a\nVOLUME /b /a", { Volumes: ["/a", "/b"] }],
  ["3.9", "volumes are expanded", "ENV v=/x\nVOLUME $v/y", { Env: [PATH, "v=/x"], Volumes: ["/x/y"] }],
  ["3.9", "an expanded volume is one path", 'ENV v="/x /y"\nVOLUME $v', { Env: [PATH, "v=/x /y"], Volumes: ["/x /y"] }],
  ["1.8", "VOLUME without arguments", "VOLUME", /Cannot parse VOLUME: it needs at least one path/],
  ["3.9", "an empty volume", 'VOLUME ["/a", " "]', /a path is empty/],
  ["3.9", "a volume that expands to nothing", "VOLUME $x", /Cannot use the volume "\$x": it expands to nothing/],
  ["3.10/1", "EXPOSE", "EXPOSE 80 53/udp", { ExposedPorts: ["53/udp", "80/tcp"] }],
  ["3.10/1", "ports add up", "EXPOSE 80\nEXPOSE 81 80", { ExposedPorts: ["80/tcp", "81/tcp"] }],
  ["3.10/1", "a variable may hold several ports", 'ENV p="80 81/udp"\nEXPOSE $p', {
    Env: [PATH, "p=80 81/udp"],
    ExposedPorts: ["80/tcp", "81/udp"],
  }],
  ["3.10/1", "a default behind digits", "EXPOSE 80${x:-80}", { ExposedPorts: ["8080/tcp"] }],
  ["3.10/1", "nothing left is no port", "EXPOSE $x", {}],
  ["3.10/1", "a bad port", "EXPOSE a", /Cannot expose "a"/],
  ["1.8", "EXPOSE without arguments", "EXPOSE", /Cannot parse EXPOSE: it needs at least one port/],
  ["3.13/1", "CMD as text", "CMD a  b", { Cmd: ["/bin/sh", "-c", "a  b"], ArgsEscaped: true }],
  ["3.13/3", "CMD as JSON", 'CMD ["a","b c"]', { Cmd: ["a", "b c"], ArgsEscaped: true }],
  ["3.13/2", "an empty CMD", "CMD []", { Cmd: [], ArgsEscaped: true }],
  ["3.13/1", "CMD without arguments is an empty command", "CMD", { Cmd: ["/bin/sh", "-c", ""], ArgsEscaped: true }],
  ["2.1", "CMD is not expanded", "ENV a=b\nCMD $a", {
    Env: [PATH, "a=b"],
    Cmd: ["/bin/sh", "-c", "$a"],
    ArgsEscaped: true,
  }],
  ["3.13/1", "the last CMD counts", 'CMD a\nCMD ["b"]', { Cmd: ["b"], ArgsEscaped: true }],
  ["1.6/1", "CMD with single quotes is text", "CMD ['a']", { Cmd: ["/bin/sh", "-c", "['a']"], ArgsEscaped: true }],
  ["1.5/1", "CMD with a flag", "CMD --a", /Cannot parse the flag "--a" of CMD: there is no such flag/],
  ["1.5/1", "CMD behind --", "CMD -- --a", { Cmd: ["/bin/sh", "-c", "--a"], ArgsEscaped: true }],
  ["3.13/1", "ENTRYPOINT as text", "ENTRYPOINT a b", { Entrypoint: ["/bin/sh", "-c", "a b"] }],
  ["3.13/1", "ENTRYPOINT as JSON", 'ENTRYPOINT ["a"]', { Entrypoint: ["a"] }],
  ["3.13/2", "an empty ENTRYPOINT", 'ENTRYPOINT ["a"]\nENTRYPOINT []', {}],
  ["3.13/2", "a CMD of this stage survives an ENTRYPOINT", 'CMD ["a"]\nENTRYPOINT ["b"]', {
    Cmd: ["a"],
    ArgsEscaped: true,
    Entrypoint: ["b"],
  }],
  ["3.13/2", "a CMD behind the ENTRYPOINT stays", 'ENTRYPOINT ["b"]\nCMD ["a"]', {
    Cmd: ["a"],
    ArgsEscaped: true,
    Entrypoint: ["b"],
  }],
  ["3.13/4", "SHELL", 'SHELL ["/bin/bash", "-c"]', { Shell: ["/bin/bash", "-c"] }],
  ["3.13/4", "SHELL is for what follows", 'CMD a\nSHELL ["s"]\nENTRYPOINT b', {
    Cmd: ["/bin/sh", "-c", "a"],
    ArgsEscaped: true,
    Shell: ["s"],
    Entrypoint: ["s", "b"],
  }],
  ["3.13/4", "SHELL as text", "SHELL bash -c", /Cannot parse SHELL: "bash -c" is not a JSON array/],
  ["3.13/4", "an empty SHELL", "SHELL []", /Cannot parse SHELL: it needs at least one word/],
  ["1.8", "SHELL without arguments", "SHELL", /it needs at least one word/],
  ["3.11", "STOPSIGNAL", "STOPSIGNAL sigterm", { StopSignal: "sigterm" }],
  ["3.11", "STOPSIGNAL is expanded", "ENV s=9\nSTOPSIGNAL $s", { Env: [PATH, "s=9"], StopSignal: "9" }],
  ["3.11", "an unknown signal", "STOPSIGNAL SIGTRM", /Cannot use the signal "SIGTRM": .*\(did you mean SIGTERM\?\)/],
  ["1.5/4", "STOPSIGNAL ignores flags", "STOPSIGNAL --a 9", { StopSignal: "9" }],
  ["1.8", "STOPSIGNAL without arguments", "STOPSIGNAL", /it needs exactly one argument/],
  ["3.12/1", "HEALTHCHECK NONE", "HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
  ["3.12/1", "HEALTHCHECK none", "HEALTHCHECK none", { Healthcheck: { Test: ["NONE"] } }],
  ["3.12/1", "HEALTHCHECK with text", "HEALTHCHECK CMD a b", { Healthcheck: { Test: ["CMD-SHELL", "a b"] } }],
  ["3.12/1", "HEALTHCHECK with JSON", 'HEALTHCHECK CMD ["a","b"]', { Healthcheck: { Test: ["CMD", "a", "b"] } }],
  ["3.12/1", "HEALTHCHECK does not use SHELL", 'SHELL ["s"]\nHEALTHCHECK CMD a', {
    Shell: ["s"],
    Healthcheck: { Test: ["CMD-SHELL", "a"] },
  }],
  [
    "3.12/1",
    "all options of HEALTHCHECK",
    "HEALTHCHECK --interval=30s --timeout=1m --start-period=2s --start-interval=100ms --retries=4 CMD a",
    {
      Healthcheck: {
        Test: ["CMD-SHELL", "a"],
        Interval: 30e9,
        Timeout: 60e9,
        StartPeriod: 2e9,
        StartInterval: 1e8,
        Retries: 4,
      },
    },
  ],
  ["3.12/1", "zeros mean the default", "HEALTHCHECK --interval=0 --timeout=0s --retries=0 CMD a", {
    Healthcheck: { Test: ["CMD-SHELL", "a"] },
  }],
  ["3.12/1", "empty options mean the default", "HEALTHCHECK --interval= --retries= CMD a", {
    Healthcheck: { Test: ["CMD-SHELL", "a"] },
  }],
  ["3.12/1", "the last HEALTHCHECK counts", "HEALTHCHECK CMD a\nHEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
  [
    "3.12/1",
    "an interval below a millisecond",
    "HEALTHCHECK --interval=999us CMD a",
    /--interval="999us" is less than 1ms/,
  ],
  ["3.12/1", "a negative interval", "HEALTHCHECK --interval=-1s CMD a", /is less than 1ms/],
  ["3.12/1", "an interval without unit", "HEALTHCHECK --interval=30 CMD a", /--interval="30" is not a duration/],
  ["3.12/1", "negative retries", "HEALTHCHECK --retries=-1 CMD a", /--retries="-1" is not a number from 0/],
  ["3.12/1", "retries that are no number", "HEALTHCHECK --retries=x CMD a", /--retries="x" is not a number/],
  ["3.12/1", "an option twice", "HEALTHCHECK --retries=1 --retries=2 CMD a", /it is given twice/],
  ["3.12/1", "NONE with arguments", "HEALTHCHECK NONE a", /NONE takes no arguments/],
  ["1.5/4", "NONE ignores flags", "HEALTHCHECK --hello NONE", { Healthcheck: { Test: ["NONE"] } }],
  ["3.12/1", "CMD without command", "HEALTHCHECK CMD", /the command behind CMD is missing/],
  ["3.12/1", "CMD with an empty array", "HEALTHCHECK CMD []", /the command behind CMD is missing/],
  ["3.12/1", "another word", "HEALTHCHECK curl x", /"curl" is no kind of check/],
  ["3.12/1", "an unknown option", "HEALTHCHECK --intervall=1s CMD a", /did you mean --interval\?/],
  ["1.8", "HEALTHCHECK without arguments", "HEALTHCHECK", /it needs CMD and a command, or NONE/],
  ["2.1", "HEALTHCHECK is not expanded", "HEALTHCHECK CMD $a", { Healthcheck: { Test: ["CMD-SHELL", "$a"] } }],
  ["3.14/1", "ONBUILD", "ONBUILD RUN a  b", { OnBuild: ["RUN a  b"] }],
  ["3.14/1", "triggers add up", "ONBUILD RUN a\nONBUILD COPY b c", { OnBuild: ["RUN a", "COPY b c"] }],
  ["3.14/1", "a trigger is stored as written", "onbuild   run --mount=x  $a \\\n  b", {
    OnBuild: ["run --mount=x  $a   b"],
  }],
  ["3.14/1", "a heredoc is stored behind it", "ONBUILD RUN <<-E\n\ta\n\tE", { OnBuild: ["RUN <<-E\n\ta\nE"] }],
  ["3.14/1", "two heredocs", "ONBUILD COPY <<A <<B /d/\na\nA\nb\nB", { OnBuild: ["COPY <<A <<B /d/\na\nA\nb\nB"] }],
  ["3.14/1", "an unknown instruction is stored", "ONBUILD HELLO x", { OnBuild: ["HELLO x"] }],
  ["3.14/1", "ONBUILD ONBUILD", "ONBUILD ONBUILD RUN a", /Cannot parse ONBUILD: ONBUILD cannot be a trigger/],
  ["3.14/1", "ONBUILD FROM", "ONBUILD from a", /FROM cannot be a trigger/],
  ["3.14/1", "ONBUILD MAINTAINER", "ONBUILD MAINTAINER a", /MAINTAINER cannot be a trigger/],
  ["1.8", "ONBUILD without arguments", "ONBUILD", /it needs an instruction/],
  ["3.15", "MAINTAINER does not touch the config", "MAINTAINER a b", {}],
  ["1.8", "MAINTAINER without arguments", "MAINTAINER", /it needs exactly one argument/],
  ["2.3/4", "ARG does not touch the config", "ARG a=b", {}],
];

testRows("config", CONFIGS, (instructions) => {
  const { Env, WorkingDir, ...config } = evaluateStage(instructions).config;
  return {
    ...config,
    ...(Env?.length === 1 && Env[0] === PATH ? {} : { Env }),
    ...(WorkingDir === "/" ? {} : { WorkingDir }),
  };
});

Deno.test("config [3.0/1] of scratch has a root directory and a PATH", () => {
  assert.deepEqual(evaluateStage("").config, { WorkingDir: "/", Env: [PATH] });
});

Deno.test("config [3.0/1] of scratch for Windows has no PATH", () => {
  const target = { os: "windows", architecture: "amd64" };
  assert.deepEqual(evaluateStage("", { target }).config, { WorkingDir: "/" });
});

Deno.test("config [3.13/1] for Windows has cmd as shell", () => {
  const target = { os: "windows", architecture: "amd64" };
  assert.deepEqual(evaluateStage("CMD a", { target }).config.Cmd, ["cmd", "/S", "/C", "a"]);
});

Deno.test("config [3.11] for Windows takes no STOPSIGNAL", () => {
  const target = { os: "windows", architecture: "amd64" };
  assert.throws(() => evaluateStage("STOPSIGNAL 9", { target }), /windows has no signals/);
});

Deno.test("config [3.15] keeps the author", () => {
  assert.equal(evaluateStage("MAINTAINER A <a@b> $x").state.author, "A <a@b> $x");
});

Deno.test("config [3.5/2] a label called __proto__ is a label", () => {
  assert.deepEqual(Object.entries(evaluateStage("LABEL __proto__=a").config.Labels ?? {}), [["__proto__", "a"]]);
});

const BASE = imageWith({
  Env: ["a=1", "PATH=/x"],
  Cmd: ["run"],
  Entrypoint: ["go"],
  WorkingDir: "/w",
  User: "u",
  Labels: { l: "1" },
  Shell: ["s"],
  OnBuild: ["ENV t=$a"],
  ExposedPorts: ["1/tcp"],
  Volumes: ["/v"],
});

/** Instructions behind the FROM of that image, and some fields of the config then. */
const ON_IMAGE: readonly Row<string, Partial<ContainerConfig>>[] = [
  ["3.0/2", "triggers fire", "", { Env: ["a=1", "PATH=/x", "t=1"] }],
  ["3.5/2", "a variable of the image keeps its place", "ENV a=2", { Env: ["a=2", "PATH=/x", "t=1"] }],
  ["3.8/1", "WORKDIR starts from the image's", "WORKDIR b", { WorkingDir: "/w/b" }],
  ["3.13/4", "the image's shell is inherited", "CMD a", { Cmd: ["s", "a"], ArgsEscaped: true }],
  ["3.13/2", "CMD keeps the image's ENTRYPOINT", 'CMD ["b"]', { Cmd: ["b"], ArgsEscaped: true }],
  ["3.5/2", "labels add up", "LABEL m=2", { Labels: { l: "1", m: "2" } }],
  ["3.9", "volumes add up", "VOLUME /y", { Volumes: ["/v", "/y"] }],
  ["3.10/1", "ports add up", "EXPOSE 2", { ExposedPorts: ["1/tcp", "2/tcp"] }],
];

const { OnBuild: _fired, ...KEPT } = BASE.config;

for (const [rule, shows, instructions, changed] of ON_IMAGE) {
  Deno.test(`config on an image [${rule}] ${shows}`, () => {
    const expected = { ...KEPT, Env: ["a=1", "PATH=/x", "t=1"], ...changed };
    assert.deepEqual(evaluateStage(instructions, { image: BASE }).config, expected);
  });
}

Deno.test("config on an image [3.13/2] ENTRYPOINT drops the image's CMD", () => {
  const { Entrypoint, Cmd } = evaluateStage('ENTRYPOINT ["b"]', { image: BASE }).config;
  assert.deepEqual([Entrypoint, Cmd], [["b"], undefined]);
});

Deno.test("config [3.0/2] gives an image without PATH the default one, at the end", () => {
  assert.deepEqual(evaluateStage("", { image: imageWith({ Env: ["a=1"] }) }).config, { Env: ["a=1", PATH] });
});

Deno.test("config [3.0/2] keeps the author of the image", () => {
  assert.equal(evaluateStage("", { image: { ...imageWith({}), author: "me" } }).state.author, "me");
});

Deno.test("config [3.13/2] a CMD of a parent stage counts as inherited", () => {
  const [, child] = evaluateDockerfile('FROM scratch AS a\nCMD ["x"]\nFROM a\nENTRYPOINT ["y"]\n');
  assert.equal(child?.config.Cmd, undefined);
});

Deno.test("config, of 9,000 LABELs, ENVs and ARGs is made in seconds", () => {
  const lines = Array.from(
    { length: 3_000 },
    (_, at) => `LABEL l${at}=$e${at - 1}\nENV e${at}=$a${at - 1}\nARG a${at}=1\n`,
  );
  const started = performance.now();
  const { config } = evaluateStage(lines.join(""));
  assert.equal(Object.keys(config.Labels ?? {}).length, 3_000);
  assert.equal(config.Env?.length, 3_001);
  // 0.3 s on a quiet machine; a copy of everything at each instruction takes a minute.
  assert.ok(performance.now() - started < 10_000);
});
