import assert from "node:assert/strict";
import { parseConfig } from "../../../lib/git/config_file.ts";
import { parseSubmodules } from "../../../lib/git/submodules.ts";
import { run } from "../../support/environment/command.ts";
import { gitEnvironment } from "../../support/git_repository.ts";

const TEXT = String.raw`# a comment
[core] ; another
	bare
	Mixed = Value
[submodule "a \"quoted\" \\ name"]
	path = some/where   # comment
	url = "https://h/x#y;z"   ; comment
	spaced = " kept " and   inner  blanks
	escaped = a\tb\"c\\d
	continued = one \
two
	empty =
[section.sub "X"]key=on the same line
`;

Deno.test("parseConfig(), reads what git config reads", async () => {
  const file = await Deno.makeTempFile({ prefix: "kiln-config-" });
  try {
    await Deno.writeTextFile(file, TEXT);
    const { stdout } = await run(["git", "config", "-f", file, "-l", "-z"], { env: gitEnvironment() });
    const expected = stdout.split("\0").filter((line) => line !== "");
    const found = parseConfig(TEXT)?.map(({ section, subsection, key, value }) => {
      const name = `${section}${subsection === "" ? "" : `.${subsection}`}.${key}`;
      // A key without a value has none for git.
      return key === "bare" ? name : `${name}\n${value}`;
    });
    assert.deepEqual(found, expected);
  } finally {
    await Deno.remove(file);
  }
});

for (
  const text of [
    "key = before any section",
    "[a",
    '[a "b]',
    "[a]\n= x",
    '[a]\nk = "open',
    "[a]\nk = \\q",
    "[a]\n1k = x",
  ]
) {
  Deno.test(`parseConfig(), refuses ${JSON.stringify(text)}`, () => assert.equal(parseConfig(text), undefined));
}

Deno.test("parseSubmodules(), reads path, URL and update, the first of each", () => {
  const text = '[submodule "x"]\npath = a/b/\nurl = ../x\nurl = ../evil\n[submodule "y"]\npath=c\nurl=u\nupdate=none\n';
  assert.deepEqual(parseSubmodules(text), [
    { name: "x", path: "a/b", url: "../x", skipped: false },
    { name: "y", path: "c", url: "u", skipped: true },
  ]);
});

for (
  const [what, text, found] of [
    ["a name that leads out", '[submodule "../../.git/hooks"]\npath=a\nurl=b', /leads out$/],
    ["a URL that is an option", '[submodule "x"]\npath=a\nurl=-u./x', /looks like an option$/],
    ["a path that is an option", '[submodule "x"]\npath=-a\nurl=b', /looks like an option$/],
    ["a path with a CR at its end", '[submodule "x"]\npath="a\r"\nurl=b', /control characters in it$/],
  ] as const
) {
  Deno.test(`S47 .gitmodules with ${what}, is refused`, () => {
    assert.throws(() => parseSubmodules(text), found);
  });
}
