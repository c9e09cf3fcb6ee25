import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { KilnError } from "../../../lib/errors.ts";
import { createGlobalExpander } from "../../../lib/instructions/expander.ts";
import { FROM, platformOf } from "../../../lib/instructions/from.ts";
import { evaluateGlobalArgs } from "../../../lib/instructions/global_args.ts";
import { findBaseStage, findStage, parseDockerfile, stageIndex } from "../../../lib/instructions/stages.ts";
import { INSTRUCTIONS } from "../../../lib/instructions/table.ts";
import { parseTriggers } from "../../../lib/instructions/triggers.ts";
import { evaluateDockerfile, imageWith } from "../../support/evaluate_dockerfile.ts";
import { type Row, testRows } from "../../support/rows.ts";

/** For each stage: base, name, keywords. */
const STAGES: readonly Row<string, readonly (readonly string[])[]>[] = [
  ["3.1", "one stage", "FROM a\nRUN b\nUSER c", [["a", "", "RUN", "USER"]]],
  ["3.1", "two stages", "FROM a AS b\nRUN c\nFROM d", [["a", "b", "RUN"], ["d", ""]]],
  ["3.1", "global arguments are no stage", "ARG a=1\nFROM b", [["b", ""]]],
  ["3.1/1", "AS in any case", "FROM a aS b", [["a", "b"]]],
  ["3.1/1", "names are in lower case", "FROM a AS Build", [["a", "build"]]],
  ["3.1/1", "all signs of a name", "FROM a AS b0-_.", [["a", "b0-_."]]],
  ["3.1/1", "a name that starts with a digit", "FROM a AS 1b", /Cannot parse FROM: "1b" is not a name for a stage/],
  ["3.1/1", "a name with a slash", "FROM a AS b/c", /"b\/c" is not a name/],
  ["3.1/1", "an empty name in quotes", 'FROM a AS ""', /is not a name/],
  ["1.8", "FROM without arguments", "FROM", /Cannot parse FROM: it needs an image, or an image, AS and a name/],
  ["1.8", "FROM with two arguments", "FROM a b", /it needs an image/],
  ["1.8", "FROM with another word than AS", "FROM a on b", /it needs an image/],
  ["1.8", "FROM with four arguments", "FROM a AS b c", /it needs an image/],
  ["1.2/1", "FROM with a comment behind", "FROM a # b", /it needs an image.*comments stand on lines of their own/],
  [
    "1.8",
    "an instruction in front of FROM",
    "RUN a\nFROM b",
    /Cannot run RUN: no stage has been started \(a stage starts/,
  ],
  [
    "1.1/6",
    "an unknown word in front of FROM",
    "FORM a",
    /Cannot run "FORM": there is no such instruction \(did you mean FROM\?\)/,
  ],
  ["1.1/3", "global arguments only", "ARG a=1\n", /Cannot build "Dockerfile": it has no stages/],
  [
    "1.1/6",
    "an unknown instruction",
    "FROM a\nRUNN b",
    /Cannot run "RUNN": there is no such instruction \(did you mean RUN\?\)/,
  ],
  ["1.9/4", "the hint is in the case of what was typed", "FROM a\ncpoy b c", /\(did you mean copy\?\)/],
  [
    "1.1/6",
    "an unknown instruction near nothing",
    "FROM a\ngreet",
    /Cannot run "greet": there is no such instruction$/,
  ],
  ["1.5/3", "an unknown flag", "FROM --platfrom=x a", /did you mean --platform\?/],
];

testRows(
  "parseDockerfile()",
  STAGES,
  (text) =>
    parseDockerfile(text, "Dockerfile").stages.map(({ from, name = "", nodes }) => [
      from.base,
      name,
      ...nodes.map(({ keyword }) => keyword),
    ]),
);

for (const form of ['RUN ["a", "b\\u0000"]', 'HEALTHCHECK CMD ["a", "\\u0000"]', 'COPY ["a", "\\u0000"]']) {
  Deno.test(`parseDockerfile() [1.6/1] refuses a NUL in ${form}`, () => {
    assert.throws(() => parseDockerfile(`FROM a\n${form}\n`, "Dockerfile"), /element 2 has a NUL character/);
  });
}

Deno.test("parseDockerfile() [1.9/1] locates an error in all lines of its instruction", () => {
  const range = { file: "Dockerfile", startLine: 2, endLine: 4 };
  assert.throws(() => parseDockerfile("FROM a\nCOPY --form=b \\\n  c \\\n  d\n", "Dockerfile"), { range });
});

Deno.test("parseDockerfile() [1.9/1] locates an error in a heredoc's lines too", () => {
  const range = { file: "Dockerfile", startLine: 2, endLine: 4 };
  assert.throws(() => parseDockerfile("FROM a\nRUN --x <<E\nb\nE\n", "Dockerfile"), { range });
});

const LOOKUP = [{ name: "base" }, {}, { name: "two" }, { name: "base" }].map((stage, index) => ({ ...stage, index }));

testRows<string, number | undefined>("findBaseStage()", [
  ["3.1/2", "by name", "two", 2],
  ["3.1/3", "the last of a name", "base", 3],
  ["3.1/2", "not in another case", "Base", undefined],
  ["3.1/2", "not by index", "0", undefined],
  ["3.1/2", "no such stage", "three", undefined],
], (base) => findBaseStage(base, LOOKUP)?.index);

testRows<string, number | undefined>("findStage()", [
  ["3.1/7", "by name", "two", 2],
  ["3.1/7", "in any case", "TWO", 2],
  ["3.1/3", "the last of a name", "base", 3],
  ["3.1/7", "not by index", "0", undefined],
], (name) => findStage(name, LOOKUP)?.index);

testRows<string, number | undefined>("stageIndex()", [
  ["3.3", "a number", "1", 1],
  ["3.3", "a negative number is an index that does not exist", "-1", -1],
  ["3.3", "a name", "one", undefined],
  ["3.3", "a name that starts with a digit", "1a", undefined],
  ["3.3", "nothing", "", undefined],
], stageIndex);

const PLATFORMS: readonly Row<string, unknown>[] = [
  ["3.1/4", "none", "FROM scratch", undefined],
  ["3.1/4", "one", "FROM --platform=linux/arm64 scratch", { os: "linux", architecture: "arm64" }],
  ["3.1/4", "in normal form", "FROM --platform=linux/arm scratch", { os: "linux", architecture: "arm", variant: "v7" }],
  ["3.1/4", "a variable", "FROM --platform=$BUILDPLATFORM scratch", { os: "linux", architecture: "amd64" }],
  ["3.1/4", "an argument", "ARG p=linux/s390x\nFROM --platform=$p scratch", { os: "linux", architecture: "s390x" }],
  ["3.1/4", "an empty flag counts as not given", "FROM --platform= scratch", undefined],
  [
    "3.1/4",
    "a variable that is empty",
    "FROM --platform=$p scratch",
    /Cannot use the platform "\$p": it expands to nothing/,
  ],
  ["3.1/4", "not a platform", "FROM --platform=a/b/c/d scratch", /Cannot parse the platform "a\/b\/c\/d"/],
  ["2.1", "a base that expands to nothing", "FROM $x", /Cannot start a stage from "\$x": the name is empty/],
];

testRows("FROM --platform", PLATFORMS, (text) => {
  const { globals, stages: [stage], escape } = parseDockerfile(text, "Dockerfile");
  const platform = { os: "linux", architecture: "amd64" };
  const facts = {
    given: new Map<string, string>(),
    escape,
    target: platform,
    builder: platform,
    targetStage: undefined,
  };
  const expander = createGlobalExpander(evaluateGlobalArgs(globals, facts), { escape });
  return stage && FROM.expand && platformOf(FROM.expand(stage.from, expander));
});

Deno.test("FROM [3.1/4] a platform that cannot be parsed is a fault of the Dockerfile, with its position", () => {
  assert.throws(() => evaluateDockerfile("FROM --platform=a/b/c/d scratch"), (error: KilnError) => {
    assert.deepEqual([error.kind, error.range?.startLine], ["dockerfile", 1]);
    return true;
  });
});

const FIRED_BY = { file: "Dockerfile", startLine: 3, endLine: 3 };

const TRIGGERS: readonly Row<string, string>[] = [
  ["3.14/2", "an instruction", "RUN a", "RUN RUN a"],
  ["3.14/2", "in lower case", "run a", "RUN run a"],
  ["3.14/2", "with a heredoc", "RUN <<E\na\nE", "RUN RUN <<E"],
  [
    "3.14/1",
    "a trigger that registers one",
    "ONBUILD RUN a",
    /Cannot fire the trigger "ONBUILD RUN a": ONBUILD cannot be a trigger/,
  ],
  ["3.14/1", "a trigger that starts a stage", "FROM a", /FROM cannot be a trigger/],
  ["3.14/1", "a trigger that names a maintainer", "maintainer a", /MAINTAINER cannot be a trigger/],
  ["3.14/2", "an unknown instruction", "RNU a", /Cannot fire the trigger "RNU a": .* \(did you mean RUN\?\)/],
  ["3.14/2", "two instructions", "RUN a\nRUN b", /Cannot fire the trigger "RUN a": it is not one instruction/],
  ["3.14/2", "no instruction", "# a", /has no instructions/],
  ["3.14/2", "nothing", "", /it is empty/],
  ["3.14/2", "bad arguments", "COPY a", /it needs a source and a destination/],
  ["3.14/2", "a -- in front, which ONBUILD stored", "-- RUN a", /there is no such instruction/],
];

testRows("parseTriggers()", TRIGGERS, (text) => {
  const [node] = parseTriggers([text], FIRED_BY);
  return `${node?.keyword} ${node?.line.text}`;
});

Deno.test("parseTriggers() [1.9/2] blames the FROM that fires them", () => {
  assert.deepEqual(parseTriggers(["RUN a"], FIRED_BY)[0]?.line.range, FIRED_BY);
  assert.throws(() => parseTriggers(["COPY a"], FIRED_BY), { range: FIRED_BY });
});

Deno.test("triggers [3.14/2] fire in order, before the stage's own instructions", () => {
  const [, child] = evaluateDockerfile("FROM scratch AS a\nONBUILD ENV x=1\nONBUILD ENV y=${x}2\nFROM a\nENV z=$y");
  assert.deepEqual(child?.config.Env?.slice(1), ["x=1", "y=12", "z=12"]);
});

Deno.test("triggers [3.14/2] are gone afterwards", () => {
  const stages = evaluateDockerfile("FROM scratch AS a\nONBUILD ENV x=1\nFROM a AS b\nFROM b");
  assert.deepEqual(stages.map(({ config }) => config.OnBuild), [["ENV x=1"], undefined, undefined]);
  assert.deepEqual(stages[2]?.history, []);
});

Deno.test("triggers [3.14/2] of an image may read from stages of the file", () => {
  const image = imageWith({ OnBuild: ["COPY --from=0 a b"] });
  const [, child] = evaluateDockerfile("FROM scratch\nFROM image", { image });
  assert.equal(child?.nodes[0]?.keyword, "COPY");
});

Deno.test("triggers [2.1] are expanded with the variables of the stage that fires them", () => {
  const [, child] = evaluateDockerfile("FROM scratch AS a\nENV v=1\nONBUILD LABEL l=$v\nENV v=2\nFROM a");
  assert.deepEqual(child?.config.Labels, { l: "2" });
});

Deno.test("INSTRUCTIONS has the 18 instructions", () => {
  assert.equal(INSTRUCTIONS.size, 18);
  for (const [keyword, instruction] of INSTRUCTIONS) assert.equal(instruction.keyword, keyword);
});

const WORDS = [
  ...[...INSTRUCTIONS.keys()],
  ...'a= b $c ${d:-e} --from=x --chown=1 --mount=type=cache,target=/x --platform=$p ["a"] [] <<E \' " \\ / 80/tcp NONE CMD AS #'
    .split(" "),
  " ",
  " ",
  "\n",
  "\n",
  "\nE\n",
  "\\\n",
];

Deno.test("parsing and evaluation throw nothing but located KilnErrors on random Dockerfiles", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }), (words) => {
      try {
        evaluateDockerfile(`FROM scratch\n${words.join("")}`);
      } catch (error) {
        assert.ok(error instanceof KilnError, String(error));
        assert.ok(error.range !== undefined, error.message);
      }
    }),
    { numRuns: 3000 },
  );
});
