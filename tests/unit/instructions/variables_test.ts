import assert from "node:assert/strict";
import { platformArguments, proxyEnvironment } from "../../../lib/instructions/predefined_args.ts";
import { runEnvironment } from "../../../lib/instructions/state.ts";
import { VersionedMap } from "../../../lib/instructions/versioned_map.ts";
import { evaluateDockerfile, evaluateStage, imageWith } from "../../support/evaluate_dockerfile.ts";
import { type Row, testRows } from "../../support/rows.ts";

interface Case {
  readonly text: string;
  readonly args?: Readonly<Record<string, string>>;
}

/** A Dockerfile whose last stage sets labels; the result is those labels. */
const SCOPES: readonly Row<Case, Readonly<Record<string, string>>>[] = [
  ["2.3/1", "a stage does not see a global argument", { text: "ARG a=1\nFROM scratch\nLABEL l=<$a>" }, { l: "<>" }],
  ["2.3/1", "unless it declares it", { text: "ARG a=1\nFROM scratch\nARG a\nLABEL l=$a" }, { l: "1" }],
  [
    "2.3/1",
    "a global argument that was given",
    { text: "ARG a=1\nFROM scratch\nARG a\nLABEL l=$a", args: { a: "2" } },
    { l: "2" },
  ],
  ["2.3/1", "global arguments see earlier ones", { text: "ARG a=1\nARG b=${a}2\nFROM scratch\nARG b\nLABEL l=$b" }, {
    l: "12",
  }],
  ["2.3/1", "global arguments see platform arguments", { text: "ARG b=$TARGETARCH\nFROM scratch\nARG b\nLABEL l=$b" }, {
    l: "amd64",
  }],
  ["2.3/1", "a global argument without value", { text: "ARG a\nFROM scratch\nARG a\nLABEL l=${a-unset}" }, {
    l: "unset",
  }],
  ["2.3/1", "a global argument repeated without value keeps it", {
    text: "ARG a=1\nARG a\nFROM scratch\nARG a\nLABEL l=$a",
  }, { l: "1" }],
  ["2.3/1", "FROM sees global arguments", { text: "ARG b=base\nFROM scratch AS base\nENV x=1\nFROM $b\nLABEL l=$x" }, {
    l: "1",
  }],
  ["2.3/2", "a build argument wins over the default", { text: "FROM scratch\nARG a=1\nLABEL l=$a", args: { a: "2" } }, {
    l: "2",
  }],
  ["2.3/2", "an empty build argument wins over the default", {
    text: "FROM scratch\nARG a=1\nLABEL l=<$a>",
    args: { a: "" },
  }, { l: "<>" }],
  [
    "2.3/2",
    "a build argument is not expanded",
    { text: "FROM scratch\nENV b=1\nARG a\nLABEL l=$a", args: { a: "$b" } },
    { l: "$b" },
  ],
  ["2.3/2", "a build argument keeps quotes", { text: "FROM scratch\nARG a\nLABEL l=$a", args: { a: "'x'" } }, {
    l: "'x'",
  }],
  ["2.3/2", "the own default wins over the global value", { text: "ARG a=1\nFROM scratch\nARG a=2\nLABEL l=$a" }, {
    l: "2",
  }],
  ["2.3/2", "an empty default is a value", { text: "ARG a=1\nFROM scratch\nARG a=\nLABEL l=${a-unset}" }, { l: "" }],
  ["2.3/2", "no value leaves an existing variable alone", { text: "FROM scratch\nENV a=1\nARG a\nLABEL l=$a" }, {
    l: "1",
  }],
  ["2.3/2", "a default is expanded", { text: 'FROM scratch\nENV b=1\nARG a="$b 2"\nLABEL l=$a' }, { l: "1 2" }],
  ["2.3/2", "the name is not expanded", { text: "FROM scratch\nENV b=x\nARG $b=1\nLABEL l=<$x>" }, { l: "<>" }],
  ["2.3/3", "a failing default that is not needed", {
    text: "FROM scratch\nARG a=${b:?no}\nLABEL l=$a",
    args: { a: "1" },
  }, { l: "1" }],
  ["2.3/3", "a failing default that is needed", { text: "FROM scratch\nARG a=${b:?no}" }, /b: no/],
  ["2.3/3", "a failing global default", { text: "ARG a=${b:?no}\nFROM scratch" }, /b: no/],
  ["2.3/3", "a failing global default that is not needed", {
    text: "ARG a=${b:?no}\nFROM scratch\nARG a\nLABEL l=$a",
    args: { a: "1" },
  }, { l: "1" }],
  ["2.3/4", "an argument counts from its line on", { text: "FROM scratch\nLABEL k=<$a>\nARG a=1\nLABEL l=$a" }, {
    k: "<>",
    l: "1",
  }],
  ["2.3/5", "ENV behind ARG wins", { text: "FROM scratch\nARG a=1\nENV a=2\nLABEL l=$a", args: { a: "3" } }, {
    l: "2",
  }],
  ["2.3/5", "ARG behind ENV wins", { text: "FROM scratch\nENV a=1\nARG a=2\nLABEL l=$a" }, { l: "2" }],
  [
    "2.3/5",
    "a build argument behind ENV wins",
    { text: "FROM scratch\nENV a=1\nARG a\nLABEL l=$a", args: { a: "2" } },
    { l: "2" },
  ],
  ["2.3/6", "a stage built on another sees its arguments", { text: "FROM scratch AS x\nARG a=1\nFROM x\nLABEL l=$a" }, {
    l: "1",
  }],
  ["2.3/6", "and its variables", { text: "FROM scratch AS x\nENV a=1\nFROM x\nLABEL l=$a" }, { l: "1" }],
  ["2.3/6", "where ARG hid a variable the stage on top sees it again", {
    text: "FROM scratch AS x\nENV a=1\nARG a=2\nFROM x\nLABEL l=$a",
  }, { l: "1" }],
  ["2.3/6", "an unrelated stage shares nothing", {
    text: "FROM scratch AS x\nARG a=1\nENV b=2\nFROM scratch\nLABEL l=<$a$b>",
  }, { l: "<>" }],
  ["2.3/7", "a build argument nobody declared is ignored", { text: "FROM scratch\nLABEL l=<$a>", args: { a: "1" } }, {
    l: "<>",
  }],
  ["2.3/8", "scan controls never become variables", {
    text: "FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nLABEL l=<$BUILDKIT_SBOM_SCAN_STAGE>",
  }, { l: "<>" }],
  ["2.1/1", "an ARG line sees arguments further left", { text: "FROM scratch\nARG a=1 b=${a}2\nLABEL l=$b" }, {
    l: "12",
  }],
  ["2.1/1", "a global ARG line does too", { text: "ARG a=1 b=${a}2\nFROM scratch\nARG b\nLABEL l=$b" }, { l: "12" }],
  ["3.6", "several arguments", { text: 'FROM scratch\nARG a b=1 c="x y"\nLABEL l="<$a> $b $c"' }, { l: "<> 1 x y" }],
  ["2.4/2", "platform arguments must be declared", { text: "FROM scratch\nLABEL l=<$TARGETARCH>" }, { l: "<>" }],
  ["2.4/2", "declared", { text: "FROM scratch\nARG TARGETARCH TARGETOS\nLABEL l=$TARGETOS/$TARGETARCH" }, {
    l: "linux/amd64",
  }],
  ["2.4/2", "an empty one is set", { text: "FROM scratch\nARG TARGETVARIANT\nLABEL l=${TARGETVARIANT-unset}" }, {
    l: "",
  }],
  ["2.4/2", "can be given", { text: "FROM scratch\nARG TARGETARCH\nLABEL l=$TARGETARCH", args: { TARGETARCH: "x" } }, {
    l: "x",
  }],
  ["2.4/2", "TARGETSTAGE is the last stage", { text: "FROM scratch AS one\nARG TARGETSTAGE\nLABEL l=$TARGETSTAGE" }, {
    l: "one",
  }],
  ["2.4/2", "TARGETSTAGE of a stage without name", { text: "FROM scratch\nARG TARGETSTAGE\nLABEL l=$TARGETSTAGE" }, {
    l: "default",
  }],
  [
    "2.4/1",
    "proxies are not for expansion",
    { text: "FROM scratch\nLABEL l=<$http_proxy>", args: { http_proxy: "x" } },
    { l: "<>" },
  ],
  [
    "2.4/1",
    "unless declared",
    { text: "FROM scratch\nARG http_proxy\nLABEL l=$http_proxy", args: { http_proxy: "x" } },
    { l: "x" },
  ],
  ["1.8", "ARG without arguments", { text: "FROM scratch\nARG" }, /Cannot parse ARG: it needs at least one argument/],
  ["1.8", "ARG without name", { text: "FROM scratch\nARG =a" }, /Cannot parse ARG: "=a" has no name/],
  ["1.5/4", "ARG ignores flags", { text: "FROM scratch\nARG --x a=1\nLABEL l=$a" }, { l: "1" }],
  ["2.1/2", "expansion yields one word", { text: 'FROM scratch\nENV a="b c=d"\nLABEL l=$a' }, { l: "b c=d" }],
];

testRows(
  "variables",
  SCOPES,
  ({ text, args = {} }) => evaluateDockerfile(text, { args }).at(-1)?.config.Labels ?? {},
);

Deno.test("variables [2.3/3] an error of a global default has its position", () => {
  const range = { file: "Dockerfile", startLine: 2, endLine: 2 };
  assert.throws(() => evaluateDockerfile("# x\nARG a=${b?}\nFROM scratch"), { range });
});

const WARNINGS: readonly Row<Case, readonly string[]>[] = [
  ["2.1/3", "an undefined variable", { text: "FROM scratch\nLABEL a=$b" }, [
    "UndefinedVar: Usage of undefined variable '$b'",
  ]],
  ["2.1/3", "with a hint", { text: "FROM scratch\nENV home=1\nLABEL a=$hone" }, [
    "UndefinedVar: Usage of undefined variable '$hone' (did you mean $home?)",
  ]],
  ["2.1/3", "an argument without value", { text: "FROM scratch\nARG b\nLABEL a=$b" }, []],
  ["2.1/3", "an argument without value in the same line", { text: "FROM scratch\nARG b c=$b" }, []],
  ["2.1/3", "an argument of a parent stage", { text: "FROM scratch AS x\nARG b\nFROM x\nLABEL a=$b" }, []],
  ["2.3/8", "a scan control", { text: "FROM scratch\nLABEL a=$BUILDKIT_SBOM_SCAN_STAGE" }, []],
  ["2.1/3", "a variable in a heredoc", { text: "FROM scratch\nCOPY <<E /x\n$b\nE" }, [
    "UndefinedVar: Usage of undefined variable '$b'",
  ]],
  ["2.1/3", "RUN's variables are the shell's", { text: "FROM scratch\nRUN echo $b" }, []],
  ["2.1/3", "a default that was not used is no excuse", { text: "FROM scratch\nLABEL a=${b:-1}" }, [
    "UndefinedVar: Usage of undefined variable '$b'",
  ]],
  ["5", "FROM with an undeclared argument", { text: "FROM ${x:-scratch}" }, [
    "UndefinedArgInFrom: FROM argument 'x' is not declared",
  ]],
  ["5", "FROM with an undeclared argument, with a hint", { text: "ARG base\nFROM ${bas:-scratch}" }, [
    "UndefinedArgInFrom: FROM argument 'bas' is not declared (did you mean base?)",
  ]],
  ["5", "FROM with a declared argument without value", { text: "ARG x\nFROM ${x:-scratch}" }, []],
  ["5", "EXPOSE with an address", { text: "FROM scratch\nEXPOSE 1.2.3.4:1:2" }, [
    "ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '1.2.3.4:1:2'",
  ]],
];

testRows("variables that are missing", WARNINGS, ({ text }) => evaluateDockerfile(text).at(-1)?.warnings ?? []);

const ENVIRONMENTS: readonly Row<Case, readonly string[]>[] = [
  ["3.2/2", "variables and arguments in order", { text: "ENV a=1\nARG b=2\nENV c=3" }, ["PATH=p", "a=1", "b=2", "c=3"]],
  ["3.2/2", "a replaced variable keeps its place", { text: "ENV a=1 b=2\nARG a=3" }, ["PATH=p", "a=3", "b=2"]],
  ["3.2/2", "proxies come behind", { text: "ENV a=1", args: { HTTP_PROXY: "x" } }, [
    "PATH=p",
    "a=1",
    "HTTP_PROXY=x",
    "http_proxy=x",
  ]],
  ["3.2/2", "arguments nobody declared are not there", { text: "ENV a=1", args: { b: "2" } }, ["PATH=p", "a=1"]],
];

testRows("runEnvironment()", ENVIRONMENTS, ({ text, args = {} }) => {
  const { state } = evaluateStage(text, { args, image: imageWith({ Env: ["PATH=p"] }) });
  return runEnvironment(state).map(([name, value]) => `${name}=${value}`);
});

Deno.test("runEnvironment() [3.2/2] has a PATH when the variables have none", () => {
  const { state } = evaluateStage("");
  const environment = runEnvironment({ ...state, environment: VersionedMap.of([["a", "1"]]) });
  assert.deepEqual(environment, [["a", "1"], ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]]);
});

Deno.test("imageState() [3.0/2] takes a line without = as an empty variable", () => {
  const { config } = evaluateStage("LABEL l=<${x-unset}>", { image: imageWith({ Env: ["PATH=p", "x"] }) });
  assert.deepEqual(config.Labels, { l: "<>" });
});

const PROXIES: readonly Row<Readonly<Record<string, string>>, readonly string[]>[] = [
  ["2.4/1", "in both cases", { HTTPS_PROXY: "x" }, ["HTTPS_PROXY=x", "https_proxy=x"]],
  ["2.4/1", "given in lower case", { no_proxy: "x" }, ["NO_PROXY=x", "no_proxy=x"]],
  ["2.4/1", "given in mixed case", { Ftp_Proxy: "x" }, ["FTP_PROXY=x", "ftp_proxy=x"]],
  ["2.4/1", "lower case wins", { all_proxy: "x", ALL_PROXY: "y" }, ["ALL_PROXY=x", "all_proxy=x"]],
  ["2.4/1", "lower case wins in any order", { ALL_PROXY: "y", all_proxy: "x" }, ["ALL_PROXY=x", "all_proxy=x"]],
  ["2.4/1", "an empty one is not set", { http_proxy: "" }, []],
  ["2.4/1", "other arguments are not proxies", { proxy: "x", HTTP_PROXY_: "y" }, []],
];

testRows(
  "proxyEnvironment()",
  PROXIES,
  (given) => proxyEnvironment(new Map(Object.entries(given))).map(([name, value]) => `${name}=${value}`),
);

Deno.test("platformArguments() [2.4/2] names both platforms", () => {
  const entries = platformArguments({
    target: { os: "linux", architecture: "arm", variant: "v7" },
    builder: { os: "linux", architecture: "amd64" },
    targetStage: "app",
  });
  assert.deepEqual(entries.map(([name, value]) => `${name}=${value}`), [
    "BUILDPLATFORM=linux/amd64",
    "BUILDOS=linux",
    "BUILDOSVERSION=",
    "BUILDARCH=amd64",
    "BUILDVARIANT=",
    "TARGETPLATFORM=linux/arm/v7",
    "TARGETOS=linux",
    "TARGETOSVERSION=",
    "TARGETARCH=arm",
    "TARGETVARIANT=v7",
    "TARGETSTAGE=app",
  ]);
});
