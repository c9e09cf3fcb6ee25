/**
 * @module
 */
import assert from "node:assert/strict";
import { parseCommandLine } from "../../../lib/cli/command_line.ts";
import { COMMANDS } from "../../../lib/cli/commands.ts";
import { fakeHost } from "./fake_host.ts";
import { assertThrows } from "./throws.ts";

function about(name: string): unknown {
  return COMMANDS.find((command) => command.name === name);
}

const UNDERSTOOD: readonly (readonly [args: string, invocation: unknown])[] = [
  ["--help", { command: "help" }],
  ["-h", { command: "help" }],
  ["--context . --help", { command: "help" }],
  ["help", { command: "help" }],
  ["help version", { command: "help", about: about("version") }],
  ["help debug words", { command: "help", about: about("debug words") }],
  ["help login", { command: "help", about: about("login") }],
  ["version --help", { command: "help", about: about("version") }],
  ["debug parse -h", { command: "help", about: about("debug parse") }],
  ["debug words --help", { command: "help", about: about("debug words") }],
  ["--version", { command: "version", bare: true }],
  ["version", { command: "version", bare: false }],
  ["debug parse Dockerfile", { command: "debug parse", file: "Dockerfile" }],
  ["debug parse -- -odd", { command: "debug parse", file: "-odd" }],
  [
    "debug words",
    { command: "debug words", flags: { env: new Map(), escape: "\\", help: false } },
  ],
  [
    "debug words --env A=1 --env B=2 --env A=3 --escape `",
    { command: "debug words", flags: { env: new Map([["A", "3"], ["B", "2"]]), escape: "`", help: false } },
  ],
];
for (const [args, invocation] of UNDERSTOOD) {
  Deno.test(`parseCommandLine(), understands "${args}"`, () => {
    assert.deepEqual(parseCommandLine(args.split(" "), fakeHost()), invocation);
  });
}

const REFUSED: readonly (readonly [args: string, message: string, hint?: string])[] = [
  ["false", 'Cannot run "false": there is no such command', '"executor --help" lists commands and flags'],
  [
    "--no-push false",
    'Cannot run "false": there is no such command',
    'a boolean takes its value after "=": --no-push=false',
  ],
  ["vresion", 'Cannot run "vresion": there is no such command', 'did you mean "version"?'],
  ["build", 'Cannot run "build": there is no such command'],
  ["-- version", 'Cannot run "version": there is no such command'],
  ["debug", 'Cannot run "debug": it takes a second word', "one of parse, words"],
  ["debug --env A=b", 'Cannot run "debug": it takes a second word', "one of parse, words"],
  ["debug prase x", 'Cannot run "debug prase": there is no such command', 'did you mean "debug parse"?'],
  ["debug stages", 'Cannot run "debug stages": there is no such command', "one of parse, words"],
  ["debug parse", 'Cannot run "debug parse": the file is missing'],
  ["debug parse a b", 'Cannot run "debug parse" with "b": it takes no such argument'],
  ["debug words x", 'Cannot run "debug words" with "x": it takes no such argument'],
  ["debug words --env A", 'Cannot parse --env "A": it has no "="'],
  ["debug words --escape x", 'Cannot parse --escape "x": it is not one of \\, `'],
  ["version --no-push", 'Cannot parse "--no-push": there is no such flag', '"executor version --help" lists the flags'],
  ["version x", 'Cannot run "version" with "x": it takes no such argument'],
  [
    "--context . version",
    'Cannot run "version": flags stand in front of it, and the flags of a build do not go with a command',
  ],
  ["help nothing", 'Cannot run "nothing": there is no such command'],
  ["help version x", 'Cannot run "version" with "x": it takes no such argument'],
  ["login ghcr.io -u me", 'Cannot run "login": Kiln does not support this command yet'],
  ["push image.tar", 'Cannot run "push": Kiln does not support this command yet'],
  ["completion bash", 'Cannot run "completion": Kiln does not support this command yet'],
];
for (const [args, message, hint] of REFUSED) {
  Deno.test(`parseCommandLine(), refuses "${args}"`, () => {
    const expected = { message, ...(hint === undefined ? {} : { hint }) };
    assertThrows(() => parseCommandLine(args.split(" "), fakeHost()), expected);
  });
}

Deno.test("parseCommandLine(), applies the environment to a build", () => {
  const invocation = parseCommandLine(["--context", "."], fakeHost({ env: { KANIKO_NO_PUSH: "true" } }));
  assert.ok(invocation.command === "build");
  assert.deepEqual([invocation.flags.context, invocation.flags["no-push"]], [".", true]);
});

Deno.test("parseCommandLine(), shows help and version whatever the environment holds", () => {
  const host = fakeHost({ env: { KANIKO_NO_PUSH: "rubbish", KANIKO_REGISTRY_MIRROR: "mirror" } });
  const commands = [["--help"], ["version"], ["debug", "parse", "x"]].map((args) =>
    parseCommandLine(args, host).command
  );
  assert.deepEqual(commands, ["help", "version", "debug parse"]);
});
