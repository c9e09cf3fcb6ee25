/**
 * Hiding credentials that no one declared as secrets, by their shape: user names and passwords in URLs, the values of
 * authorization and cookie headers, the signatures of presigned URLs (attack S67).
 *
 * A second line of defence for our own messages. Code that logs a request is expected to leave credentials out; this
 * catches the URL that a user pasted with a token in it and an error text from a library. RUN output is not scrubbed:
 * it is the user's own, and only declared secrets are hidden in it.
 *
 * @module
 */
import { MASK } from "./redactor.ts";

const PATTERNS: readonly RegExp[] = [
  // URL userinfo: https://user:token@host, git://token@host. Up to the last "@" of the authority, as URL parsers do.
  // Not docker-image://debian:12@sha256:..., nor the user of every git server. One slash may be missing.
  /(?<=[a-z][a-z0-9+.-]*:\/\/?)(?!git@)[^\s/?#"'<>]+(?=@(?!sha256:))/gi,
  // The same without a scheme, as in paths and references that were meant as URLs: user:token@host.
  /(?<=["'/\s][^\s/:"'@]{1,256}:)[^\s/"'@]{1,2048}(?=@(?!sha256:)[a-z0-9])/gi,
  // Headers, as HTTP libraries print them: "Authorization: Basic dXNlcjpwYXNz". A value without a scheme must be long,
  // or "authorization: denied" would lose its point. AWS4 and Digest have blanks and quotes in the value.
  /(?<=\bauthorization["']?\s*[:=]\s*["']?)(?:(?:aws4|digest|oauth)[^\r\n]+|[a-z]+ +[^\s"',]{8,}|[^\s"',]{16,})/gi,
  /(?<=\b(?:set-)?cookie["']?\s*[:=]\s*["']?)[^\s"'][^\r\n"']*/gi,
  /(?<=\bx-(?:registry-auth|amz-security-token|identity-token)["']?\s*[:=]\s*["']?)[^\s"',]+/gi,
  // A scheme with a long token after it and no header name; the length keeps prose ("Bearer challenge") readable.
  /(?<=\b(?:bearer|basic)\s+)[a-z0-9+/=._~-]{16,}/gi,
  // Query parameters of presigned URLs (S3, GCS, Azure) and of token services.
  /(?<=[?&](?:x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|sig|signature|awsaccesskeyid|access_token|refresh_token|id_token|token|password|client_secret|private_token)=)[^\s&#"'<>]+/gi,
];

/** Returns the text with everything that has the shape of a credential masked. */
export function scrubCredentials(text: string): string {
  return PATTERNS.reduce((scrubbed, pattern) => scrubbed.replace(pattern, MASK), text);
}
