/**
 * Random changes to small trees, for property tests: few names, so that changes meet.
 *
 * @module
 */
import fc from "./fast_check.ts";
import type { Operation } from "./disk.ts";
import { block, character, dir, fifo, file, socket, symlink, type TreeMeta, type TreeNode } from "./tree.ts";

/** "a", "a-" and "a.b" sort differently as names and as the beginnings of paths; one name is not UTF-8. */
const name = fc.constantFrom("a", "b", "a-", "a.b", "caf\xe9");

const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));

const time = fc.constantFrom("1600000000.000000001", "1600000000.000000000", "1234567890.999999999", "-1.500000000");

const content = fc.constantFrom("", "x", "hello", "world", "0123456789".repeat(100));

/** CAP_NET_RAW, permitted and effective. */
const CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

const xattr = fc.constantFrom<readonly [string, string]>(
  ["trusted.test", "\xff\x00"],
  ["trusted.test", "other"],
  ["security.capability", CAPABILITY],
);

const meta: fc.Arbitrary<TreeMeta> = fc.record({
  mode: fc.constantFrom(0o644, 0o600, 0o755, 0o4755, 0o2775, 0o1777, 0),
  uid: fc.constantFrom(0, 1000, 4294967294),
  gid: fc.constantFrom(0, 50),
  mtime: time,
}, { requiredKeys: [] });

const node: fc.Arbitrary<Exclude<TreeNode, { type: "link" }>> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(content, meta).map(([text, own]) => plain(file(text, own))) },
  { weight: 5, arbitrary: meta.map((own) => plain(dir(own))) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("a", "../b", "/a/b", "nowhere"), meta).map(([to, own]) =>
      plain(symlink(to, own))
    ),
  },
  { weight: 1, arbitrary: meta.map((own) => plain(character(1, 3, own))) },
  { weight: 1, arbitrary: meta.map((own) => plain(block(7, 300, own))) },
  { weight: 1, arbitrary: meta.map((own) => plain(fifo(own))) },
  { weight: 1, arbitrary: meta.map((own) => plain(socket(own))) },
);

function plain(made: TreeNode): Exclude<TreeNode, { type: "link" }> {
  if (made.type === "link") throw new Error("not a node of its own");
  return made;
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("make" as const), path, node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("replace" as const), path, node }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), path }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("link" as const), path, to: path }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("rename" as const), path, to: path }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("chmod" as const), path, mode: fc.constantFrom(0o700, 0o2711) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("chown" as const), path, uid: fc.constantFrom(0, 7), gid: fc.constant(7) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rechown" as const), path }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("touch" as const), path, mtime: time }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("write" as const), path, content }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("rewrite" as const), path, bytes: fc.constantFrom("x", "0123456789", "y") }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(path, xattr).map(([to, [key, value]]) => ({ do: "setxattr" as const, path: to, key, value })),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("removexattr" as const), path, key: fc.constant("trusted.test") }),
  },
);

/** What one command does. Many of the operations are not possible when their turn comes. */
export const someChanges: fc.Arbitrary<readonly Operation[]> = fc.array(operation, { minLength: 1, maxLength: 25 });

const DEEDS = ["rename", "rename", "rename", "renameOver", "link", "remove", "write"] as const;

/**
 * One command gives a file names in several directories; a later one moves, removes or replaces some of them and writes
 * through others. Chance alone hardly ever does that.
 */
const linkStory: fc.Arbitrary<readonly [readonly Operation[], readonly Operation[]]> = fc.record({
  node: fc.oneof({ weight: 3, arbitrary: content.map((text) => plain(file(text))) }, { weight: 1, arbitrary: node }),
  names: fc.uniqueArray(path, { minLength: 2, maxLength: 4 }),
  deeds: fc.array(fc.tuple(fc.nat(3), fc.nat(3), path, content, fc.constantFrom(...DEEDS)), {
    minLength: 2,
    maxLength: 5,
  }),
}).map(({ node, names, deeds }) => {
  const parents = (of: string): readonly Operation[] =>
    of.split("/").slice(0, -1).map((_, at, parts) => makeDirectory(parts.slice(0, at + 1).join("/")));
  const first = names[0] ?? "a";
  const before = [
    ...names.flatMap(parents),
    { do: "make" as const, path: first, node },
    ...names.slice(1).map((to) => ({ do: "link" as const, path: first, to })),
  ];
  const after = deeds.flatMap(([one, other, free, text, deed]): readonly Operation[] => {
    const name = names[one % names.length] ?? first;
    const to = deed === "renameOver" ? names[other % names.length] ?? first : free;
    if (deed === "remove") return [{ do: "remove", path: name }];
    if (deed === "write") return [{ do: "write", path: name, content: text }];
    const move: Operation = { do: deed === "link" ? "link" : "rename", path: name, to };
    const write: Operation = { do: "write", path: to, content: text };
    return [...parents(to), move, ...(one === other ? [] : [write])];
  });
  return [before, after];
});

function makeDirectory(path: string): Operation {
  return { do: "make", path, node: plain(dir()) };
}

/** What several commands do, one after the other. */
export const someSteps: fc.Arbitrary<readonly (readonly Operation[])[]> = fc.record({
  steps: fc.array(someChanges, { minLength: 2, maxLength: 4 }),
  stories: fc.array(fc.record({ story: linkStory, at: fc.nat(2) }), { maxLength: 2 }),
}).map(({ steps, stories }) =>
  steps.map((own, step) => {
    const begun = stories.filter(({ at }) => at === step).flatMap(({ story }) => story[0]);
    const ended = stories.filter(({ at }) => at === step - 1).flatMap(({ story }) => story[1]);
    return [...ended, ...own, ...begun];
  })
);
