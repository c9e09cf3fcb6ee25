/**
 * @module
 */
import assert from "node:assert/strict";
import { COMMANDS } from "../../../lib/cli/commands.ts";
import type { FlagStatus, FlagTable } from "../../../lib/cli/flag.ts";
import { FLAGS } from "../../../lib/cli/flags.ts";
import { parseCommandLine } from "../../../lib/cli/command_line.ts";
import { formatFlagDocs } from "../../../scripts/docs/flag_page.ts";
import { formatKanikoTable, withKanikoTable } from "../../../scripts/docs/kaniko_table.ts";
import { fakeHost } from "./fake_host.ts";
import { assertThrows } from "./throws.ts";

const TABLE: FlagTable = FLAGS;

/** Every flag of kaniko's executor (kaniko.md 1.2), with its letter, kind and the status it has here. */
const KANIKO: Readonly<Record<string, readonly [status: FlagStatus, kind: string, short?: string]>> = {
  "verbosity": ["supported", "choice", "v"],
  "log-format": ["supported", "choice"],
  "log-timestamp": ["supported", "bool"],
  "force": ["supported", "bool"],
  "dockerfile": ["supported", "string", "f"],
  "context": ["supported", "string", "c"],
  "context-sub-path": ["supported", "string"],
  "bucket": ["supported", "string", "b"],
  "destination": ["supported", "list", "d"],
  "snapshot-mode": ["accepted", "choice"],
  "custom-platform": ["supported", "string"],
  "build-arg": ["supported", "list"],
  "image-fs-extract-retry": ["later", "integer"],
  "kaniko-dir": ["supported", "string"],
  "tar-path": ["supported", "string"],
  "single-snapshot": ["supported", "bool"],
  "reproducible": ["supported", "bool"],
  "target": ["supported", "comma list"],
  "no-push": ["supported", "bool"],
  "no-push-cache": ["later", "bool"],
  "cache-repo": ["later", "string"],
  "cache-dir": ["later", "string"],
  "digest-file": ["supported", "string"],
  "image-name-with-digest-file": ["supported", "string"],
  "image-name-tag-with-digest-file": ["supported", "string"],
  "oci-layout-path": ["supported", "string"],
  "compression": ["supported", "choice"],
  "image-format": ["supported", "choice"],
  "compression-level": ["supported", "integer"],
  "cache": ["later", "bool"],
  "compressed-caching": ["accepted", "bool"],
  "pre-cleanup": ["accepted", "bool"],
  "cleanup": ["accepted", "bool"],
  "cache-ttl": ["later", "duration"],
  "ignore-var-run": ["accepted", "bool"],
  "label": ["supported", "list"],
  "use-new-run": ["accepted", "bool"],
  "git": ["supported", "list"],
  "cache-copy-layers": ["later", "bool"],
  "cache-run-layers": ["later", "bool"],
  "ignore-path": ["supported", "list"],
  "skip-push-permission-check": ["supported", "bool"],
  "annotation": ["supported", "key=value"],
  "preserve-context": ["accepted", "bool"],
  "materialize": ["later", "bool"],
  "secret": ["supported", "list"],
  "dryrun": ["supported", "bool"],
  "insecure": ["supported", "bool"],
  "skip-tls-verify": ["later", "bool"],
  "insecure-pull": ["supported", "bool"],
  "skip-tls-verify-pull": ["later", "bool"],
  "push-retry": ["later", "integer"],
  "push-ignore-immutable-tag-errors": ["later", "bool"],
  "image-download-retry": ["later", "integer"],
  "insecure-registry": ["supported", "list"],
  "skip-tls-verify-registry": ["later", "list"],
  "registry-certificate": ["later", "key=value"],
  "registry-client-cert": ["later", "key=value"],
  "registry-map": ["later", "list"],
  "registry-mirror": ["later", "list"],
  "skip-default-registry-fallback": ["later", "bool"],
  "credential-helpers": ["later", "list"],
  "force-build-metadata": ["accepted", "bool"],
  "skip-unused-stages": ["accepted", "bool"],
};

Deno.test("FLAGS, has every flag of kaniko in its kind, and says what became of it", () => {
  const rows = Object.keys(KANIKO).map((name) => {
    const { status, kind, short } = TABLE[name] ?? {};
    return [name, short === undefined ? [status ?? "supported", kind] : [status ?? "supported", kind, short]];
  });
  assert.deepEqual(Object.fromEntries(rows), KANIKO);
});

Deno.test("FLAGS, has besides kaniko's only flags that are marked as Kiln's own, and help", () => {
  const others = Object.entries(TABLE).filter(([name]) => !Object.hasOwn(KANIKO, name));
  assert.deepEqual(others.filter(([, { own }]) => !own).map(([name]) => name), ["help"]);
});

Deno.test("FLAGS, has no letter and no old name twice, and none that is another flag", () => {
  const all = Object.entries(TABLE);
  const letters = all.flatMap(([, { short }]) => short === undefined ? [] : [short]);
  const names = all.flatMap(([name, { aliases }]) => [name, ...aliases ?? []]);
  assert.equal(new Set(letters).size, letters.length);
  assert.equal(new Set(names).size, names.length);
});

const OLD_NAMES: readonly (readonly [arg: string, flag: keyof typeof FLAGS, value: unknown])[] = [
  ["--snapshotMode=redo", "snapshot-mode", "redo"],
  ["--customPlatform=linux/arm64", "custom-platform", "linux/arm64"],
  ["--tarPath=x.tar", "tar-path", "x.tar"],
  ["--whitelist-var-run=false", "ignore-var-run", false],
  ["--force-build-metadata", "force-build-metadata", true],
  ["--skip-unused-stages=false", "skip-unused-stages", false],
];
for (const [arg, flag, value] of OLD_NAMES) {
  Deno.test(`FLAGS, reads kaniko's deprecated ${arg} with a warning`, () => {
    const invocation = parseCommandLine([arg], fakeHost());
    assert.ok(invocation.command === "build");
    assert.equal(invocation.flags[flag], value);
    assert.equal(invocation.notices.filter(({ level }) => level === "warn").length, 1);
  });
}

for (const [name, { status, kind }] of Object.entries(TABLE)) {
  if (status !== "later") continue;
  Deno.test(`FLAGS, refuses --${name} by name`, () => {
    const values: Readonly<Record<string, string>> = { "integer": "2", "duration": "1h", "bool": "true" };
    const value = values[kind] ?? "a=b";
    assertThrows(() => parseCommandLine([`--${name}=${value}`], fakeHost()), {
      message: `Cannot use --${name}: Kiln does not support it yet`,
    });
  });
}

Deno.test("FLAGS, reads the command line that kaniko's documentation shows", () => {
  const args = "--context=. --destination x --destination=y -d z --cache=false --no-push --build-arg A=1,2 " +
    "--skip-tls-verify=false --compressed-caching=true --snapshot-mode redo --use-new-run -v debug --single-snapshot";
  const invocation = parseCommandLine(args.split(" "), fakeHost());
  assert.ok(invocation.command === "build");
  const { flags } = invocation;
  assert.deepEqual(
    [flags.context, flags.destination, flags.cache, flags["no-push"], flags["build-arg"], flags.verbosity],
    [".", ["x", "y", "z"], false, true, ["A=1,2"], "debug"],
  );
});

Deno.test("docs/flags.md, is what the flag table says", async () => {
  const written = await Deno.readTextFile(new URL("../../../docs/flags.md", import.meta.url));
  assert.ok(written === formatFlagDocs(), 'docs/flags.md has drifted from lib/cli/flags.ts: run "deno task docs"');
});

Deno.test("docs/flags.md, names every flag, old name, command and variable", () => {
  const docs = formatFlagDocs();
  for (const [name, { aliases = [], environment }] of Object.entries(TABLE)) {
    for (const each of [`--${name}`, ...aliases.map((alias) => `--${alias}`), environment?.name ?? name]) {
      assert.ok(docs.includes(each), each);
    }
  }
  for (const { name } of COMMANDS) assert.ok(docs.includes(`executor ${name}`), name);
});

Deno.test("docs/flags.md, has rows of as many cells as the table they stand in", () => {
  for (const table of formatFlagDocs().split(/\n\n/).filter((block) => block.startsWith("| "))) {
    const cells = table.trimEnd().split("\n").map((row) => row.replaceAll("\\|", "").split("|").length);
    assert.equal(new Set(cells).size, 1, table);
  }
});

const CELLS: Readonly<Record<FlagStatus, string>> = {
  supported: "supported",
  accepted: "always on",
  later: "refused",
};

Deno.test("docs/coming-from-kaniko.md, has the table that the flag table gives", async () => {
  const written = await Deno.readTextFile(new URL("../../../docs/coming-from-kaniko.md", import.meta.url));
  assert.ok(
    written === withKanikoTable(written),
    'docs/coming-from-kaniko.md has drifted from lib/cli/flags.ts: run "deno task docs"',
  );
});

Deno.test("docs/coming-from-kaniko.md, says of every flag of kaniko what became of it, and why it is refused", () => {
  const rows = new Map(
    formatKanikoTable().split("\n").map((row) => {
      const [, flag = "", status = "", note = ""] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
      return [/^`--([a-z-]+)`/.exec(flag)?.[1], { status, note }];
    }),
  );
  for (const [name, [status]] of Object.entries(KANIKO)) {
    assert.equal(rows.get(name)?.status, CELLS[status], name);
    if (status !== "supported") assert.match(rows.get(name)?.note ?? "", /^[^.]+\. \S|^[^.]{20,}\.$/, name);
  }
});
