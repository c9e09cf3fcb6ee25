/**
 * @module
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import {
  bool,
  choice,
  choiceWithDefault,
  commaList,
  duration,
  type FlagTable,
  integer,
  keyValue,
  list,
  text,
  textWithDefault,
} from "../../../lib/cli/flag.ts";
import { type ParsedFlags, parseFlags } from "../../../lib/cli/parse.ts";
import { KilnError } from "../../../lib/errors.ts";
import { assertThrows } from "./throws.ts";

const ROW = { group: "General", help: "A flag", placeholder: "X" } as const;

/** One flag of every kind, and of every status. */
const TABLE = {
  "yes": bool({ ...ROW, short: "y" }),
  "on": bool({ ...ROW, short: "o", initial: true }),
  "word": text({ ...ROW, short: "w" }),
  "place": textWithDefault({ ...ROW, short: "p", initial: "/there" }),
  "many": list({ ...ROW, short: "m" }),
  "pair": keyValue(ROW),
  "names": commaList(ROW),
  "count": integer({ ...ROW, short: "n", initial: -1 }),
  "span": duration({ ...ROW, initial: "2h" }),
  "kind": choice({ ...ROW, choices: ["red", "green"] }),
  "level": choiceWithDefault({ ...ROW, choices: ["low", "high"], initial: "low", anyCase: true }),
  "renamed": text({ ...ROW, aliases: ["oldName", "older"] }),
  "old": text({ ...ROW, deprecated: "use --word" }),
  "no-op": bool({ ...ROW, status: "accepted" }),
  "later": bool({ ...ROW, status: "later" }),
  "later-text": text({ ...ROW, status: "later" }),
  "later-count": integer({ ...ROW, status: "later", initial: 0 }),
  "strong": bool({ ...ROW, environment: { name: "STRONG", rule: "beats the flag" } }),
  "weak": text({ ...ROW, environment: { name: "WEAK", rule: "is the default" } }),
  "weak-bool": bool({ ...ROW, status: "accepted", environment: { name: "WEAK_BOOL", rule: "is the default" } }),
  "weak-later": text({ ...ROW, status: "later", environment: { name: "WEAK_LATER", rule: "is the default" } }),
} satisfies FlagTable;

function parse(args: readonly string[], env: Readonly<Record<string, string>> = {}): ParsedFlags<typeof TABLE> {
  return parseFlags(args, TABLE, { env: (name) => env[name], command: "tool" });
}

type Name = keyof typeof TABLE;

const ACCEPTED: readonly (readonly [args: string, name: Name, value: unknown])[] = [
  // Defaults.
  ["", "yes", false],
  ["", "on", true],
  ["", "word", undefined],
  ["", "place", "/there"],
  ["", "many", []],
  ["", "pair", new Map()],
  ["", "names", []],
  ["", "count", -1],
  ["", "span", 7_200_000],
  ["", "kind", undefined],
  ["", "level", "low"],
  // Booleans: a value only after "=".
  ["--yes", "yes", true],
  ["--yes=true", "yes", true],
  ["--yes=T", "yes", true],
  ["--yes=0", "yes", false],
  ["--on=False", "on", false],
  ["--yes --yes=false", "yes", false],
  ["-y", "yes", true],
  ["-y=f", "yes", false],
  ["-yo=false", "yes", true],
  ["-yo=false", "on", false],
  ["-yw x", "word", "x"],
  ["-ywx", "word", "x"],
  // Texts: all the ways to give a value.
  ["--word=x", "word", "x"],
  ["--word x", "word", "x"],
  ["-w x", "word", "x"],
  ["-wx", "word", "x"],
  ["-w=x", "word", "x"],
  ["-wx=y", "word", "x=y"],
  ["-w==x", "word", "=x"],
  ["--word==x", "word", "=x"],
  ["--word --yes", "word", "--yes"],
  ["--word -- --yes", "word", "--"],
  ["--word -", "word", "-"],
  ["--word a --word b", "word", "b"],
  ["--word a --word=", "word", undefined],
  ["--place=", "place", ""],
  // Lists.
  ["--many a,b --many=c -m d -me", "many", ["a,b", "c", "d", "e"]],
  ["--many=", "many", [""]],
  ["--pair a=1 --pair=b=2=3 --pair a=", "pair", new Map([["a", ""], ["b", "2=3"]])],
  ['--names a,b --names="c,d",e', "names", ["a", "b", "c,d", "e"]],
  ["--names=", "names", []],
  // Numbers, durations, choices.
  ["--count 0x10", "count", 16],
  ["--count -5", "count", -5],
  ["-n3 -n4", "count", 4],
  ["--span 1h30m", "span", 5_400_000],
  ["--kind green", "kind", "green"],
  ["--kind green --kind=", "kind", undefined],
  ["--level HIGH", "level", "high"],
  // Old names.
  ["--oldName x", "renamed", "x"],
  ["--older=x", "renamed", "x"],
  // Later flags that ask for nothing.
  ["--later=false", "later", false],
  ["--later-text=", "later-text", undefined],
  ["--later-count=0", "later-count", 0],
];
for (const [args, name, value] of ACCEPTED) {
  Deno.test(`parseFlags(), with "${args}" --${name} is ${JSON.stringify(value)}`, () => {
    assert.deepEqual(parse(args === "" ? [] : args.split(" ")).values[name], value);
  });
}

const REFUSED: readonly (readonly [args: string, message: string, hint?: string])[] = [
  ["--yes=maybe", 'Cannot parse --yes "maybe": it is neither true nor false'],
  ["--yes=", 'Cannot parse --yes "": it is neither true nor false'],
  ["-y=x", 'Cannot parse -y "x": it is neither true nor false'],
  ["--word", 'Cannot parse "--word": its value is missing'],
  ["-w", 'Cannot parse "-w": its value is missing'],
  ["-yw", 'Cannot parse "-w": its value is missing'],
  ["--pair a", 'Cannot parse --pair "a": it has no "="'],
  ["--pair =a", 'Cannot parse --pair "=a": nothing stands before the "="'],
  ['--names="a', 'Cannot parse --names "\\"a": its quotes do not pair up'],
  ["--count many", 'Cannot parse --count "many": it is not an integer'],
  ["--span 5", 'Cannot parse --span "5": it is not a duration', 'write it with units, such as "90m", "24h" or "1h30m"'],
  ["--kind blue", 'Cannot parse --kind "blue": it is not one of red, green'],
  ["--kind RED", 'Cannot parse --kind "RED": it is not one of red, green'],
  ["--later", "Cannot use --later: Kiln does not support it yet"],
  ["--later-text x", "Cannot use --later-text: Kiln does not support it yet"],
  ["--later-count 1", "Cannot use --later-count: Kiln does not support it yet"],
  ["--later=maybe", 'Cannot parse --later "maybe": it is neither true nor false'],
  ["--wrod x", 'Cannot parse "--wrod": there is no such flag', 'did you mean "--word"?'],
  ["--no_op", 'Cannot parse "--no_op": there is no such flag', 'did you mean "--no-op"?'],
  ["--NoOp=x", 'Cannot parse "--NoOp": there is no such flag', 'did you mean "--no-op"?'],
  ["--unlike", 'Cannot parse "--unlike": there is no such flag', '"tool --help" lists the flags'],
  ["-z", 'Cannot parse "-z": there is no such flag', '"tool --help" lists the flags'],
  ["-yz", 'Cannot parse "-z" in "-yz": there is no such flag'],
  ["-word=x", 'Cannot parse "-word=x": a flag of several letters takes two dashes', 'write "--word=x"'],
  ["-oldName", 'Cannot parse "-oldName": a flag of several letters takes two dashes', 'write "--oldName"'],
  ["---word", 'Cannot parse "---word": it is not a flag'],
  ["--=x", 'Cannot parse "--=x": it is not a flag'],
  ["--constructor", 'Cannot parse "--constructor": there is no such flag'],
  ["--__proto__=x", 'Cannot parse "--__proto__": there is no such flag'],
];
for (const [args, message, hint] of REFUSED) {
  Deno.test(`parseFlags(), refuses "${args}"`, () => {
    assertThrows(() => parse(args.split(" ")), { message, ...(hint === undefined ? {} : { hint }) });
  });
}

Deno.test("parseFlags(), mixes flags and positionals", () => {
  const { positionals, values } = parse(["a", "--yes", "b", "-", "--word", "w"]);
  assert.deepEqual([positionals, values.yes, values.word], [["a", "b", "-"], true, "w"]);
});

Deno.test("parseFlags(), leaves the word after a boolean behind", () => {
  assert.deepEqual(parse(["--yes", "false"]).positionals, ["false"]);
});

Deno.test('parseFlags(), ends the flags at "--"', () => {
  const { positionals, values } = parse(["--", "--yes", "--", "-w"]);
  assert.deepEqual([positionals, values.yes], [["--yes", "--", "-w"], false]);
});

Deno.test("parseFlags(), takes an empty argument for a positional", () => {
  assert.deepEqual(parse([""]).positionals, [""]);
});

Deno.test("parseFlags(), stops at the first positional when asked", () => {
  const options = { env: () => undefined, command: "tool", stopAtPositional: true } as const;
  const { stoppedAt, positionals, values } = parseFlags(["--word", "x", "go", "--yes"], TABLE, options);
  assert.deepEqual([stoppedAt, positionals, values.yes], [{ word: "go", rest: ["--yes"] }, [], false]);
});

Deno.test('parseFlags(), does not stop at what follows "--"', () => {
  const options = { env: () => undefined, command: "tool", stopAtPositional: true } as const;
  const { stoppedAt, positionals } = parseFlags(["--", "go"], TABLE, options);
  assert.deepEqual([stoppedAt, positionals], [undefined, ["go"]]);
});

Deno.test("parseFlags(), tells which flags were given", () => {
  assert.deepEqual(parse(["--yes=false", "--older", "x"], { WEAK: "w" }).given, new Set(["yes", "renamed", "weak"]));
});

Deno.test("parseFlags(), warns once of an old name", () => {
  assert.deepEqual(parse(["--oldName=a", "--oldName=b"]).notices, [
    { level: "warn", text: "--oldName is the old name of --renamed: use --renamed" },
  ]);
});

Deno.test("parseFlags(), warns of a deprecated flag", () => {
  assert.deepEqual(parse(["--old", "x"]).notices, [{ level: "warn", text: "--old is deprecated: use --word" }]);
});

Deno.test("parseFlags(), notes a flag without effect at level debug", () => {
  assert.deepEqual(parse(["--no-op"]).notices, [{ level: "debug", text: "--no-op: A flag" }]);
});

const ENVIRONMENT: readonly (readonly [args: string, env: Record<string, string>, name: Name, value: unknown])[] = [
  ["", { STRONG: "true" }, "strong", true],
  ["--strong", { STRONG: "false" }, "strong", false],
  ["--strong", { STRONG: "" }, "strong", true],
  ["", { WEAK: "w" }, "weak", "w"],
  ["--weak=flag", { WEAK: "w" }, "weak", "flag"],
  ["", { WEAK: "" }, "weak", undefined],
  ["", { WEAK_BOOL: "1" }, "weak-bool", true],
  ["", { WEAK_BOOL: "yes" }, "weak-bool", false],
];
for (const [args, env, name, value] of ENVIRONMENT) {
  Deno.test(`parseFlags(), with "${args}" and ${JSON.stringify(env)} --${name} is ${value}`, () => {
    assert.equal(parse(args === "" ? [] : [args], env).values[name], value);
  });
}

Deno.test("parseFlags(), refuses a bad value of a variable that beats its flag", () => {
  assertThrows(() => parse([], { STRONG: "yes" }), {
    message: 'Cannot parse STRONG "yes": it is neither true nor false',
  });
});

Deno.test("parseFlags(), warns of a bad value of a variable that is a default", () => {
  assert.deepEqual(parse([], { WEAK_BOOL: "yes" }).notices, [
    { level: "warn", text: 'WEAK_BOOL "yes" is ignored: it is neither true nor false' },
  ]);
});

Deno.test("parseFlags(), refuses the variable of a flag that is not there yet", () => {
  assertThrows(() => parse([], { WEAK_LATER: "x" }), {
    message: "Cannot use WEAK_LATER: Kiln does not support it yet",
  });
});

Deno.test("parseFlags(), throws nothing but usage errors", () => {
  const arg = fc.oneof(
    fc.string(),
    fc.constantFrom("--", "-", "--yes", "-y", "--word", "-w", "--many=x", "--pair", "a=b", "-yow=", "--count", "-1"),
    fc.string().map((text) => `--${text}`),
    fc.string().map((text) => `-${text}`),
  );
  fc.assert(
    fc.property(fc.array(arg), (args) => {
      try {
        parse(args);
      } catch (error) {
        assert.ok(error instanceof KilnError && error.exitCode === 64, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parseFlags(), gives back any value in every way to write it", () => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), (value) => {
    for (const args of [[`--word=${value}`], ["--word", value], ["-w", value], [`-w=${value}`]]) {
      assert.equal(parse(args).values.word, value);
    }
  }));
});
