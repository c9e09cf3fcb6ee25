/**
 * Which findings of the checks are told, where, and what cannot be decided.
 *
 * @module
 */
import assert from "node:assert/strict";
import { checkDockerfile, type CheckInputs } from "../../support/check_dockerfile.ts";

async function told(text: string, inputs: CheckInputs = {}): Promise<readonly string[]> {
  const { warnings, error } = await checkDockerfile(text, inputs);
  if (error !== undefined) throw error;
  return warnings.map(({ rule, range: { startLine, endLine } }) =>
    `${rule} ${startLine}${endLine === startLine ? "" : `-${endLine}`}`
  );
}

/** What it shows, the text, and the rules with their lines. */
const ROWS: readonly (readonly [string, string, readonly string[], CheckInputs?])[] = [
  ["silenced for the file", "# check=skip=MaintainerDeprecated\nFROM scratch\nMAINTAINER b", []],
  ["silenced with a remark", "# check=skip=all because\nFROM scratch AS B\nMAINTAINER b", []],
  ["behind a #! line", "#!/usr/bin/env docker\n# check=skip=all\nFROM scratch\nMAINTAINER b", []],
  ["another rule silenced", "# check=skip=FromAsCasing,UndefinedVar\nFROM scratch\nMAINTAINER b", [
    "MaintainerDeprecated 3",
  ]],
  ["silenced for an instruction", "FROM scratch\n# check=skip=UndefinedVar\nUSER $a\nUSER $a", ["UndefinedVar 4"]],
  ["silenced for an instruction, with a remark", "FROM scratch\n# check=skip=UndefinedVar // why\nUSER $a", []],
  ["silenced by the first of several comments", "FROM scratch\n# x\n# check=skip=all\n# check=y\nUSER $a", []],
  ["an empty comment between", "FROM scratch\n# check=skip=all\n#\nUSER $a", ["UndefinedVar 4"]],
  ["a comment that cannot be read", "FROM scratch\n# check=skp=all\nUSER $a", ["UndefinedVar 3"]],
  ["silenced for a FROM", "# x\n\n# check=skip=StageNameCasing,FromAsCasing\nFROM scratch as A", []],
  // BuildKit's comments do not silence rules about the whole file.
  ["a rule about the file, silenced for an instruction", "FROM scratch\n# check=skip=all\nuser a", []],
  ["a repeated instruction, silenced at the first", 'FROM scratch\n# check=skip=all\nCMD ["a"]\nCMD ["b"]', []],
  ["a repeated instruction, silenced at the second", 'FROM scratch\nCMD ["a"]\n# check=skip=all\nCMD ["b"]', []],
  [
    "experimental rules are not silenced by skip",
    "# check=skip=all;experimental=InvalidDefinitionDescription\n# x\nFROM scratch AS a",
    ["InvalidDefinitionDescription 3"],
  ],
  ["options of the caller in place of the file's", "# check=skip=all\nFROM scratch AS B", ["StageNameCasing 2"], {
    args: { BUILDKIT_DOCKERFILE_CHECK: "" },
  }],
  ["options of the caller that silence", "FROM scratch AS B", [], { args: { BUILDKIT_DOCKERFILE_CHECK: "skip=all" } }],
  ["all lines of an instruction", "FROM scratch\nCOPY \\\n  $a \\\n  /b\n", ["UndefinedVar 2-4"]],
  ["all lines of a heredoc", "FROM scratch\nCOPY <<E /b\n$a\n\nE\n", ["UndefinedVar 2-5"]],
  ["all stages without a target", "FROM scratch AS a\nUSER $a\nFROM scratch\nUSER $b", [
    "UndefinedVar 2",
    "UndefinedVar 4",
  ]],
  ["what the target needs", "FROM scratch AS a\nUSER $a\nFROM scratch AS b\nUSER $b\nFROM a AS c\nUSER $c", [
    "UndefinedVar 2",
    "UndefinedVar 6",
  ], { targets: ["c"] }],
  ["what the text alone tells, also of stages no target needs", "FROM scratch AS A\nMAINTAINER x\nFROM scratch", [
    "StageNameCasing 1",
    "MaintainerDeprecated 2",
  ], { targets: [] }],
];

for (const [shows, text, expected, inputs] of ROWS) {
  Deno.test(`Checks [5] tell: ${shows}`, async () => {
    assert.deepEqual(await told(text, inputs), expected);
  });
}

Deno.test("Checks [5] tell what was found in front of an error", async () => {
  const { warnings, error } = await checkDockerfile("FROM scratch AS B\nMAINTAINER m\nNONSENSE\nMAINTAINER n");
  assert.deepEqual(warnings.map(({ rule }) => rule), ["StageNameCasing", "MaintainerDeprecated"]);
  assert.equal(error?.range?.startLine, 3);
  const later = await checkDockerfile("FROM scratch\nUSER $a\nCOPY --from=b x y\nFROM scratch AS b");
  assert.deepEqual(later.warnings.map(({ rule }) => rule), ["UndefinedVar"]);
  assert.equal(later.error?.range?.startLine, 3);
});

Deno.test("Checks [5] leave open what only an unreachable base image could decide", async () => {
  const text =
    'FROM alpine\nENV a=$b\nCMD x\nUSER $HOME\nSTOPSIGNAL $SIG\nSHELL ["x"]\nENTRYPOINT y\nEXPOSE $p\nWORKDIR c\n';
  const { warnings, open, error } = await checkDockerfile(text, { offline: true });
  assert.equal(error, undefined);
  assert.deepEqual(warnings.map(({ rule, range }) => `${rule} ${range.startLine}`), ["WorkdirRelativePath 9"]);
  assert.deepEqual(open.map(({ rule, range }) => `${rule} ${range.startLine}`), [
    "InvalidBaseImagePlatform 1",
    "UndefinedVar 2",
    "JSONArgsRecommended 3",
    "UndefinedVar 4",
    "UndefinedVar 5",
  ]);
});

Deno.test("Checks [5] leave nothing open that is silenced", async () => {
  const text = "# check=skip=InvalidBaseImagePlatform\nFROM alpine\n# check=skip=UndefinedVar\nENV a=$b\n";
  assert.deepEqual((await checkDockerfile(text, { offline: true })).open, []);
});

Deno.test("readChecked() [1.3/6] locates a check directive that cannot be read", async () => {
  const { error } = await checkDockerfile("# syntax=a\n# check=skp=all\nFROM scratch");
  assert.match(error?.message ?? "", /Cannot read the check options "skp=all"/);
  assert.deepEqual(error?.range, { file: "Dockerfile", startLine: 2, endLine: 2 });
});

Deno.test("Checks [5] find a base image that does not exist", async () => {
  const { error } = await checkDockerfile("FROM apline\n");
  assert.match(error?.message ?? "", /not on the shelf/);
  assert.equal(error?.hint, "did you mean alpine?");
});
