import assert from "node:assert/strict";
import type { Origin } from "../../../lib/instructions/instruction.ts";
import { RUN, runCommand, type RunNode } from "../../../lib/instructions/run.ts";
import { evaluateStage } from "../../support/evaluate_dockerfile.ts";
import { parseDockerfile } from "../../../lib/instructions/stages.ts";
import { type Row, testRows } from "../../support/rows.ts";

const COMMANDS: readonly Row<string, readonly string[]>[] = [
  ["3.2/1", "text is one argument of the shell", "RUN a  'b c' $d", ["/bin/sh", "-c", "a  'b c' $d"]],
  ["3.2/1", "JSON is what it is", 'RUN ["a", "$b", ""]', ["a", "$b", ""]],
  ["3.2/1", "the shell of the stage", 'SHELL ["/bin/bash", "-e", "-c"]\nRUN a', ["/bin/bash", "-e", "-c", "a"]],
  ["3.2/1", "JSON has no shell", 'SHELL ["s"]\nRUN ["a"]', ["a"]],
  ["3.2/1", "ENTRYPOINT does not matter", 'ENTRYPOINT ["e"]\nCMD ["c"]\nRUN a', ["/bin/sh", "-c", "a"]],
  ["1.4/1", "continued lines", "RUN a \\\n  && b", ["/bin/sh", "-c", "a   && b"]],
  ["1.4/5", "backslashes stay", "RUN printf 'a\\n' \\$b", ["/bin/sh", "-c", "printf 'a\\n' \\$b"]],
  ["1.6/1", "broken JSON is text", 'RUN ["a"', ["/bin/sh", "-c", '["a"']],
  ["1.6/1", "an empty array", "RUN []", /Cannot parse RUN: the array is empty/],
  ["1.7/8", "one heredoc is the script", "RUN <<E\na $b\nc\nE", ["/bin/sh", "-c", "a $b\nc\n"]],
  ["1.7/8", "quoted or not", "RUN <<'E'\na $b\nE", ["/bin/sh", "-c", "a $b\n"]],
  ["1.7/8", "tabs are stripped", "RUN <<-E\n\ta\n\tE", ["/bin/sh", "-c", "a\n"]],
  ["1.7/8", "behind flags", "RUN --network=none <<E\na\nE", ["/bin/sh", "-c", "a\n"]],
  ["1.7/8", "a file descriptor does not matter", "RUN 3<<E\na\nE", ["/bin/sh", "-c", "a\n"]],
  ["1.7/8", "blanks in front of the delimiter", "RUN << E\na\nE", ["/bin/sh", "-c", "a\n"]],
  ["1.7/8", "the shell of the stage", 'SHELL ["/usr/bin/awk"]\nRUN <<E\nBEGIN {}\nE', ["/usr/bin/awk", "BEGIN {}\n"]],
  ["1.7/8", "an empty one", "RUN <<E\nE", ["/bin/sh", "-c", ""]],
  ["1.7/8", "a script is a file", "RUN <<E\n#!/usr/bin/env python3\nprint()\nE", ["/bin/sh", "-c", "/dev/pipes/E"]],
  ["1.7/8", "a script behind tabs", "RUN <<-E\n\t#!/bin/sh\n\tE", ["/bin/sh", "-c", "/dev/pipes/E"]],
  ["1.7/8", "a script whose name leads elsewhere", "RUN <<../E\n#!/bin/sh\n../E", /its name is not a file name/],
  ["1.7/9", "a command with a heredoc is put together", "RUN cat <<E > /x\na\nE", [
    "/bin/sh",
    "-c",
    "cat <<E > /x\na\nE",
  ]],
  ["1.7/9", "two heredocs", "RUN cat <<A <<B\na\nA\nb\nB", ["/bin/sh", "-c", "cat <<A <<B\na\nA\nb\nB"]],
  ["1.7/9", "two heredocs alone", "RUN <<A <<B\na\nA\nb\nB", ["/bin/sh", "-c", "<<A <<B\na\nA\nb\nB"]],
  ["1.7/9", "tabs are the shell's to strip", "RUN cat <<-E\n\ta\n\tE", ["/bin/sh", "-c", "cat <<-E\n\ta\nE"]],
  ["1.7/9", "a program that reads it", "RUN python3 <<E\n#!x\nE", ["/bin/sh", "-c", "python3 <<E\n#!x\nE"]],
  ["1.7/1", "JSON that looks like one", 'RUN ["<<E"]', ["<<E"]],
];

testRows("runCommand()", COMMANDS, (text) => {
  const { nodes, state } = evaluateStage(text);
  return runCommand(nodes.at(-1) as RunNode, state).argv;
});

Deno.test("runCommand() [1.7/8] hands over a script as a file", () => {
  const { nodes, state } = evaluateStage("RUN <<E\n#!/bin/x\na\nE");
  assert.deepEqual(runCommand(nodes[0] as RunNode, state).scripts, [{
    target: "/dev/pipes/E",
    content: "#!/bin/x\na\n",
  }]);
});

Deno.test("runCommand() [1.7/8] makes no file on Windows", () => {
  const { nodes, state } = evaluateStage("RUN <<E\n#!x\nE", { target: { os: "windows", architecture: "amd64" } });
  assert.deepEqual(runCommand(nodes[0] as RunNode, state), { argv: ["cmd", "/S", "/C", "#!x\n"], scripts: [] });
});

const FLAGS: readonly Row<string, unknown>[] = [
  ["3.2/13", "the network by default", "RUN a", ["default", "sandbox"]],
  ["3.2/13", "no network", "RUN --network=none a", ["none", "sandbox"]],
  ["3.2/13", "the host's network", "RUN --network=host a", ["host", "sandbox"]],
  ["3.2/13", "the default network by name", "RUN --network=default a", ["default", "sandbox"]],
  ["3.2/13", "an unknown network", "RUN --network=nonee a", /--network="nonee" is not known \(did you mean none\?\)/],
  ["3.2/13", "an empty network", "RUN --network= a", /--network="" is not known/],
  ["3.2/14", "the sandbox by name", "RUN --security=sandbox a", ["default", "sandbox"]],
  ["3.2/14", "an unknown security", "RUN --security=x a", /--security="x" is not known \(one of sandbox, insecure\)/],
  ["1.5/3", "an unknown flag", "RUN --mout=type=cache a", /there is no such flag \(did you mean --mount\?\)/],
  ["1.5/3", "a flag twice", "RUN --network=none --network=none a", /it is given twice/],
];

testRows("RUN flags", FLAGS, (text) => {
  const node = evaluateStage(text).nodes.at(-1) as RunNode;
  return [node.network, node.security];
});

Deno.test("RUN [2.1] expands the values of mounts", () => {
  const { nodes } = evaluateStage("ENV t=cache d=/x\nRUN --mount=type=$t,target=${d}/y --mount=type=tmpfs,target=/t a");
  const mounts = (nodes.at(-1) as RunNode).mounts.map(({ type, target }) => [type, target]);
  assert.deepEqual(mounts, [["cache", "/x/y"], ["tmpfs", "/t"]]);
});

Deno.test("RUN [2.1] does not expand its command", () => {
  const { nodes } = evaluateStage("ENV a=b\nRUN echo $a");
  assert.deepEqual((nodes.at(-1) as RunNode).command, { form: "shell", text: "echo $a" });
});

const ORIGINS: readonly Row<string, readonly Origin[]>[] = [
  ["3.2/11", "none without mounts", "RUN a", []],
  ["3.2/11", "the context", "RUN --mount=target=/x a", [{ kind: "context" }]],
  ["3.2/11", "a stage or image, never an index", "RUN --mount=from=0,target=/x a", [{
    kind: "named",
    name: "0",
    indexes: false,
  }]],
  ["3.2/11", "none for secrets and caches", "RUN --mount=type=secret,id=a --mount=type=cache,target=/x a", []],
  ["3.2/11", "one each", "RUN --mount=from=b,target=/x --mount=target=/y a", [{
    kind: "named",
    name: "b",
    indexes: false,
  }, { kind: "context" }]],
  ["3.2/11", "a variable", "RUN --mount=from=$b,target=/x a", /variables are not expanded in "from"/],
];

testRows("RUN origins", ORIGINS, (text) => {
  const node = parseDockerfile(`FROM a\n${text}`, "Dockerfile").stages[0]?.nodes[0];
  return RUN.origins?.(node as RunNode) ?? [];
});
