/**
 * @module
 */
import assert from "node:assert/strict";
import { scrubCredentials } from "../../../lib/report/scrub.ts";

const HIDDEN: readonly (readonly [name: string, text: string, scrubbed: string])[] = [
  ["a password in a URL", "GET https://user:pa55@reg.example/v2/", "GET https://****@reg.example/v2/"],
  ["a token in a URL", "clone git://ghp_abc@github.com/o/r", "clone git://****@github.com/o/r"],
  ["an @ inside a password", "https://u:p@ss@host/x", "https://****@host/x"],
  ["a password in a URL that lacks a slash", 'no "/w/https:/user:pa55@host/x"', 'no "/w/https:/****@host/x"'],
  ["a token in a URL that lacks a slash", "no https:/ghp_abc@github.com/o/r", "no https:/****@github.com/o/r"],
  ["a password in a URL that lacks its scheme", 'no "/w/user:pa55@host/x"', 'no "/w/user:****@host/x"'],
  ["a password before a registry", 'parse "user:pa55@127.0.0.1:1/x"', 'parse "user:****@127.0.0.1:1/x"'],
  ["a Basic header", "authorization: Basic dXNlcjpwYXNz", "authorization: ****"],
  ["a Bearer header in JSON", '{"Authorization":"Bearer abc.def.ghi"}', '{"Authorization":"****"}'],
  ["a proxy's header", "Proxy-Authorization: Basic dXNlcjpwYXNz", "Proxy-Authorization: ****"],
  ["a signed AWS header", "Authorization: AWS4-HMAC-SHA256 Credential=A/B, Signature=c", "Authorization: ****"],
  ["a scheme and a token alone", "sent Bearer eyJhbGciOiJSUzI1NiJ9.e30.sig", "sent Bearer ****"],
  ["a cookie", "Set-Cookie: session=abc; HttpOnly", "Set-Cookie: ****"],
  [
    "a presigned S3 URL",
    "https://b.s3/x?X-Amz-Credential=AKIA%2Fx&X-Amz-Date=1&X-Amz-Signature=ab12",
    "https://b.s3/x?X-Amz-Credential=****&X-Amz-Date=1&X-Amz-Signature=****",
  ],
  ["a presigned GCS URL", "https://s/x?X-Goog-Signature=ab12", "https://s/x?X-Goog-Signature=****"],
  ["an Azure SAS", "https://a.blob/x?sv=2020&sig=ab%2Bc%3D", "https://a.blob/x?sv=2020&sig=****"],
  ["a token in a query", "https://auth/token?scope=a&access_token=x", "https://auth/token?scope=a&access_token=****"],
];
for (const [name, text, scrubbed] of HIDDEN) {
  Deno.test(`scrubCredentials(), hides ${name}`, () => assert.equal(scrubCredentials(text), scrubbed));
}

const KEPT: readonly string[] = [
  "Pushed docker.io/library/debian@sha256:aaaa",
  "from docker-image://debian:12@sha256:aaaa",
  "Cannot push: the registry answers 401 with a Bearer challenge",
  "authorization: denied",
  "https://registry.example:5000/v2/a/b/blobs/uploads/?digest=sha256:aa",
  "send mail to a@example.com",
  "RUN curl https://example.com/a@b",
  "ssh://git@github.com/o/r",
  "git@github.com:o/r.git",
  "127.0.0.1:5000/library/debian:12@sha256:aaaa",
  "oci-layout://w/dir:tag@sha256:aaaa",
  "Mail: a:b @c",
];
for (const text of KEPT) {
  Deno.test(`scrubCredentials(), keeps ${JSON.stringify(text)}`, () => assert.equal(scrubCredentials(text), text));
}
