/**
 * @module
 */
import { type GitSource, parseGitSource, withGitFlags } from "../../../../lib/dockerfile/values/git_source.ts";
import { redactSource } from "../../../../lib/instructions/remote_source.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const PLAIN: Omit<GitSource, "remote"> = { submodules: true, commitTime: false, fetchByCommit: false };
const URL = "https://h/r.git";
const SHA = "0123456789abcdef0123456789abcdef01234567";

const SOURCES: readonly Row<string, GitSource>[] = [
  ["3.4/2", "a URL", URL, { ...PLAIN, remote: URL }],
  ["3.4/2", "the scp form", "git@h:a/b.git#v1:c", { ...PLAIN, remote: "git@h:a/b.git", ref: "v1", subdirectory: "c" }],
  ["3.4/2", "a fragment", `${URL}#v1`, { ...PLAIN, remote: URL, ref: "v1" }],
  ["3.4/2", "a fragment with a subdirectory", `${URL}#v1:a/b`, {
    ...PLAIN,
    remote: URL,
    ref: "v1",
    subdirectory: "a/b",
  }],
  ["3.4/2", "a subdirectory alone", `${URL}#:a`, { ...PLAIN, remote: URL, subdirectory: "a" }],
  ["3.4/2", "an encoded fragment", `${URL}#a%2Fb:c%20d`, { ...PLAIN, remote: URL, ref: "a/b", subdirectory: "c d" }],
  ["3.4/2", "a commit as reference", `${URL}#${SHA}`, { ...PLAIN, remote: URL, ref: SHA }],
  ["3.4/2", "ref and subdir", `${URL}?ref=a&subdir=b`, { ...PLAIN, remote: URL, ref: "a", subdirectory: "b" }],
  ["3.4/2", "a tag", `${URL}?tag=v1`, { ...PLAIN, remote: URL, ref: "refs/tags/v1" }],
  ["3.4/2", "a whole tag", `${URL}?tag=refs/tags/v1`, { ...PLAIN, remote: URL, ref: "refs/tags/v1" }],
  ["3.4/2", "a branch", `${URL}?branch=a%2Fb`, { ...PLAIN, remote: URL, ref: "refs/heads/a/b" }],
  ["3.4/2", "a checksum", `${URL}?checksum=ABC1`, { ...PLAIN, remote: URL, checksum: "abc1" }],
  ["3.4/2", "a commit", `${URL}?commit=${SHA}`, { ...PLAIN, remote: URL, checksum: SHA }],
  ["3.4/2", "checksum and commit that agree", `${URL}?commit=ab&checksum=ab`, {
    ...PLAIN,
    remote: URL,
    checksum: "ab",
  }],
  ["3.4/2", "booleans without value", `${URL}?keep-git-dir&submodules&fetch-by-commit&commit=a`, {
    ...PLAIN,
    remote: URL,
    keepGitDir: true,
    fetchByCommit: true,
    checksum: "a",
  }],
  ["3.4/2", "booleans with value", `${URL}?keep-git-dir=0&submodules=false`, {
    ...PLAIN,
    remote: URL,
    keepGitDir: false,
    submodules: false,
  }],
  ["3.4/2", "the time of the commit", `${URL}?mtime=commit`, { ...PLAIN, remote: URL, commitTime: true }],
  ["3.4/2", "the time of the checkout", `${URL}?mtime=checkout`, { ...PLAIN, remote: URL }],
  ["3.4/2", "the same said twice", `${URL}?ref=a#a`, { ...PLAIN, remote: URL, ref: "a" }],
  ["3.4/2", "two references", `${URL}?ref=a#b`, /two references, in the fragment and in ref/],
  ["3.4/2", "a reference and a tag", `${URL}?ref=v1&tag=v1`, /two references, in ref and in tag/],
  ["3.4/2", "a tag and a branch", `${URL}?tag=v1&branch=v1`, /both a tag and a branch/],
  ["3.4/2", "two subdirectories", `${URL}?subdir=a#:b`, /two subdirectories/],
  ["3.4/2", "two commits", `${URL}?commit=a&checksum=b`, /two commits, in checksum and in commit/],
  ["3.4/2", "a key twice", `${URL}?ref=a&ref=a`, /"ref" stands twice/],
  ["3.4/2", "an unknown key", `${URL}?reff=a`, /"reff" is no key of its query \(did you mean ref\?\)/],
  ["3.4/2", "a text without value", `${URL}?ref`, /"ref" has no value/],
  ["3.4/2", "a text with an empty value", `${URL}?subdir=`, /"subdir" has no value/],
  ["3.4/2", "a boolean that is none", `${URL}?submodules=maybe`, /submodules="maybe" is neither true nor false/],
  ["3.4/2", "another time", `${URL}?mtime=now`, /mtime="now" is neither checkout nor commit/],
  ["3.4/2", "a checksum that is none", `${URL}?checksum=xyz`, /"xyz" is not the beginning of a commit/],
  ["3.4/2", "a commit to fetch without one", `${URL}?fetch-by-commit=true`, /fetch-by-commit needs a checksum/],
  ["3.4/2", "broken encoding", `${URL}?ref=%zz`, /percent-encoding is wrong/],
  ["3.4/2", "a semicolon", `${URL}?ref=a;tag=b`, /has a ";"/],
];

testRows("parseGitSource()", SOURCES, parseGitSource);

const FLAGS: readonly Row<readonly [string, { checksum?: string; keepGitDir?: boolean }], Partial<GitSource>>[] = [
  ["3.4/2", "a flag alone", [URL, { checksum: "AB", keepGitDir: true }], { checksum: "ab", keepGitDir: true }],
  ["3.4/2", "a query alone", [`${URL}?keep-git-dir&checksum=ab`, {}], { checksum: "ab", keepGitDir: true }],
  ["3.4/2", "both the same", [`${URL}?keep-git-dir=false`, { keepGitDir: false }], { keepGitDir: false }],
  [
    "3.4/2",
    "other digits",
    [`${URL}?checksum=ab`, { checksum: "abc" }],
    /--checksum and the checksum of the URL differ/,
  ],
  ["3.4/2", "the opposite", [`${URL}?keep-git-dir`, { keepGitDir: false }], /--keep-git-dir and the keep-git-dir/],
];

testRows("withGitFlags()", FLAGS, ([text, flags]) => {
  const { checksum, keepGitDir } = withGitFlags(parseGitSource(text), flags);
  return { ...(checksum === undefined ? {} : { checksum }), ...(keepGitDir === undefined ? {} : { keepGitDir }) };
});

const REDACTED: readonly Row<string, string>[] = [
  ["3.0", "a URL without user", "https://h/x?a=b", "https://h/x?a=b"],
  ["3.0", "a user and a password", "https://u:p@h/x", "https://xxxxx:xxxxx@h/x"],
  ["3.0", "a token", "https://tok@h/x.git#main", "https://xxxxx@h/x.git#main"],
  ["3.0", "a password with an @", "https://u:p@q@h/x", "https://xxxxx:xxxxx@h/x"],
  ["3.0", "the user of ssh", "ssh://git@h/x", "ssh://git@h/x"],
  ["3.0", "a password of ssh", "ssh://git:p@h/x", "ssh://xxxxx:xxxxx@h/x"],
  ["3.0", "the scp form", "git@h:x", "git@h:x"],
  ["3.0", "an @ in the path", "https://h/a@b", "https://h/a@b"],
  ["3.0", "a path", "a://u:p@h", "a://u:p@h"],
];

testRows("redactSource()", REDACTED, redactSource);
