import assert from "node:assert/strict";
import { NO_CONTEXTS } from "../../../lib/build/named_contexts.ts";
import { imageStagesOf } from "../../../lib/build/image_stages.ts";
import { type BuildPlan, makePlan } from "../../../lib/build/plan.ts";
import { KilnError } from "../../../lib/errors.ts";
import { evaluateGlobalArgs } from "../../../lib/instructions/global_args.ts";
import { parseDockerfile } from "../../../lib/instructions/stages.ts";
import { instructionOf } from "../../../lib/instructions/table.ts";
import type { ContainerConfig } from "../../../lib/oci/config.ts";
import { shelve } from "../../support/image_shelf.ts";
import { silentChecks } from "../../support/silent_checks.ts";

const AMD64 = { os: "linux", architecture: "amd64" } as const;

/** Images there are; the last two fire triggers. */
const IMAGES: Readonly<Record<string, ContainerConfig>> = {
  alpine: {},
  debian: {},
  tools: {},
  0: {},
  onbuild: { OnBuild: ["COPY --from=tools /t /t", "RUN made"] },
  onbuilder: { OnBuild: ["COPY --from=build /b /b"] },
};

interface Planned {
  readonly plan: BuildPlan;
  readonly asked: readonly string[];
}

async function plan(
  text: string,
  targets: readonly string[] = [],
  args: Record<string, string> = {},
): Promise<Planned> {
  const { globals, stages, escape } = parseDockerfile(text, "Dockerfile");
  const build = evaluateGlobalArgs(globals, {
    given: new Map(Object.entries(args)),
    escape,
    target: AMD64,
    builder: AMD64,
    targetStage: stages.at(-1)?.name,
  });
  const { puller, asked } = shelve(IMAGES);
  const made = await makePlan({
    stages,
    targets,
    platform: AMD64,
    contexts: NO_CONTEXTS,
    build,
    escape,
    checks: silentChecks(),
    tolerant: false,
  }, puller);
  return { plan: made, asked };
}

const FILE = `FROM alpine AS base
RUN a
FROM debian AS unused
RUN b
FROM base AS build
COPY --from=tools /x /x
FROM scratch AS assets
COPY . .
FROM base
COPY --from=build /y /y
COPY --from=assets /z /z
`;

/** What it shows, the Dockerfile, the targets, stages that are built, and images that are asked for. */
const ROWS: readonly (readonly [
  shows: string,
  text: string,
  targets: readonly string[],
  stages: readonly number[],
  asked: readonly string[],
])[] = [
  ["the last stage and what it needs", FILE, [], [0, 2, 3, 4], ["alpine", "tools"]],
  ["a target by name", FILE, ["build"], [0, 2], ["alpine", "tools"]],
  ["a target by name in other case", FILE, ["ASSETS"], [3], []],
  ["a target by number", FILE, ["1"], [1], ["debian"]],
  ["several targets", FILE, ["assets", "unused"], [1, 3], ["debian"]],
  [
    "a stage that only a mount reads from",
    "FROM alpine AS a\nFROM scratch\nRUN --mount=from=a,target=/m x",
    [],
    [0, 1],
    [
      "alpine",
    ],
  ],
  [
    "a number in a mount is an image",
    "FROM alpine AS a\nFROM debian\nRUN --mount=from=0,target=/m x",
    [],
    [1],
    ["debian", "0"],
  ],
  ["a stage named like an image hides it", "FROM alpine AS debian\nFROM debian\nRUN x", [], [0, 1], ["alpine"]],
  ["a stage named twice is the last one before", "FROM alpine AS a\nFROM debian AS a\nFROM a", [], [1, 2], ["debian"]],
  ["a stage may be based on an image of its own name", "FROM alpine AS alpine\nRUN x", [], [0], ["alpine"]],
  ["images of steps are asked for", "FROM scratch\nCOPY --from=tools /t /t", [], [0], ["tools"]],
  ["two stages from one image ask once", "FROM alpine AS a\nFROM alpine\nCOPY --from=a / /", [], [0, 1], ["alpine"]],
];

for (const [shows, text, targets, stages, asked] of ROWS) {
  Deno.test(`makePlan(), ${shows}`, async () => {
    const planned = await plan(text, targets);
    assert.deepEqual([...planned.plan.stages.keys()], stages);
    assert.deepEqual(planned.asked, asked);
  });
}

Deno.test("makePlan(), every stage needs only stages before it in the order of the plan", async () => {
  const { plan: { stages } } = await plan(FILE);
  const seen = new Set<number>();
  for (const [index, stage] of stages) {
    const needs = [...stage.sources.values()].flatMap((source) => source.kind === "stage" ? [source.index] : []);
    if (stage.base.kind === "stage") needs.push(stage.base.index);
    assert.ok(needs.every((needed) => seen.has(needed)), `stage ${index}`);
    seen.add(index);
  }
});

Deno.test("makePlan(), triggers of a base image come first, and reach the images they name", async () => {
  const { plan: { stages } } = await plan("FROM onbuild\nRUN own");
  const stage = stages.get(0);
  assert.deepEqual(stage?.steps.map(({ node, isTrigger }) => [node.keyword, isTrigger]), [
    ["COPY", true],
    ["RUN", true],
    ["RUN", false],
  ]);
  assert.deepEqual([...stage?.sources.keys() ?? []], ["true tools"]);
});

Deno.test("makePlan(), a trigger can reach a stage nothing else needs", async () => {
  const { plan: { stages } } = await plan("FROM alpine AS build\nRUN b\nFROM onbuilder\nRUN own");
  assert.deepEqual([...stages.keys()], [0, 1]);
});

Deno.test("makePlan(), triggers of a stage fire in the stage that starts from it, not in its own", async () => {
  const { plan: { stages } } = await plan("FROM alpine AS a\nONBUILD RUN fired\nFROM a\nRUN own");
  const triggers = (index: number): unknown => stages.get(index)?.steps.filter(({ isTrigger }) => isTrigger).length;
  assert.deepEqual([triggers(0), triggers(1)], [0, 1]);
});

Deno.test("makePlan(), arguments before FROM choose the image", async () => {
  const text = "ARG which=alpine\nFROM ${which}\nRUN x";
  assert.deepEqual((await plan(text)).asked, ["alpine"]);
  assert.deepEqual((await plan(text, [], { which: "debian" })).asked, ["debian"]);
});

Deno.test("makePlan(), stages are titled by name or number, an only one not at all [3.0/11]", async () => {
  const titles = async (text: string): Promise<unknown> => {
    const { plan: { stages } } = await plan(text);
    return [...stages.values()].map(({ title }) => title);
  };
  assert.deepEqual(await titles(FILE), ["base", "build", "assets", "stage-4"]);
  assert.deepEqual(await titles("FROM alpine AS named"), [""]);
});

/** What is wrong, the Dockerfile, the targets, and what is said. */
const FAULTS: readonly (readonly [string, string, readonly string[], RegExp])[] = [
  ["a target that is not there, with the nearest name", FILE, ["biuld"], /no such stage \(did you mean "build"\?\)/],
  ["a target that is not there, far from any", FILE, ["xyz"], /the stages are base, unused, build, assets/],
  ["a target in a file without names", "FROM alpine", ["x"], /no stage has a name/],
  ["a target number that is too large", FILE, ["5"], /no such stage/],
  ["COPY from itself by number", "FROM alpine\nCOPY --from=0 / /", [], /circular dependency of the stage on itself/],
  ["COPY from itself by name", "FROM alpine AS me\nCOPY --from=me / /", [], /circular dependency/],
  ["COPY from a later stage", "FROM alpine\nCOPY --from=later / /\nFROM debian AS later", ["0"], /before it is used/],
  ["COPY from a later number", "FROM alpine\nCOPY --from=1 / /\nFROM debian", ["0"], /before it is used/],
  ["COPY from a number that is no stage", "FROM alpine\nFROM debian\nCOPY --from=7 / /", [], /only the stages 0 to 0/],
  ["an image that is not there", "FROM nothing", [], /not on the shelf/],
  [
    "COPY from an image that is not there, with the nearest stage",
    "FROM alpine AS build\nFROM debian\nCOPY --from=biuld / /",
    [],
    /not on the shelf \(did you mean build\?\)/,
  ],
  [
    "a step before an image that is not there",
    "FROM alpine\nCOPY --from=none / /\nSTOPSIGNAL $x",
    [],
    /the signal "\$x"/,
  ],
  ["a base that is no reference", "FROM alpine:bad!tag", [], /Cannot .*"alpine:bad!tag"/],
  ["an unneeded base that is no reference", "FROM alpine:bad!tag\nFROM alpine", [], /Cannot .*"alpine:bad!tag"/],
  ["an unneeded base that is empty", "FROM $none\nFROM alpine", [], /the name is empty/],
  ["an unneeded COPY from no stage", "FROM alpine\nCOPY --from=9 / /\nFROM alpine", [], /no stage stands before/],
  [
    "unneeded stages that need each other",
    "FROM alpine AS a\nCOPY --from=b / /\nFROM alpine AS b\nRUN --mount=from=c x\nFROM alpine AS c\nCOPY --from=0 / /\n" +
    "FROM alpine",
    [],
    /lines 2, 4, 6 make stages need each other in a circle/,
  ],
];

for (const [what, text, targets, said] of FAULTS) {
  Deno.test(`makePlan(), refuses ${what}`, async () => {
    await assert.rejects(plan(text, targets), (error) => {
      assert.ok(error instanceof KilnError);
      assert.match(error.hint === undefined ? error.message : `${error.message} (${error.hint})`, said);
      return true;
    });
  });
}

Deno.test("makePlan(), neither asks for nor evaluates stages that are not reached", async () => {
  const text = "FROM nothing AS bad\nCOPY --from=later ${x:?no} /\nFROM alpine AS later\nFROM alpine";
  assert.deepEqual([...(await plan(text)).plan.stages.keys()], [2]);
});

Deno.test("makePlan(), evaluates every step before anything is run", async () => {
  const { plan: { stages } } = await plan("FROM alpine AS a\nENV v=1\nFROM a\nWORKDIR /w\nCOPY $v x");
  const [, child] = stages.values();
  assert.deepEqual(
    child?.steps.map(({ node, expanded, state, makesLayer }) => ({
      written: node.line.rest,
      history: instructionOf(node.line).history(expanded, state),
      makesLayer,
    })),
    [
      { written: "/w", history: "WORKDIR /w", makesLayer: true },
      { written: "$v x", history: "COPY 1 x # buildkit", makesLayer: true },
    ],
  );
  await assert.rejects(plan("FROM alpine\nRUN a\nENV b=${c:?missing}"), /c: missing/);
});

Deno.test("imageStagesOf(), the image of a stage has the layers of all stages below it and their base", async () => {
  const { plan: made } = await plan("FROM alpine AS a\nFROM a AS b\nFROM debian AS c\nFROM b\nCOPY --from=c / /");
  const { base, stages } = imageStagesOf(made, 3);
  assert.deepEqual(stages.map(({ index }) => index), [0, 1, 3]);
  assert.equal(base?.reference.repository, "library/alpine");
  assert.equal(imageStagesOf((await plan("FROM scratch\nCOPY . .")).plan, 0).base, undefined);
});
