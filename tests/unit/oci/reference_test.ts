import assert from "node:assert/strict";
import { formatReference, parseReference } from "../../../lib/oci/reference.ts";
import { type Row, testRows } from "../../support/rows.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

/** As in a FROM, and in full. */
const REFERENCES: readonly Row<string, string>[] = [
  ["3.1/5", "a name is Docker Hub's, with the tag latest", "debian", "docker.io/library/debian:latest"],
  ["3.1/5", "a user's repository needs no library", "user/app:1", "docker.io/user/app:1"],
  ["3.1/5", "what has a dot is a registry", "example.com/app", "example.com/app:latest"],
  ["3.1/5", "what has a port is a registry", "registry:5000/a/b:t", "registry:5000/a/b:t"],
  ["3.1/5", "localhost is a registry", "localhost/app", "localhost/app:latest"],
  ["3.1/5", "Docker Hub's other name is its own", "index.docker.io/debian", "docker.io/library/debian:latest"],
  ["3.1/5", "with a digest there is no other tag", `debian@${DIGEST}`, `docker.io/library/debian@${DIGEST}`],
  ["3.1/5", "a tag and a digest are kept", `debian:12@${DIGEST}`, `docker.io/library/debian:12@${DIGEST}`],
  ["3.1/5", "upper case is a mistake in a repository", "Debian", /repository names are lower case: "debian"/],
  ["3.1/5", "upper case is right in a tag", "debian:Bookworm", "docker.io/library/debian:Bookworm"],
  ["3.1/5", "a digest has 64 digits", "debian@sha256:abc", /64 lower-case hex digits/],
  ["3.1/5", "a tag is not empty", "debian:", /the tag "" is not/],
];

testRows("parseReference()", REFERENCES, (text) => formatReference(parseReference(text)));

Deno.test("parseReference() [3.1/5] reads what formatReference() writes", () => {
  for (const [, , text, expected] of REFERENCES) {
    if (expected instanceof RegExp) continue;
    assert.deepEqual(parseReference(expected), parseReference(text));
  }
});
