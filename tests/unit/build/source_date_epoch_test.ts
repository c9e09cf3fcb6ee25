import assert from "node:assert/strict";
import { type NamedContext, NamedContexts, type OpenedTree } from "../../../lib/build/named_contexts.ts";
import { type SettledEpoch, settleEpoch, type SourceTimes } from "../../../lib/build/source_date_epoch.ts";
import { KilnError } from "../../../lib/errors.ts";
import { evaluateGlobalArgs } from "../../../lib/instructions/global_args.ts";
import { parseDockerfile } from "../../../lib/instructions/stages.ts";

interface Case {
  readonly text: string;
  readonly given?: string;
}

const DAY = 86_400;
const opened = (time: Date | undefined): OpenedTree => ({
  tree: { root: "/", kind: "context", description: "" },
  time: () => Promise.resolve(time),
});
const tree = (time: Date | undefined) =>
  ({ kind: "tree", description: "", open: () => Promise.resolve(opened(time)) }) as const;
const CONTEXTS = new NamedContexts(
  new Map<string, NamedContext>([
    ["docker.io/library/app:latest", tree(new Date(2 * DAY * 1000 + 999))],
    ["docker.io/library/plain:latest", tree(undefined)],
    ["docker.io/library/none:latest", { kind: "scratch" }],
  ]),
);
/** The context is of the first day; what is fetched of a day as late as its address or reference is long. */
const TIMES: SourceTimes = {
  context: () => Promise.resolve(new Date(DAY * 1000)),
  remote: (source) => {
    const text = source.kind === "http" ? source.url : source.git.ref ?? "";
    return Promise.resolve(new Date(text.length * DAY * 1000));
  },
};

async function settled(
  { text, given }: Case,
  times: SourceTimes | "nothing is fetched" = TIMES,
): Promise<SettledEpoch> {
  const platform = { os: "linux", architecture: "amd64" };
  const dockerfile = parseDockerfile(text, "Dockerfile");
  const { globals, escape } = dockerfile;
  const args = new Map(given === undefined ? [] : [["SOURCE_DATE_EPOCH", given]]);
  const facts = { given: args, escape, target: platform, builder: platform, targetStage: undefined };
  return await settleEpoch(evaluateGlobalArgs(globals, facts), {
    dockerfile,
    contexts: CONTEXTS,
    platform,
    ...(typeof times === "string" ? {} : { times }),
  });
}

const URL = "http://x/y";
const ROWS: readonly (readonly [shows: string, input: Case, expected: number | undefined | RegExp])[] = [
  ["not given", { text: "FROM a" }, undefined],
  ["given", { text: "FROM a", given: "1700000000" }, 1_700_000_000],
  ["from the Dockerfile", { text: "ARG SOURCE_DATE_EPOCH=7\nFROM a" }, 7],
  ["given wins", { text: "ARG SOURCE_DATE_EPOCH=7\nFROM a", given: "8" }, 8],
  ["given as empty", { text: "ARG SOURCE_DATE_EPOCH=7\nFROM a", given: "" }, undefined],
  ["zero", { text: "FROM a", given: "0" }, 0],
  ["before 1970", { text: "FROM a", given: "-1" }, -1],
  ["the last second", { text: "FROM a", given: "253402300799" }, 253_402_300_799],
  ["declared without value", { text: "ARG SOURCE_DATE_EPOCH\nFROM a" }, undefined],
  ["a fraction", { text: "FROM a", given: "1.5" }, /^usage: .* "1.5": it is neither a number nor the name of a/],
  ["too large", { text: "FROM a", given: "253402300800" }, /^usage: .*: it is not within the years 0 to 9999/],
  ["a word in the file", { text: "ARG SOURCE_DATE_EPOCH=x\nFROM a AS b" }, /^dockerfile: .* Dockerfile:1$/],
  ["the context", { text: "FROM a", given: "context" }, DAY],
  ["the context, by the Dockerfile", { text: "ARG SOURCE_DATE_EPOCH=context\nFROM a" }, DAY],
  ["the context goes before a stage", { text: `FROM scratch AS context\nADD ${URL} /`, given: "context" }, DAY],
  ["a named context", { text: "FROM a", given: "app" }, 2 * DAY],
  ["a named context without a time", { text: "FROM a", given: "plain" }, undefined],
  ["a named context that is an image", { text: "ARG SOURCE_DATE_EPOCH=none\nFROM a" }, undefined],
  ["a named context goes before a stage", { text: `FROM scratch AS app\nADD ${URL} /`, given: "app" }, 2 * DAY],
  ["a stage", { text: `FROM scratch AS src\nADD ${URL} /\nFROM a`, given: "SRC" }, URL.length * DAY],
  ["a stage further down", { text: `FROM a\nFROM scratch AS src\nADD ${URL} /`, given: "src" }, URL.length * DAY],
  ["a stage with arguments", {
    text: `ARG V=abc\nFROM scratch AS src\nARG V\nARG W=\${V}d\nADD ${URL}$W /`,
    given: "src",
  }, (URL.length + 4) * DAY],
  ["a stage of a repository", { text: `FROM scratch AS src\nADD http://x/y.git#v1 /`, given: "src" }, 2 * DAY],
  ["a stage that asks for itself", {
    text: `FROM scratch AS src\nARG SOURCE_DATE_EPOCH\nADD ${URL}$SOURCE_DATE_EPOCH /`,
    given: "src",
  }, URL.length * DAY],
  ["a stage on a base", { text: `FROM a AS src\nADD ${URL} /`, given: "src" }, /"src": it starts from "a" .*file:1$/],
  ["a stage with more", { text: `FROM scratch AS src\nADD ${URL} /\nLABEL a=b`, given: "src" }, /it has a LABEL/],
  ["a stage with nothing", { text: "FROM scratch AS src", given: "src" }, /it has no ADD/],
  ["a stage with two", { text: `FROM scratch AS s\nADD ${URL} /\nADD ${URL} /`, given: "s" }, /more than one ADD/],
  ["a stage of two sources", { text: `FROM scratch AS s\nADD ${URL} ${URL} /`, given: "s" }, /not of one URL/],
  ["a stage of a file", { text: `FROM scratch AS s\nADD f /`, given: "s" }, /not of one URL or repository/],
  ["a stage of a heredoc", { text: `FROM scratch AS s\nADD <<x /\nx\n`, given: "s" }, /not of one URL or repository/],
];
for (const [shows, input, expected] of ROWS) {
  Deno.test(`settleEpoch() [2.4/4] ${shows}`, async () => {
    if (!(expected instanceof RegExp)) return assert.equal((await settled(input)).epoch, expected);
    await assert.rejects(settled(input), (error) => {
      assert.ok(error instanceof KilnError);
      const { kind, message, hint, range } = error;
      assert.match(`${kind}: ${message} ${hint} Dockerfile:${range?.startLine}`, expected);
      return true;
    });
  });
}

Deno.test("settleEpoch() [2.4/4] stages see the number, or nothing", async () => {
  const text = "ARG SOURCE_DATE_EPOCH=plain\nFROM a";
  const seen = async (given?: string) => {
    const { build } = await settled({ text, ...(given === undefined ? {} : { given }) });
    return [build.given.get("SOURCE_DATE_EPOCH"), build.globals.get("SOURCE_DATE_EPOCH")];
  };
  assert.deepEqual(await seen("+05"), ["5", "5"]);
  assert.deepEqual(await seen("context"), [`${DAY}`, `${DAY}`]);
  assert.deepEqual(await seen(""), [undefined, undefined]);
  assert.deepEqual(await seen(), [undefined, undefined]);
});

Deno.test("settleEpoch(), fetches nothing where it must not, but finds mistakes", async () => {
  const nothing = { text: `FROM scratch AS src\nADD ${URL} /` };
  const of = async (given: string) => (await settled({ ...nothing, given }, "nothing is fetched")).epoch;
  for (const given of ["context", "app", "src"]) assert.equal(await of(given), undefined, given);
  await assert.rejects(of("nobody"), /neither a number nor the name/);
});
