/**
 * The 22 rules: Dockerfiles in which each fires, and in which it does not. Every row was compared with what
 * BuildKit 0.34 says about the same text; where it says something else, the row says why.
 *
 * @module
 */
import assert from "node:assert/strict";
import { pageOf } from "../../../lib/checks/rule.ts";
import { RULES } from "../../../lib/checks/table.ts";
import type { Platform } from "../../../lib/oci/platform.ts";
import { checkDockerfile, type CheckInputs } from "../../support/check_dockerfile.ts";

/** The rule, what the row shows, the text, what is told (`LINE DETAIL`), and what there is besides. */
type Row = readonly [
  rule: string,
  shows: string,
  text: string,
  told: readonly string[],
  inputs?: CheckInputs,
];

const CASING = (word: string, to = "uppercase"): string =>
  `Command '${word}' should match the case of the command majority (${to})`;
const JSON_ARGS = (word: string): string =>
  `JSON arguments recommended for ${word} to prevent unintended behavior related to OS signals`;
const MULTIPLE = (word: string): string =>
  `Multiple ${word} instructions should not be used in the same stage because only the last one will be used`;
const RELATIVE = (path: string): string =>
  `Relative workdir "${path}" can have unexpected results if the base image changes`;
const LEGACY = (word: string): string =>
  `"${word} key=value" should be used instead of legacy "${word} key value" format`;
const SECRET = (what: string): string => `Do not use ARG or ENV instructions for sensitive data (${what})`;
const BAD_DEFAULT = (base: string): string =>
  `Default value for ARG ${base} results in empty or invalid base image name`;
const REDUNDANT = (text: string): string =>
  `Setting platform to predefined ${text} in FROM is redundant as this is the default behavior`;
const CONSTANT = (text: string): string => `FROM --platform flag should not use constant value "${text}"`;
const IGNORED = (verb: string, path: string): string =>
  `Attempting to ${verb} file "${path}" that is excluded by .dockerignore`;
const UPPER_PROTOCOL = (word: string): string => `Defined protocol '${word}' in EXPOSE instruction should be lowercase`;
const MAPPING = (word: string): string =>
  `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`;
const COMMENT = (what: string, name: string): string =>
  `Comment for ${what} should follow the format: \`# ${name} <description>\``;
const IMAGES = { alpine: { Env: ["PATH=/bin", "HOME=/root"], WorkingDir: "/srv" }, shelly: { Shell: ["/bin/ash"] } };
const WINDOWS: Platform = { os: "windows", architecture: "amd64" };

const ROWS: readonly Row[] = [
  ["StageNameCasing", "an upper-case letter", "FROM scratch AS webServer", [
    "1 Stage name 'webServer' should be lowercase",
  ]],
  ["StageNameCasing", "every stage for itself", "FROM scratch AS A\nFROM scratch AS b\nFROM scratch AS C", [
    "1 Stage name 'A' should be lowercase",
    "3 Stage name 'C' should be lowercase",
  ]],
  ["StageNameCasing", "a lower-case name", "FROM scratch AS web-server_1.0", []],
  ["StageNameCasing", "no name", "FROM scratch", []],

  ["FromAsCasing", "as behind FROM", "FROM scratch as a", ["1 'as' and 'FROM' keywords' casing do not match"]],
  ["FromAsCasing", "AS behind from", "from scratch AS a", ["1 'AS' and 'from' keywords' casing do not match"]],
  ["FromAsCasing", "As behind FROM", "FROM scratch As a", ["1 'As' and 'FROM' keywords' casing do not match"]],
  ["FromAsCasing", "the same case", "FROM scratch AS a\nfrom scratch as b", []],
  ["FromAsCasing", "a FROM of mixed case", "From scratch aS a", []],

  ["NoEmptyContinuation", "a blank line inside, told at the end", "FROM scratch\nLABEL a=1 \\\n\n  b=2 \\\n  c=3\n", [
    "5 Empty continuation line",
  ]],
  ["NoEmptyContinuation", "several blank lines are one finding", "FROM scratch\nLABEL a=1 \\\n\n \t\n  b=2\n", [
    "5 Empty continuation line",
  ]],
  ["NoEmptyContinuation", "a blank line at the end of the file", "FROM scratch\nLABEL a=1 \\\n\n", [
    "3 Empty continuation line",
  ]],
  ["NoEmptyContinuation", "a comment inside", "FROM scratch\nLABEL a=1 \\\n# why\n  b=2\n", []],
  ["NoEmptyContinuation", "a blank line in a heredoc", "FROM scratch\nCOPY <<E /a\n\n\nE\n", []],

  ["ConsistentInstructionCasing", "mixed case", "FROM scratch\nLabel a=1", [`2 ${CASING("Label")}`]],
  ["ConsistentInstructionCasing", "the minority", "from scratch\nLABEL a=1\nlabel b=1", [
    `2 ${CASING("LABEL", "lowercase")}`,
  ]],
  ["ConsistentInstructionCasing", "a draw is upper case", "from scratch\nLABEL a=1", [`1 ${CASING("from")}`]],
  [
    "ConsistentInstructionCasing",
    "mixed case has no vote",
    "from scratch\nLabel a=1\nLabel b=1",
    [`2 ${CASING("Label", "lowercase")}`, `3 ${CASING("Label", "lowercase")}`],
  ],
  ["ConsistentInstructionCasing", "over all stages", "FROM scratch\nFROM scratch\nlabel a=1", [`3 ${CASING("label")}`]],
  ["ConsistentInstructionCasing", "all lower", "from scratch\nlabel a=1\nonbuild USER a", []],
  ["ConsistentInstructionCasing", "not in front of FROM", "arg a=1\nFROM scratch\nLABEL a=1", []],

  ["DuplicateStageName", "a name twice", "FROM scratch AS a\nFROM scratch AS b\nFROM scratch AS a", [
    '3 Duplicate stage name "a", stage names should be unique',
  ]],
  ["DuplicateStageName", "in another case", "FROM scratch AS a\nFROM scratch AS A", [
    '2 Duplicate stage name "a", stage names should be unique',
  ]],
  ["DuplicateStageName", "different names", "FROM scratch AS a\nFROM scratch AS b\nFROM scratch\nFROM scratch", []],

  ["ReservedStageName", "scratch", "FROM scratch AS scratch", [
    '1 Stage name should not use the same name as reserved stage "scratch"',
  ]],
  ["ReservedStageName", "context, in any case", "FROM scratch AS Context", [
    '1 Stage name should not use the same name as reserved stage "context"',
  ]],
  ["ReservedStageName", "a base that is scratch", "FROM scratch AS contexts", []],

  ["JSONArgsRecommended", "CMD as text", "FROM scratch\nCMD a b", [`2 ${JSON_ARGS("CMD")}`]],
  ["JSONArgsRecommended", "ENTRYPOINT as text", "FROM scratch\nentrypoint a", [`2 ${JSON_ARGS("entrypoint")}`]],
  ["JSONArgsRecommended", "what looks like JSON", "FROM scratch\nCMD ['a']", [`2 ${JSON_ARGS("CMD")}`]],
  ["JSONArgsRecommended", "JSON", 'FROM scratch\nCMD ["a"]\nENTRYPOINT []', []],
  ["JSONArgsRecommended", "behind SHELL", 'FROM scratch\nSHELL ["/bin/sh", "-ec"]\nCMD a\nENTRYPOINT b', []],
  ["JSONArgsRecommended", "in front of SHELL", 'FROM scratch\nCMD a\nSHELL ["x"]', [`2 ${JSON_ARGS("CMD")}`]],
  ["JSONArgsRecommended", "a SHELL of a parent", 'FROM scratch AS a\nSHELL ["x"]\nFROM a\nCMD b', []],
  ["JSONArgsRecommended", "a SHELL of another stage", 'FROM scratch AS a\nSHELL ["x"]\nFROM scratch\nCMD b', [
    `4 ${JSON_ARGS("CMD")}`,
  ]],
  ["JSONArgsRecommended", "a SHELL of the base image", "FROM shelly\nCMD a", []],
  ["JSONArgsRecommended", "a base image without SHELL", "FROM alpine\nCMD a", [`2 ${JSON_ARGS("CMD")}`]],
  ["JSONArgsRecommended", "RUN and HEALTHCHECK as text", "FROM alpine\nRUN a\nHEALTHCHECK CMD a", []],
  ["JSONArgsRecommended", "a trigger, where it fires", "FROM scratch AS a\nONBUILD CMD b\nFROM a", [
    `3 ${JSON_ARGS("CMD")}`,
  ]],

  ["MaintainerDeprecated", "any", "FROM scratch\nmaintainer me", [
    "2 Maintainer instruction is deprecated in favor of using label",
  ]],
  ["MaintainerDeprecated", "a label", "FROM scratch\nLABEL maintainer=me", []],

  ["UndefinedArgInFrom", "in the image", "FROM scratch${VERSION}", ["1 FROM argument 'VERSION' is not declared"]],
  ["UndefinedArgInFrom", "in the platform, with a hint", "FROM --platform=${TARGETPLATFROM:-linux/arm64} scratch", [
    "1 FROM argument 'TARGETPLATFROM' is not declared (did you mean TARGETPLATFORM?)",
  ]],
  ["UndefinedArgInFrom", "with a default", "FROM ${BASE:-scratch}", ["1 FROM argument 'BASE' is not declared"]],
  ["UndefinedArgInFrom", "declared without value", "ARG SUFFIX\nFROM scratch${SUFFIX}", []],
  ["UndefinedArgInFrom", "declared behind a FROM", "FROM scratch\nARG X=1\nFROM scratch${X-}", [
    "3 FROM argument 'X' is not declared",
  ]],
  ["UndefinedArgInFrom", "a build argument nobody declared", "FROM ${B:-scratch}", [
    "1 FROM argument 'B' is not declared",
  ], { args: { B: "scratch" } }],
  ["UndefinedArgInFrom", "there by themselves", "FROM --platform=$BUILDPLATFORM scratch", []],

  ["UndefinedVar", "in COPY", "FROM scratch\nCOPY $src .", ["2 Usage of undefined variable '$src'"]],
  ["UndefinedVar", "with a hint", "FROM scratch\nENV ASSETS=a\nCOPY ${ASSET} .", [
    "3 Usage of undefined variable '$ASSET' (did you mean $ASSETS?)",
  ]],
  ["UndefinedVar", "a mistyped PATH", "FROM scratch\nENV PATH=/opt:$PAHT", [
    "2 Usage of undefined variable '$PAHT' (did you mean $PATH?)",
  ]],
  ["UndefinedVar", "with a default", "FROM scratch\nUSER ${user:-app}", ["2 Usage of undefined variable '$user'"]],
  ["UndefinedVar", "used in front of its ARG", "FROM scratch\nLABEL a=$b\nARG b=1", [
    "2 Usage of undefined variable '$b'",
  ]],
  ["UndefinedVar", "twice in a line is one finding", "FROM scratch\nCOPY $a ${a} /$a", [
    "2 Usage of undefined variable '$a'",
  ]],
  ["UndefinedVar", "several in a line, in order", "FROM scratch\nLABEL x=$b y=$a", [
    "2 Usage of undefined variable '$b'",
    "2 Usage of undefined variable '$a'",
  ]],
  ["UndefinedVar", "a global ARG that was not redeclared", "ARG v=1\nFROM scratch\nLABEL l=$v", [
    "3 Usage of undefined variable '$v'",
  ]],
  ["UndefinedVar", "in a heredoc", "FROM scratch\nCOPY <<E /a\n$who\nE\n", ["2 Usage of undefined variable '$who'"]],
  ["UndefinedVar", "in a heredoc whose word is quoted", "FROM scratch\nCOPY <<'E' /a\n$who\nE\n", []],
  ["UndefinedVar", "in a mount", "FROM scratch\nRUN --mount=type=cache,target=/c$x true", [
    "2 Usage of undefined variable '$x'",
  ]],
  ["UndefinedVar", "in the default of an ARG", "FROM scratch\nARG a=$b c=$a", ["2 Usage of undefined variable '$b'"]],
  ["UndefinedVar", "in the default of an ARG that was given", "FROM scratch\nARG a=$b", [], { args: { a: "1" } }],
  ["UndefinedVar", "declared without value", "FROM scratch\nARG a\nLABEL l=$a", []],
  ["UndefinedVar", "declared in a parent", "FROM scratch AS p\nARG a\nENV b=1\nFROM p\nLABEL l=$a$b", []],
  ["UndefinedVar", "set by the base image", "FROM alpine\nWORKDIR $HOME", []],
  ["UndefinedVar", "not set by the base image", "FROM alpine\nWORKDIR /$HOMES", [
    "2 Usage of undefined variable '$HOMES' (did you mean $HOME?)",
  ]],
  ["UndefinedVar", "the shell's business", "FROM scratch\nRUN echo $a\nCMD echo $a\nENTRYPOINT echo $a", []],
  ["UndefinedVar", "nothing is said about EXPOSE", "FROM scratch\nEXPOSE $port", []],
  [
    "UndefinedVar",
    "a scanner's ARG",
    "FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nLABEL a=$BUILDKIT_SBOM_SCAN_STAGE",
    [],
  ],
  ["UndefinedVar", "a literal dollar", "FROM scratch\nLABEL a=\\$b c='$d' e=$", []],

  ["InvalidDefaultArgInFrom", "no default", "ARG base\nFROM $base", [`2 ${BAD_DEFAULT("$base")}`], {
    args: { base: "scratch" },
  }],
  ["InvalidDefaultArgInFrom", "a tag without default", "ARG v\nFROM alpine:$v", [`2 ${BAD_DEFAULT("alpine:$v")}`], {
    args: { v: "latest" },
  }],
  ["InvalidDefaultArgInFrom", "a bad default", 'ARG base="not an image"\nFROM ${base}', [
    `2 ${BAD_DEFAULT("${base}")}`,
  ], { args: { base: "scratch" } }],
  ["InvalidDefaultArgInFrom", "a good default", "ARG v=latest\nFROM alpine:$v", [], { args: { v: "3" } }],
  ["InvalidDefaultArgInFrom", "a default from another argument", "ARG v=latest\nARG b=alpine:$v\nFROM $b", []],
  ["InvalidDefaultArgInFrom", "an empty suffix", "ARG suffix\nFROM alpine:latest${suffix}", []],
  ["InvalidDefaultArgInFrom", "a platform argument", "FROM ${TARGETOS}", [], { targets: [], images: { linux: {} } }],

  ["WorkdirRelativePath", "the first is relative", "FROM scratch\nWORKDIR app", [`2 ${RELATIVE("app")}`]],
  ["WorkdirRelativePath", "told once for a stage", "FROM scratch\nWORKDIR app\nWORKDIR b", [`2 ${RELATIVE("app")}`]],
  ["WorkdirRelativePath", "the image's does not count", "FROM alpine\nWORKDIR app", [`2 ${RELATIVE("app")}`]],
  ["WorkdirRelativePath", "as expanded", "FROM scratch\nENV d=x/y\nWORKDIR $d", [`3 ${RELATIVE("x/y")}`]],
  ["WorkdirRelativePath", "an absolute one first", "FROM scratch\nWORKDIR /app\nWORKDIR b", []],
  ["WorkdirRelativePath", "an absolute one of the parent", "FROM scratch AS a\nWORKDIR /a\nFROM a\nWORKDIR b", []],
  ["WorkdirRelativePath", "absolute once expanded", "FROM scratch\nENV d=/x\nWORKDIR $d", []],

  ["MultipleInstructionsDisallowed", "CMD twice, told at the first", 'FROM scratch\nCMD ["a"]\nUSER x\ncmd ["b"]', [
    `2 ${MULTIPLE("cmd")}`,
  ]],
  ["MultipleInstructionsDisallowed", "three of a kind", 'FROM scratch\nCMD ["a"]\nCMD ["b"]\nCMD ["c"]', [
    `2 ${MULTIPLE("CMD")}`,
    `3 ${MULTIPLE("CMD")}`,
  ]],
  ["MultipleInstructionsDisallowed", "ENTRYPOINT", 'FROM scratch\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]', [
    `2 ${MULTIPLE("ENTRYPOINT")}`,
  ]],
  ["MultipleInstructionsDisallowed", "HEALTHCHECK", "FROM scratch\nHEALTHCHECK NONE\nHEALTHCHECK CMD a", [
    `2 ${MULTIPLE("HEALTHCHECK")}`,
  ]],
  ["MultipleInstructionsDisallowed", "one of each", 'FROM scratch\nCMD ["a"]\nENTRYPOINT ["b"]\nHEALTHCHECK NONE', []],
  ["MultipleInstructionsDisallowed", "in a parent", 'FROM scratch AS a\nCMD ["a"]\nFROM a\nCMD ["b"]', []],
  [
    "MultipleInstructionsDisallowed",
    "a trigger and an own one",
    'FROM scratch AS a\nONBUILD CMD ["a"]\nFROM a\nCMD ["b"]',
    [
      `3 ${MULTIPLE("CMD")}`,
    ],
  ],
  [
    "MultipleInstructionsDisallowed",
    "others may come often",
    "FROM scratch\nUSER a\nUSER b\nSTOPSIGNAL 9\nSTOPSIGNAL 9",
    [],
  ],

  ["LegacyKeyValueFormat", "ENV", "FROM scratch\nENV a b c", [`2 ${LEGACY("ENV")}`]],
  ["LegacyKeyValueFormat", "label", "FROM scratch\nlabel a b", [`2 ${LEGACY("label")}`]],
  ["LegacyKeyValueFormat", "with an equals sign later", "FROM scratch\nENV a b=c", [`2 ${LEGACY("ENV")}`]],
  ["LegacyKeyValueFormat", "the new form", 'FROM scratch\nENV a=b c="d e"\nLABEL a=b', []],
  ["LegacyKeyValueFormat", "a trigger, where it fires", "FROM scratch AS a\nONBUILD ENV a b\nFROM a", [
    `3 ${LEGACY("ENV")}`,
  ]],

  [
    "InvalidBaseImagePlatform",
    "another architecture",
    "FROM alpine",
    ['1 Base image alpine was pulled with platform "linux/amd64", expected "linux/arm64" for current build'],
    { platform: { os: "linux", architecture: "arm64" } },
  ],
  ["InvalidBaseImagePlatform", "another system", "FROM alpine", [
    '1 Base image alpine was pulled with platform "linux/amd64", expected "windows/amd64" for current build',
  ], { platform: WINDOWS }],
  ["InvalidBaseImagePlatform", "as asked for in FROM", "ARG p=linux/s390x\nFROM --platform=$p alpine AS a\nFROM a", [
    '2 Base image alpine was pulled with platform "linux/amd64", expected "linux/s390x" for current build',
  ]],
  ["InvalidBaseImagePlatform", "the right one", "FROM alpine", []],
  ["InvalidBaseImagePlatform", "another variant", "FROM alpine", [], {
    platform: { os: "linux", architecture: "amd64", variant: "v3" },
  }],
  ["InvalidBaseImagePlatform", "scratch is for all", "FROM scratch", [], { platform: WINDOWS }],

  ["RedundantTargetPlatform", "plain", "FROM --platform=$TARGETPLATFORM scratch", [
    `1 ${REDUNDANT("$TARGETPLATFORM")}`,
  ]],
  ["RedundantTargetPlatform", "in braces", "FROM --platform=${TARGETPLATFORM} scratch", [
    `1 ${REDUNDANT("${TARGETPLATFORM}")}`,
  ]],
  ["RedundantTargetPlatform", "another variable", "FROM --platform=$BUILDPLATFORM scratch", []],
  ["RedundantTargetPlatform", "parts of it", "FROM --platform=$TARGETOS/$TARGETARCH scratch", []],
  ["RedundantTargetPlatform", "two variables", "ARG e\nFROM --platform=$TARGETPLATFORM$e scratch", []],

  ["FromPlatformFlagConstDisallowed", "a constant", "FROM --platform=linux/arm64 scratch", [
    `1 ${CONSTANT("linux/arm64")}`,
  ]],
  ["FromPlatformFlagConstDisallowed", "an architecture alone", "FROM --platform=arm64 scratch AS a", [
    `1 ${CONSTANT("arm64")}`,
  ]],
  [
    "FromPlatformFlagConstDisallowed",
    "the architecture in the name",
    "FROM --platform=linux/arm64 scratch AS b-arm64",
    [],
  ],
  ["FromPlatformFlagConstDisallowed", "the system in the name", "FROM --platform=linux/arm64 scratch AS mylinux", []],
  ["FromPlatformFlagConstDisallowed", "its other name in the name", "FROM --platform=linux/x86_64 scratch AS x86_64", [
    `1 ${CONSTANT("linux/x86_64")}`,
  ]],
  ["FromPlatformFlagConstDisallowed", "with a variable", "ARG a=arm64\nFROM --platform=linux/${a} scratch", []],
  [
    "FromPlatformFlagConstDisallowed",
    "with a variable that is not set",
    "ARG a\nFROM --platform=linux/arm64$a scratch",
    [],
  ],

  ...[
    "APIKEY",
    "auth",
    "my_credential",
    "credentials",
    "git_key",
    "DB_PASSWORD",
    "pword_x",
    "passwd",
    "SECRET",
    "a_Token_b",
  ]
    .map((
      name,
    ): Row => ["SecretsUsedInArgOrEnv", name, `FROM scratch\nENV ${name}=x`, [`2 ${SECRET(`ENV "${name}"`)}`]]),
  ...["monkey", "KEYS", "author", "tokens", "public_key", "SECRET_FILE", "auth_version", "PASSWORD-X", "passwords"]
    .map((name): Row => ["SecretsUsedInArgOrEnv", `not ${name}`, `FROM scratch\nENV ${name}=x`, []]),
  ["SecretsUsedInArgOrEnv", "ARG, with or without value", "FROM scratch\nARG token secret=x\nARG foo", [
    `2 ${SECRET('ARG "token"')}`,
    `2 ${SECRET('ARG "secret"')}`,
  ]],
  ["SecretsUsedInArgOrEnv", "the old form", "FROM scratch\nENV password x", [`2 ${SECRET('ENV "password"')}`]],
  ["SecretsUsedInArgOrEnv", "a name from a variable", "FROM scratch\nENV a=key\nENV git_$a=x", [
    `3 ${SECRET('ENV "git_key"')}`,
  ]],
  ["SecretsUsedInArgOrEnv", "not in front of FROM", "ARG token\nFROM scratch", []],
  ["SecretsUsedInArgOrEnv", "not labels", "FROM scratch\nLABEL token=x", []],

  ["CopyIgnoredFile", "a file", "FROM scratch\nCOPY a.txt /", [`2 ${IGNORED("Copy", "a.txt")}`], { ignore: "a.txt" }],
  ["CopyIgnoredFile", "ADD, too", "FROM scratch\nADD ./b/../a.txt /", [`2 ${IGNORED("Add", "a.txt")}`], {
    ignore: "*.txt",
  }],
  ["CopyIgnoredFile", "below an excluded directory", "FROM scratch\nCOPY a/b/c /", [`2 ${IGNORED("Copy", "a/b/c")}`], {
    ignore: "# what is big\na",
  }],
  ["CopyIgnoredFile", "some sources of several", "FROM scratch\nCOPY a b c /", [
    `2 ${IGNORED("Copy", "a")}`,
    `2 ${IGNORED("Copy", "c")}`,
  ], { ignore: "a\nc" }],
  ["CopyIgnoredFile", "as expanded", "FROM scratch\nENV d=a\nCOPY $d /", [`3 ${IGNORED("Copy", "a")}`], {
    ignore: "a",
  }],
  ["CopyIgnoredFile", "the root when everything is excluded", "FROM scratch\nCOPY . /", [`2 ${IGNORED("Copy", ".")}`], {
    ignore: "**",
  }],
  ["CopyIgnoredFile", "the root when something is", "FROM scratch\nCOPY . /\nADD / /", [], { ignore: ".*\na*" }],
  ["CopyIgnoredFile", "not with an exception", "FROM scratch\nCOPY a /", [], { ignore: "*\n!b" }],
  ["CopyIgnoredFile", "not from another stage", "FROM scratch AS s\nFROM scratch\nCOPY --from=s a /", [], {
    ignore: "a",
  }],
  ["CopyIgnoredFile", "not a heredoc", "FROM scratch\nCOPY <<a /\nE\na\n", [], { ignore: "a" }],
  ["CopyIgnoredFile", "another file", "FROM scratch\nCOPY ab /", [], { ignore: "a" }],
  ["CopyIgnoredFile", "without ignore file", "FROM scratch\nCOPY a /", []],

  ["ExposeProtoCasing", "upper case", "FROM scratch\nEXPOSE 80/TCP 81/tcp 82/Udp", [
    `2 ${UPPER_PROTOCOL("80/TCP")}`,
    `2 ${UPPER_PROTOCOL("82/Udp")}`,
  ]],
  ["ExposeProtoCasing", "as expanded", "FROM scratch\nENV p='80/TCP 81/udp'\nEXPOSE $p", [
    `3 ${UPPER_PROTOCOL("80/TCP")}`,
  ]],
  ["ExposeProtoCasing", "lower case and none", "FROM scratch\nEXPOSE 80 81/udp 82/sctp 90-99/tcp", []],

  ["ExposeInvalidFormat", "a port of the host", "FROM scratch\nEXPOSE 8080:80", [`2 ${MAPPING("8080:80")}`]],
  ["ExposeInvalidFormat", "an address", "FROM scratch\nEXPOSE 127.0.0.1::80 [::1]:1:2/udp", [
    `2 ${MAPPING("127.0.0.1::80")}`,
    `2 ${MAPPING("[::1]:1:2/udp")}`,
  ]],
  ["ExposeInvalidFormat", "a port and a range", "FROM scratch\nEXPOSE 80 8000-8010/udp", []],

  ["InvalidDefinitionDescription", "an ARG", "# check=experimental=all\n# hello\nARG a=1\nFROM scratch", [
    `3 ${COMMENT("ARG", "a")}`,
  ]],
  ["InvalidDefinitionDescription", "an ARG of several", "# check=experimental=all\n# x\nARG a=1 b=2\nFROM scratch", [
    `3 ${COMMENT("ARG", "<arg_key>")}`,
  ]],
  ["InvalidDefinitionDescription", "a named FROM", "# check=experimental=all\n# The base\nFROM scratch AS base", [
    `3 ${COMMENT("FROM", "base")}`,
  ]],
  [
    "InvalidDefinitionDescription",
    "the last comment counts",
    "# check=experimental=all\n# x\n# a is\nARG a=1\nFROM scratch",
    [],
  ],
  ["InvalidDefinitionDescription", "an unnamed FROM", "# check=experimental=all\n# x\nFROM scratch", []],
  [
    "InvalidDefinitionDescription",
    "a blank comment between",
    "# check=experimental=all\n# x\n#\nARG a\nFROM scratch",
    [],
  ],
  [
    "InvalidDefinitionDescription",
    "a comment on something else",
    "# check=experimental=all\nFROM scratch\n# x\nUSER a",
    [],
  ],
  ["InvalidDefinitionDescription", "not unless it is asked for", "# hello\nARG a=1\nFROM scratch", []],
];

for (const [rule, shows, text, told, inputs = {}] of ROWS) {
  Deno.test(`${rule} [5] ${told.length === 0 ? "is silent" : "fires"}: ${shows}`, async () => {
    const { warnings, error } = await checkDockerfile(text, { images: IMAGES, ...inputs });
    assert.equal(error, undefined);
    const own = warnings.filter((warning) => warning.rule === rule);
    assert.deepEqual(own.map(({ range, message }) => `${range.startLine} ${message}`), told);
  });
}

Deno.test("every rule [5] has rows that fire and rows that do not", () => {
  assert.equal(RULES.length, 22);
  for (const { name } of RULES) {
    const rows = ROWS.filter(([rule]) => rule === name);
    assert.ok(rows.some(([, , , told]) => told.length > 0), name);
    assert.ok(rows.some(([, , , told]) => told.length === 0), name);
  }
  assert.ok(ROWS.every(([rule]) => RULES.some(({ name }) => name === rule)));
});

Deno.test("every rule but one [5] has a page, named after it", () => {
  const pages = new Map(RULES.map((rule) => [rule.name, pageOf(rule)]));
  assert.equal(pages.get("InvalidBaseImagePlatform"), undefined);
  assert.equal([...pages.values()].filter((page) => page !== undefined).length, 21);
  const page = (name: string): string => `https://docs.docker.com/go/dockerfile/rule/${name}/`;
  assert.equal(pages.get("JSONArgsRecommended"), page("json-args-recommended"));
  assert.equal(pages.get("SecretsUsedInArgOrEnv"), page("secrets-used-in-arg-or-env"));
});
