/**
 * Dockerfiles made to exhaust who reads them (S77): each is refused at a position or built, in bounded time and memory.
 *
 * Guards, each seen red when taken out: MAX_FILE_BYTES and MAX_LINE_BYTES in lib/dockerfile/physical_lines.ts,
 * MAX_INSTRUCTIONS in read_lines.ts, MAX_STAGES in lib/instructions/stages.ts, MAX_LINES in
 * excerpt.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { attack } from "../support/attack_build.ts";
import { errorIn } from "../support/failing_build.ts";

/** A loaded machine is slow; what is not bounded takes hours, or all memory. */
const MOST_SECONDS = 60;
const MOST_MIB = 512;

/** Tells the most memory a command or its children had, in KiB. */
const MEASURED = [
  "python3",
  "-c",
  "import resource,subprocess,sys\ncode=subprocess.call(sys.argv[1:])\n" +
  "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\nsys.exit(code)",
] as const;

function times(count: number, line: (at: number) => string): string {
  return Array.from({ length: count }, (_, at) => line(at)).join("");
}

const doubling = (keyword: string) => times(40, () => `${keyword} a=$a$a\n`);

const REFUSED: readonly (readonly [shows: string, dockerfile: string, error: RegExp, line?: number])[] = [
  ["a line of 20 MB", `FROM scratch\nLABEL a=${"x".repeat(2e7)}\n`, /it has 2000\d+ bytes, 16777216 at most/],
  ["a line of 100 kB", `FROM scratch\nLABEL a=${"x".repeat(1e5)}\n`, /the line has 100008 bytes, 65535 at most/, 2],
  ["10^6 instructions", `FROM scratch\n${"LABEL a=b\n".repeat(1e6)}`, /it has more than 10000 instructions/, 10001],
  ["10^5 stages", times(1e5, (at) => `FROM scratch AS s${at}\n`), /it has more than 10000 instructions/, 10001],
  ["5,000 stages", times(5000, (at) => `FROM scratch AS s${at}\n`), /it has more than 1000 stages/, 1001],
  ["a cycle of stages", "FROM scratch AS a\nCOPY --from=b /x /y\nFROM a AS b\n", /Cannot use the stage "b" here/, 2],
  ["a stage copying from itself", "FROM scratch AS a\nCOPY --from=a /x /y\n", /Cannot use the stage "a" here/, 2],
  ["2^40 by ENV", `FROM scratch\nENV a=xxxxxxxxxxxxxxxx\n${doubling("ENV")}`, /longer than 1048576 characters/, 19],
  ["2^40 by ARG", `FROM scratch\nARG a=xxxxxxxxxxxxxxxx\n${doubling("ARG")}`, /longer than 1048576 characters/, 19],
  [
    "2^40 by global ARG",
    `ARG a=xxxxxxxxxxxxxxxx\n${doubling("ARG")}FROM scratch\n`,
    /longer than 1048576 characters/,
    18,
  ],
  [
    "2^40 by substitution",
    `FROM scratch\nENV a=x\n${times(40, () => "ENV a=${a//x/xx}\n")}LABEL b=$a\n`,
    /longer than 1048576/,
  ],
  [
    "${ nested 10,000 deep",
    `FROM scratch\nLABEL a=${"${a:-".repeat(10000)}x${"}".repeat(10000)}\n`,
    /Cannot (expand|read)/,
    2,
  ],
  ["10,000 brackets", `FROM scratch\nCMD ${"[".repeat(10000)}\nLABEL a=b\nFROM none-such-stage:\n`, /Cannot/],
  [
    "a heredoc without an end",
    `FROM scratch\nCOPY <<EOF /x\n${"line\n".repeat(1e6)}`,
    /no line "EOF" ends it[^]*more lines/,
    2,
  ],
  ["invalid UTF-8", "FROM scratch\nLABEL a=\xff\xfe\n", /the line is not UTF-8 text/, 2],
  ["two escape directives", "# escape=\\\n# escape=`\nFROM scratch\n", /Cannot read the directive "escape"/, 2],
  ["a NUL in a command", "FROM {BASE}\nRUN echo a\0b\n", /the line has a NUL character/, 2],
  [
    "a NUL in a command, escaped",
    `FROM {BASE}\nRUN ["echo", "a\\u0000b"]\n`,
    /element 2 has a NUL character/,
    2,
  ],
  ["nothing but line ends", "\n".repeat(1e6), /it has no instructions/],
];

for (const [shows, dockerfile, error, line] of REFUSED) {
  Deno.test(`S77 Dockerfile with ${shows}, is refused in bounded time and memory`, async () => {
    const bytes = dockerfile.includes("\xff") ? Uint8Array.from(dockerfile, (char) => char.charCodeAt(0)) : dockerfile;
    const { code, stderr, seconds } = await attack({ dockerfile: bytes, through: MEASURED });
    assert.equal(code, 65, stderr.slice(0, 2000));
    assert.match(errorIn(stderr), error);
    if (line !== undefined) assert.ok(errorIn(stderr).includes(`\nDockerfile:${line}\n`), errorIn(stderr));
    assert.ok(errorIn(stderr).length < 20_000, "the message is longer than a screen");
    assertBounded(seconds, stderr);
  });
}

const BUILT: readonly (readonly [shows: string, dockerfile: string, label: string])[] = [
  ["10^6 comments", `FROM scratch\n${"# c\n".repeat(1e6)}LABEL a=b\n`, "b"],
  ["an instruction of 200,000 lines", `FROM scratch\nLABEL x=y \\\n${"  x=y \\\n".repeat(2e5)}  a=b\n`, "b"],
  ["8,000 variables", `FROM scratch\n${times(8000, (at) => `ENV a${at}=b\n`)}LABEL a=$a7999\n`, "b"],
  ["a chain of 900 stages", `FROM scratch AS s0\n${times(900, (at) => `FROM s${at} AS s${at + 1}\n`)}LABEL a=b\n`, "b"],
  ["10^5 unknown directives", `${times(1e5, (at) => `# d${at}=x\n`)}FROM scratch\nLABEL a=b\n`, "b"],
  ["a byte order mark and CRLF", "\ufeffFROM scratch\r\nLABEL a=b\r\n", "b"],
];

for (const [shows, dockerfile, label] of BUILT) {
  Deno.test(`S77 Dockerfile with ${shows}, is built in bounded time and memory`, async () => {
    const { code, stderr, seconds, image } = await attack({ dockerfile, through: MEASURED });
    assert.equal(code, 0, stderr.slice(0, 2000));
    const labels = new Map(Object.entries(image?.config.config?.["Labels"] ?? {}));
    assert.equal(labels.get("a"), label);
    assertBounded(seconds, stderr);
  });
}

function assertBounded(seconds: number, stderr: string): void {
  const peak = Number(/^peak (\d+)$/m.exec(stderr)?.[1]) / 1024;
  assert.ok(seconds < MOST_SECONDS && peak < MOST_MIB, `${seconds} s, ${peak} MiB`);
}
