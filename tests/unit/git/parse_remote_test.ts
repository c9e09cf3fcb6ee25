import assert from "node:assert/strict";
import { KilnError } from "../../../lib/errors.ts";
import { parseRemote } from "../../../lib/git/parse_remote.ts";
import { type GitRemote, nameOfRemote } from "../../../lib/git/remote.ts";

const HTTP: GitRemote = { kind: "http", url: new URL("https://example.com/group/app.git") };
const SSH: GitRemote = { kind: "ssh", user: "git", host: "example.com", path: "group/app.git" };

for (
  const [text, parent, expected] of [
    ["https://user:secret@h/x.git#frag", HTTP, "https://h/x.git"],
    ["git://h/x.git", HTTP, "https://h/x.git"],
    ["../lib.git", HTTP, "https://example.com/group/lib.git"],
    ["../../other/lib", HTTP, "https://example.com/other/lib"],
    ["./sub", HTTP, "https://example.com/group/app.git/sub"],
    ["../lib.git", SSH, "ssh://git@example.com/group/lib.git"],
    ["ssh://git@h:2222/a%20b", HTTP, "ssh://git@h:2222/a b"],
    ["git@h:o/r.git", HTTP, "ssh://git@h/o/r.git"],
    ["h:o/r.git", HTTP, "ssh://h/o/r.git"],
  ] as const
) {
  Deno.test(`parseRemote(), reads "${text}" below ${nameOfRemote(parent)}`, () => {
    assert.equal(nameOfRemote(parseRemote(text, parent)), expected);
  });
}

for (
  const text of [
    "file:///etc",
    "/etc",
    "ext::sh -c touch",
    "../../../x",
    "../../../../etc/passwd",
    "ssh://-oProxyCommand=x/y",
    "ssh://-l@h/y",
    "-oProxyCommand=x:y",
    "ftp://h/x",
    "https://",
    "ssh://h",
    "user@h:-x",
    "ssh://h/a%0ab",
  ]
) {
  Deno.test(`S46 parseRemote(), refuses "${text}"`, () => {
    assert.throws(() => parseRemote(text, HTTP), (error) => error instanceof KilnError && error.kind === "context");
  });
}
