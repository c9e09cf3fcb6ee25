/**
 * Registries that do not take the image: no tag is left pointing at half of one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { testFailures } from "../support/failing_build.ts";
import { answer, fail, type FaultRegistry, reset } from "../support/registry_fault.ts";

const dockerfile = "FROM scratch\nCOPY Dockerfile /\n";
const elsewhere = (reference: string): readonly string[] => [`--destination=${reference}`, "--insecure"];

/** Answers so late that who does not wait for it has ended. Guard: Background is disposed of in lib/cli/build_command.ts. */
async function late(_request: unknown, _response: unknown, proceed: () => Promise<void>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 700));
  await proceed();
}

/** Once the late answers are there. */
async function assertNoSessions({ sessions }: FaultRegistry): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(sessions.size, 0, "upload sessions are left");
}

testFailures("a push", [
  {
    shows: "to a registry that refuses connections, says so before the build",
    dockerfile,
    onlyArgs: elsewhere("127.0.0.1:1/a/b:1"),
    code: 69,
    error: 'Cannot push to 127.0.0.1:1/a/b: "127.0.0.1:1" refuses the connection (tried 5 times)',
  },
  {
    shows: "to a host whose name is not known, says so before the build",
    dockerfile,
    onlyArgs: elsewhere("registry.invalid/a/b:1"),
    code: 69,
    error:
      'Cannot push to registry.invalid/a/b: the host name "registry.invalid" is not known (ENOTFOUND) (tried 5 times)',
  },
  {
    shows: "to a registry that wants a login, says so",
    dockerfile,
    arrange: (registry) =>
      registry.always("POST", /uploads/, fail(401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="x"' })),
    code: 77,
    error:
      'Cannot push to {HOST}/out/image: "{HOST}" does not allow it without credentials, and none were sent (401 Unauthorized): UNAUTHORIZED: unauthorized',
    hint: 'add credentials for "{HOST}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG',
  },
  {
    shows: "to a registry that refuses the password, names where it is from",
    dockerfile,
    arrange: async (registry, site) => {
      registry.always("POST", /uploads/, fail(401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="x"' }));
      await Deno.mkdir(`${site.path}/home/.docker`);
      const auths = { [registry.host]: { auth: btoa("user:hunter2hunter2") } };
      await Deno.writeTextFile(`${site.path}/home/.docker/config.json`, JSON.stringify({ auths }));
    },
    code: 77,
    error:
      'Cannot push to {HOST}/out/image: "{HOST}" does not allow it with the credentials from "{SITE}/home/.docker/config.json" (401 Unauthorized): UNAUTHORIZED: unauthorized',
    hint: "check that they are right and allow this, or that the name of the repository is",
  },
  {
    shows: "to a registry whose login server is not there, names that",
    dockerfile,
    arrange: (registry) =>
      registry.always(
        "POST",
        /uploads/,
        fail(401, "UNAUTHORIZED", { "www-authenticate": 'Bearer realm="http://127.0.0.1:1/token",service="x"' }),
      ),
    code: 69,
    error: 'Cannot push to {HOST}/out/image: "127.0.0.1:1" refuses the connection (tried 5 times)',
  },
  {
    shows: "that is not allowed, says so",
    dockerfile,
    arrange: (registry) => registry.always("POST", /uploads/, fail(403, "DENIED")),
    code: 77,
    error:
      'Cannot push to {HOST}/out/image: "{HOST}" does not allow it without credentials, and none were sent (403 Forbidden): DENIED: denied',
    hint: 'add credentials for "{HOST}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG',
  },
  {
    shows: "of a layer that is too large for the registry, says so",
    dockerfile,
    arrange: (registry) => registry.always("PUT", /uploads/, answer(413)),
    code: 69,
    error: 'Cannot push the blob {DIGEST} to {HOST}/out/image: "{HOST}" answered 413 Payload Too Large',
  },
  {
    shows: "to a registry that is down, is given up",
    dockerfile,
    arrange: (registry) => registry.always("POST", /uploads/, fail(503, "UNAVAILABLE", { "retry-after": "0" })),
    code: 69,
    error:
      'Cannot push to {HOST}/out/image: "{HOST}" answered 503 Service Unavailable: UNAVAILABLE: unavailable (tried 5 times)',
  },
  {
    shows: "whose uploads break each time, is given up",
    dockerfile,
    arrange: (registry) => registry.always("PUT", /uploads/, reset),
    code: 69,
    error:
      'Cannot push the blob {DIGEST} to {HOST}/out/image: the connection to "{HOST}" broke (ECONNRESET) (tried 5 times)',
  },
  {
    shows: "whose manifest is refused, says why",
    dockerfile,
    arrange: (registry) => registry.always("PUT", /manifests/, fail(400, "MANIFEST_INVALID")),
    code: 69,
    error:
      'Cannot push the manifest to {HOST}/out/image:1: "{HOST}" answered 400 Bad Request: MANIFEST_INVALID: manifest invalid',
  },
  {
    shows: "to a tag that must not change, names it",
    dockerfile,
    onlyArgs: ["--destination={HOST}/taken/image:1", "--insecure"],
    arrange: (registry) => {
      const type = "application/vnd.oci.image.manifest.v1+json";
      const bytes = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType: type, layers: [] }));
      registry.manifests.set("taken/image:1", { type, bytes });
      registry.always("PUT", /manifests/, fail(409, "TAG_INVALID"));
    },
    code: 77,
    error:
      'Cannot push the manifest to {HOST}/taken/image:1: the tag "1" exists and may not be changed (409: TAG_INVALID: tag invalid)',
    hint: "push under another tag",
  },
  {
    shows: "to a tag that is refused but does not exist, does not say that it does",
    dockerfile,
    arrange: (registry) => registry.always("PUT", /manifests/, fail(409, "TAG_INVALID")),
    code: 69,
    error: 'Cannot push the manifest to {HOST}/out/image:1: "{HOST}" answered 409 Conflict: TAG_INVALID: tag invalid',
  },
  {
    shows: "to a repository that does not exist, says so",
    dockerfile,
    arrange: (registry) => registry.always("POST", /uploads/, fail(404, "NAME_UNKNOWN")),
    code: 69,
    error: 'Cannot push to {HOST}/out/image: "{HOST}" answered 404 Not Found: NAME_UNKNOWN: name unknown',
  },
  {
    shows: "to one destination of two that fails, fails the build",
    dockerfile,
    onlyArgs: ["--destination={HOST}/denied/image:1", "--destination={HOST}/taken/image:1", "--insecure"],
    arrange: (registry) => registry.always("PUT", /denied.image.manifests/, fail(403, "DENIED")),
    code: 77,
    error:
      'Cannot push the manifest to {HOST}/denied/image:1: "{HOST}" does not allow it without credentials, and none were sent (403 Forbidden): DENIED: denied',
    hint: 'add credentials for "{HOST}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG',
  },
  {
    shows: "to two repositories of which the second takes no blobs, tags nothing in the first",
    dockerfile,
    onlyArgs: [
      "--destination={HOST}/out/image:1",
      "--destination={HOST}/denied/image:1",
      "--insecure",
      "--skip-push-permission-check",
    ],
    arrange: (registry) => registry.always("POST", /denied.image.blobs/, fail(403, "DENIED")),
    code: 77,
    error:
      'Cannot push the blob {DIGEST} to {HOST}/denied/image: "{HOST}" does not allow it without credentials, and none were sent (403 Forbidden): DENIED: denied',
    hint: 'add credentials for "{HOST}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG',
  },
  {
    shows: "that is under way when a command fails, is cancelled",
    // What is in the registry already is mounted; a layer of ours is on its way while the command runs.
    dockerfile: "FROM {BASE}\nCOPY Dockerfile /\nRUN sleep 1; false\n",
    arrange: (registry) => {
      // The answer never comes.
      registry.always("PUT", /out.image.blobs/, () => {});
      registry.always("DELETE", /uploads/, late);
    },
    code: 1,
    error: 'Cannot complete "/bin/sh -c sleep 1; false": it returned exit code 1',
    lines: [3, 3],
    verify: assertNoSessions,
  },
  {
    shows: "that is being asked for when something else fails, is cancelled",
    dockerfile: "FROM {HOST}/none:1\n",
    arrange: (registry) => {
      registry.always("POST", /uploads/, late);
      registry.always("DELETE", /uploads/, late);
    },
    verify: assertNoSessions,
    code: 69,
    error:
      'Cannot fetch the manifest of {HOST}/none:1: {HOST}/none has no tag "1" (404: MANIFEST_UNKNOWN: manifest unknown)',
    lines: [1, 1],
    hint: "if the image is private, credentials are needed to see it",
  },
]);
