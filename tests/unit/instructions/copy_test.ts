import assert from "node:assert/strict";
import { COPY } from "../../../lib/instructions/copy.ts";
import { type CopyNode, destinationPath, modeOf } from "../../../lib/instructions/copy_node.ts";
import type { Origin } from "../../../lib/instructions/instruction.ts";
import { sourceKind } from "../../../lib/instructions/remote_source.ts";
import { parseDockerfile } from "../../../lib/instructions/stages.ts";
import { evaluateStage } from "../../support/evaluate_dockerfile.ts";
import { type Row, testRows } from "../../support/rows.ts";

/** sources, heredocs as name and content, destination */
type Shown = readonly [sources: readonly string[], heredocs: readonly (readonly string[])[], destination: string];

const SOURCES: readonly Row<string, Shown>[] = [
  ["3.3", "one source", "COPY a b", [["a"], [], "b"]],
  ["3.3", "several sources", "COPY a b* c/ d/", [["a", "b*", "c/"], [], "d/"]],
  ["3.3", "JSON", 'COPY ["a b", "c", "d e/"]', [["a b", "c"], [], "d e/"]],
  ["3.4", "ADD", "ADD a b", [["a"], [], "b"]],
  ["1.8", "no source", "COPY a", /Cannot parse COPY: it needs a source and a destination/],
  ["1.8", "nothing", "ADD", /Cannot parse ADD: it needs a source and a destination/],
  ["1.8", "JSON of one", 'COPY ["a"]', /it needs a source and a destination/],
  ["1.6/2", "quotes do not protect blanks", 'COPY "a b" /c', /Cannot expand ""a": a double quote is not closed/],
  ["2.1", "sources and destination are expanded", "ENV a=x\nCOPY $a ${a}y /$a/", [["x", "xy"], [], "/x/"]],
  ["2.1/2", "a variable with blanks is one path", 'ENV f="a b"\nCOPY $f /c/', [["a b"], [], "/c/"]],
  ["2.2/1", "an escaped wildcard keeps no backslash", "COPY a\\* /c", [["a*"], [], "/c"]],
  ["2.1", "JSON is expanded too", 'ENV a=x\nCOPY ["$a", "/b"]', [["x"], [], "/b"]],
  ["1.7/10", "a heredoc", "COPY <<E /x\na\nE", [[], [["E", "a\n"]], "/x"]],
  ["1.7/10", "a heredoc among paths", "COPY a <<E b /x/\nc\nE", [["a", "b"], [["E", "c\n"]], "/x/"]],
  ["1.7/10", "two heredocs", "COPY <<A <<B /x/\na\nA\nb\nB", [[], [["A", "a\n"], ["B", "b\n"]], "/x/"]],
  ["1.7/10", "ADD with a heredoc", "ADD <<E /x\na\nE", [[], [["E", "a\n"]], "/x"]],
  ["1.7/10", "a file descriptor does not matter", "COPY 3<<E /x\na\nE", [[], [["E", "a\n"]], "/x"]],
  ["1.7/2", "a blank in front of the delimiter", "COPY << E /x\na\nE", [[], [["E", "a\n"]], "/x"]],
  ["1.7/2", "a dash and a blank", "COPY <<- E /x\n\ta\n\tE", [[], [["E", "a\n"]], "/x"]],
  ["1.7/10", "two of one name are the last", "COPY <<E <<E /x/\na\nE\nb\nE", [[], [["E", "b\n"], ["E", "b\n"]], "/x/"]],
  ["1.7/10", "a heredoc as destination", "COPY a <<E\nb\nE", /the destination "<<E" is a heredoc/],
  ["1.7/10", "a heredoc that leads elsewhere", "COPY <<../e /x\na\n../e", /the heredoc "..\/e" is not a file name/],
  ["1.7/10", "a heredoc called like a directory", "COPY <<.. /x\na\n..", /the heredoc ".." is not a file name/],
  ["1.7/1", "JSON that looks like one is a path", 'COPY ["<<E", "/x"]', [["<<E"], [], "/x"]],
  ["1.7/11", "bodies are expanded", "ENV a=1\nCOPY <<E /x\n$a \"$a\" '\\$a'\nE", [[], [["E", "1 \"1\" '$a'\n"]], "/x"]],
  ["1.7/11", "quoted ones are not", "ENV a=1\nCOPY <<'E' /x\n$a \\$a\nE", [[], [["E", "$a \\$a\n"]], "/x"]],
  ["1.7/11", "a backslash and line end leaves the line end", "COPY <<E /x\na\\\nb\nE", [[], [["E", "a\nb\n"]], "/x"]],
  ["1.7/11", "tabs are stripped before", 'ENV a="\tx"\nCOPY <<-E /x\n\t$a\n\tE', [[], [["E", "\tx\n"]], "/x"]],
  ["1.3/4", "bodies escape with a backslash whatever the file says", "COPY <<E /x\n`\\$a\nE", [
    [],
    [["E", "`$a\n"]],
    "/x",
  ]],
  [
    "3.3",
    "COPY does not fetch",
    "COPY https://a/b /c",
    /Cannot copy "https:\/\/a\/b": COPY does not fetch \(use ADD\)/,
  ],
  ["3.3", "COPY does not clone", "COPY git@github.com:a/b.git /c", /COPY does not fetch/],
  ["2.1", "COPY does not fetch what a variable holds", "ENV u=http://a/b\nCOPY $u /c", /COPY does not fetch/],
];

testRows("COPY and ADD", SOURCES, (text): Shown => {
  const node = evaluateStage(text).nodes.at(-1) as CopyNode;
  return [node.sources, node.heredocs.map(({ name, content }) => [name, content]), node.destination];
});

const FLAGS: readonly Row<string, unknown>[] = [
  ["3.3", "none", "COPY a b", {}],
  ["3.3/13", "owner", "COPY --chown=a:b a b", { chown: "a:b" }],
  ["2.1", "owner expanded", "ENV o=5\nCOPY --chown=$o:$o a b", { chown: "5:5" }],
  ["3.3/13", "S32: an owner that overflows", "COPY --chown=4294967296 a b", /larger than the largest id/],
  ["3.3/13", "S32: a negative owner", "COPY --chown=-1 a b", /"-1" is not an id/],
  ["3.3/14", "mode", "COPY --chmod=0755 a b", { chmod: "0755" }],
  ["3.3/14", "symbolic mode", "COPY --chmod=u=rwX,go=rX a b", { chmod: "u=rwX,go=rX" }],
  ["2.1", "mode expanded", "ENV m=644\nCOPY --chmod=$m a b", { chmod: "644" }],
  ["3.3/14", "mode that is none", "COPY --chmod=rwx a b", /Cannot use the mode "rwx"/],
  ["3.3/14", "mode that is no octal number", "COPY --chmod=789 a b", /not an octal number from 0 to 07777/],
  ["3.3", "an empty flag counts as not given", "COPY --chown= --chmod= --from= a b", {}],
  ["3.3", "a flag that expands to nothing", "COPY --chown=$x a b", { chown: "" }],
  ["3.3", "from", "COPY --from=build a b", { from: "build" }],
  ["3.3", "from an index", "COPY --from=0 a b", { from: "0" }],
  [
    "2.1",
    "a variable in from",
    "ARG x=y\nCOPY --from=$x a b",
    /variables are not expanded in --from="\$x" \(write FROM/,
  ],
  ["2.1", "quotes in from", 'COPY --from=\\"x\\" a b', /variables are not expanded/],
  ["3.4", "ADD has no from", "ADD --from=x a b", /"--from" of ADD: there is no such flag/],
  ["3.4", "ADD has no parents", "ADD --parents a b", /"--parents" of ADD: there is no such flag/],
  ["3.3", "COPY has no checksum", "COPY --checksum=x a b", /"--checksum" of COPY: there is no such flag/],
  ["3.4", "ADD without unpacking", "ADD --unpack=false a b", { unpack: false }],
  ["3.4", "ADD without git directory", "ADD --keep-git-dir=false a b", { keepGitDir: false }],
  ["1.9/4", "a mistyped flag", "COPY --chwon=a b c", /did you mean --chown\?/],
];

testRows("COPY and ADD flags", FLAGS, (text) => {
  const { from, chown, chmod, unpack, keepGitDir } = evaluateStage(text).nodes.at(-1) as CopyNode;
  const flags = { from, chown, chmod, unpack, keepGitDir };
  return Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
});

Deno.test("COPY [3.3/14] reads an octal mode", () => {
  assert.equal(modeOf(evaluateStage("COPY --chmod=0750 a b").nodes[0] as CopyNode)?.octal, 0o750);
});

Deno.test("COPY [3.3/14] reads a symbolic mode", () => {
  assert.equal(modeOf(evaluateStage("COPY --chmod=a+x a b").nodes[0] as CopyNode)?.apply(0o644, false), 0o755);
});

const ORIGINS: readonly Row<string, readonly Origin[]>[] = [
  ["3.3", "the context", "COPY a b", [{ kind: "context" }]],
  ["3.3", "a stage, an index or an image", "COPY --from=0 a b", [{ kind: "named", name: "0", indexes: true }]],
  ["1.7/10", "nothing for heredocs alone", "COPY <<E /x\na\nE", []],
  ["1.7/10", "the context for heredocs and paths", "COPY <<E a /x/\na\nE", [{ kind: "context" }]],
];

testRows("COPY origins", ORIGINS, (text) => {
  const node = parseDockerfile(`FROM a\n${text}`, "Dockerfile").stages[0]?.nodes[0];
  return COPY.origins?.(node as CopyNode<"COPY">) ?? [];
});

const DESTINATIONS: readonly Row<readonly [string, string], string>[] = [
  ["3.3/4", "absolute", ["/a/b", "/w"], "/a/b"],
  ["3.3/4", "absolute with slash", ["/a/", "/w"], "/a/"],
  ["3.3/4", "absolute with dot", ["/a/.", "/w"], "/a/."],
  ["3.3/4", "relative", ["a", "/w"], "/w/a"],
  ["3.3/4", "relative with slash", ["a/", "/w"], "/w/a/"],
  ["3.3/4", "relative with dot", ["a/.", "/w"], "/w/a/"],
  ["3.3/4", "a dot is the working directory", [".", "/w"], "/w/"],
  ["3.3/4", "a dot with slash", ["./", "/w"], "/w/"],
  ["3.3/4", "nothing is the working directory", ["", "/w"], "/w/"],
  ["3.3/4", "upwards", ["../a", "/w/x"], "/w/a"],
  ["3.3/4", "upwards beyond the root", ["../../../a", "/w"], "/a"],
  ["3.3/4", "a dot in the root", [".", "/"], "/"],
  ["3.3/4", "without working directory", ["a", ""], "/a"],
  ["3.3/4", "a name that ends with a dot is a name", ["a.", "/w"], "/w/a."],
];

testRows("destinationPath()", DESTINATIONS, ([destination, directory]) => destinationPath(destination, directory));

const KINDS: readonly Row<string, string>[] = [
  ["3.4", "a path", "a/b", "path"],
  ["3.4", "a path with colons", "a:b", "path"],
  ["3.4", "an HTTP URL", "http://a/b.tar.gz", "http"],
  ["3.4", "an HTTPS URL", "https://a/b?c#d", "http"],
  ["3.4", "an HTTPS URL without path", "https://a", "http"],
  ["3.4", "a repository", "https://a/b.git", "git"],
  ["3.4", "a repository with ref", "https://a/b.git#main:dir", "git"],
  ["3.4", "a repository with query", "https://a/b.git?tag=v1", "git"],
  ["3.4", ".git in a query is no repository", "https://a/b?x=.git", "http"],
  ["3.4", "a host that ends with .git", "https://a.git", "http"],
  ["3.4", "the git protocol", "git://a/b", "git"],
  ["3.4", "ssh", "ssh://git@a/b", "git"],
  ["3.4", "the scp form", "git@github.com:a/b.git", "git"],
  ["3.4", "the scp form without user is a path", "github.com:a/b.git", "path"],
  ["3.4", "github.com without scheme is a path", "github.com/a/b", "path"],
  ["3.4", "a path that looks like scp", "./git@a:b", "path"],
  ["3.4", "another scheme", "ftp://a/b", "path"],
];

testRows("sourceKind()", KINDS, sourceKind);
