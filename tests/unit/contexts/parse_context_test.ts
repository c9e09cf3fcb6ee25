/**
 * @module
 */
import assert from "node:assert/strict";
import { parseContext } from "../../../lib/contexts/parse_context.ts";
import { KilnError } from "../../../lib/errors.ts";

const GIT = { singleBranch: false, depth: 0, recurseSubmodules: false, insecureSkipTls: false };

function parse(text: string, gitPullMethod = ""): Record<string, unknown> {
  const { ...location } = parseContext(text, { cwd: "/here", git: GIT, gitPullMethod });
  // URLs compare by what they are made of, not by what they say.
  return Object.fromEntries(
    Object.entries(location).map(([key, value]) => [key, value instanceof URL ? value.href : value]),
  );
}

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const DIGEST = `sha256:${"ab".repeat(32)}`;

const LOCATIONS: readonly (readonly [text: string, location: Record<string, unknown>])[] = [
  ["dir:///workspace", { kind: "directory", path: "/workspace" }],
  ["tar://x.tar.gz", { kind: "archive", path: "/here/x.tar.gz" }],
  ["tar:///abs/x.tar", { kind: "archive", path: "/abs/x.tar" }],
  ["tar://stdin", { kind: "stdin" }],
  ["tar://./stdin", { kind: "archive", path: "/here/stdin" }],
  ["s3://bucket", { kind: "s3", bucket: "bucket", key: "context.tar.gz" }],
  ["s3://bucket/", { kind: "s3", bucket: "bucket", key: "context.tar.gz" }],
  ["s3://bucket/a/b c%20.tar", { kind: "s3", bucket: "bucket", key: "a/b c%20.tar" }],
  ["gs://bucket/folder/", { kind: "gcs", bucket: "bucket", key: "folder/" }],
  ["https://h:8443/a.tar?x=y", { kind: "http", url: "https://h:8443/a.tar?x=y" }],
  ["HTTP://u:p@h/a", { kind: "http", url: "http://u:p@h/a" }],
  [
    "https://acct1.blob.core.windows.net/box/a/b%20c.tar?sv=1&sig=x",
    {
      kind: "azure",
      account: "acct1",
      endpoint: "https://acct1.blob.core.windows.net",
      container: "box",
      path: "a/b c.tar",
      query: "?sv=1&sig=x",
    },
  ],
  [
    "https://acct1.blob.core.chinacloudapi.cn/box/a",
    {
      kind: "azure",
      account: "acct1",
      endpoint: "https://acct1.blob.core.chinacloudapi.cn",
      container: "box",
      path: "a",
      query: "",
    },
  ],
  ["https://evil.example/acct.blob.core.windows.net/x", {
    kind: "http",
    url: "https://evil.example/acct.blob.core.windows.net/x",
  }],
  ["git://github.com/o/r", { kind: "git", url: "https://github.com/o/r", options: GIT }],
  ["git://u:tok@h/r.git#main", { kind: "git", url: "https://u:tok@h/r.git", ref: "main", options: GIT }],
  ["git://h/r#refs/pull/1/head", { kind: "git", url: "https://h/r", ref: "refs/pull/1/head", options: GIT }],
  [`git://h/r#main#${COMMIT}`, { kind: "git", url: "https://h/r", ref: "main", commit: COMMIT, options: GIT }],
  [`git://h/r##${COMMIT.toUpperCase()}`, { kind: "git", url: "https://h/r", commit: COMMIT, options: GIT }],
  ["https://h/r.git#v1:a//b/./c/", {
    kind: "git",
    url: "https://h/r.git",
    ref: "v1",
    subdirectory: "a/b/c",
    options: GIT,
  }],
  ["https://h/r.git#:sub", { kind: "git", url: "https://h/r.git", subdirectory: "sub", options: GIT }],
  ["http://h/r.git", { kind: "git", url: "http://h/r.git", options: GIT }],
  ["ssh://git@h:2222/o/r#x", { kind: "git", url: "ssh://git@h:2222/o/r", ref: "x", options: GIT }],
  ["git@github.com:o/r.git#x:d", {
    kind: "git",
    url: "ssh://git@github.com/o/r.git",
    scpStyle: true,
    ref: "x",
    subdirectory: "d",
    options: GIT,
  }],
  ["oci://Reg.example:5000/a/b:1", {
    kind: "image",
    reference: { registry: "reg.example:5000", repository: "a/b", tag: "1" },
  }],
  ["oci-layout://lay", { kind: "layout", path: "/here/lay" }],
  [`oci-layout:///a:b/lay:v1@${DIGEST}`, { kind: "layout", path: "/a:b/lay", tag: "v1", digest: DIGEST }],
];
for (const [text, location] of LOCATIONS) {
  Deno.test(`parseContext(), reads "${text}"`, () => assert.deepEqual(parse(text), location));
}

Deno.test("parseContext(), takes GIT_PULL_METHOD for git:// alone", () => {
  assert.equal(parse("git://h/r", "http")["url"], "http://h/r");
  assert.equal(parse("https://h/r.git", "http")["url"], "https://h/r.git");
  assert.throws(() => parse("git://h/r", "ftp"), {
    message: 'Cannot use GIT_PULL_METHOD "ftp": it is neither https nor http',
  });
});

const REFUSED: readonly (readonly [text: string, why: RegExp])[] = [
  ["", /names no directory/],
  ["dir://", /names no directory/],
  ["tar://", /names no file/],
  ["s3://", /names no bucket/],
  ["gs:///object", /names no bucket/],
  ["ftp://secret@h/x", /no such kind of context/],
  ["file:///etc", /no such kind of context/],
  ["https://", /not a URL/],
  ["https://h/secret.tar#part", /no fragment/],
  ["https://acct1.blob.core.windows.net/", /names no container/],
  ["https://acct1.blob.core.windows.net/box", /names no blob/],
  ["https://u:secret@acct1.blob.core.windows.net/box/x", /no user and password/],
  ["git://", /not a URL/],
  ["git://h", /names no repository/],
  ["git://secret@h/r#a#b", /its commit is not 40 or 64 hexadecimal digits/],
  [`git://h/r#a#${COMMIT}#c`, /more than two/],
  ["git://h/r#main:../secret", /"\.\." in it/],
  ["git://h/r#:a/../../b", /"\.\." in it/],
  ["git://h/r#--upload-pack=secret", /not one that git allows/],
  ["git://h/r?private_token=secret#main", /a repository has no "\?"/],
  ["https://h/r.git?private_token=secret", /a repository has no "\?"/],
  ["git://h/r#a b", /not one that git allows/],
  ["git://h/r#a\nb", /not one that git allows/],
  ["git://h/r#a..b", /not one that git allows/],
  ["git://h/r#x.lock", /not one that git allows/],
  ["ssh://-oProxyCommand=x/r", /begins with "-"|not a URL/],
  ["oci://", /names no image/],
  ["oci-layout://:v1", /names no directory/],
  ["oci-layout://d:", /no tag follows/],
  ["oci-layout://d@sha256:1", /64 lower-case hex digits/],
];
for (const [text, why] of REFUSED) {
  Deno.test(`parseContext(), refuses ${JSON.stringify(text)} and shows nothing secret`, () => {
    assert.throws(() => parse(text), (error) => {
      assert.ok(error instanceof KilnError);
      assert.equal(error.kind, "usage");
      assert.match(error.message, why);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  });
}

const MEANT: readonly (readonly [text: string, hint: RegExp | undefined])[] = [
  ["-", /tar:\/\/stdin/],
  ["tar:c.tar", /tar:\/\/$/],
  ["https:/h/x", /https:\/\/$/],
  ["github.com/o/r", /git:\/\/HOST/],
  ["h/r.git#main", /git:\/\/HOST/],
  ["c.tar.gz", /tar:\/\/FILE/],
  ["c.tgz", /tar:\/\/FILE/],
  ["docker", undefined],
  ["./git", undefined],
];
for (const [text, hint] of MEANT) {
  Deno.test(`parseContext(), knows what ${JSON.stringify(text)} may be meant as`, () => {
    const location = parse(text);
    assert.equal(location["kind"], "directory");
    if (hint === undefined) assert.ok(!("hint" in location));
    else assert.match(String(location["hint"]), hint);
  });
}

Deno.test("parseContext(), names the kind that another name stands for", () => {
  const hintOf = (text: string): string | undefined => {
    try {
      parse(text);
    } catch (error) {
      if (error instanceof KilnError) return error.hint;
    }
    return undefined;
  };
  assert.equal(hintOf("gcs://b/o"), "Google Cloud Storage is gs://BUCKET/OBJECT");
  assert.equal(hintOf("docker-image://debian"), "an image is oci://IMAGE");
  assert.match(hintOf("what://debian") ?? "", /^one of dir:\/\/, .*, oci:\/\/ and oci-layout:\/\/$/);
});
