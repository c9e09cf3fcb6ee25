/**
 * Base images that are not there, not readable, or not what they claim to be.
 *
 * @module
 */
import { testFailures } from "../support/failing_build.ts";
import { answer, breakAfter, digestOf, fail, type FaultRegistry, reset } from "../support/registry_fault.ts";

/** Docker Hub is out of reach, wherever the tests run. */
const NO_HUB = { HTTPS_PROXY: "http://127.0.0.1:1", HTTP_PROXY: "http://127.0.0.1:1" };

const NO_PROXY = 'the proxy "127.0.0.1:1" cannot be used: connect ECONNREFUSED 127.0.0.1:1 (tried 5 times)';

const from = "FROM scratch AS other\nFROM {BASE}\nCOPY Dockerfile /\n";

testFailures("a base image", [
  {
    shows: "that does not exist, is named",
    dockerfile: "FROM {HOST}/none/such:1\n",
    code: 69,
    error:
      'Cannot fetch the manifest of {HOST}/none/such:1: {HOST}/none/such has no tag "1" (404: MANIFEST_UNKNOWN: manifest unknown)',
    lines: [1, 1],
    hint: "if the image is private, credentials are needed to see it",
  },
  {
    shows: "whose tag does not exist, is named",
    dockerfile: "FROM {HOST}/base/busybox:none\nRUN true # {BASE}\n",
    code: 69,
    error:
      'Cannot fetch the manifest of {HOST}/base/busybox:none: {HOST}/base/busybox has no tag "none" (404: MANIFEST_UNKNOWN: manifest unknown)',
    lines: [1, 1],
    hint: "if the image is private, credentials are needed to see it",
  },
  {
    shows: "by a digest that does not exist, is named",
    dockerfile: `FROM {HOST}/none/such@sha256:${"0".repeat(64)}\n`,
    code: 69,
    error:
      "Cannot fetch the manifest of {HOST}/none/such@sha256:0000000000000000000000000000000000000000000000000000000000000000: {HOST}/none/such has no manifest sha256:0000000000000000000000000000000000000000000000000000000000000000 (404: MANIFEST_UNKNOWN: manifest unknown)",
    lines: [1, 1],
    hint: "if the image is private, credentials are needed to see it",
  },
  {
    shows: "that is the name of a stage mistyped, is told with that name",
    dockerfile: "FROM scratch AS build\nCOPY Dockerfile /\nFROM scratch\nCOPY --from=biuld /x /\n",
    args: ["--insecure-pull=false"],
    env: { HTTPS_PROXY: "http://127.0.0.1:1" },
    code: 69,
    error:
      'Cannot fetch the manifest of docker.io/library/biuld:latest: the proxy "127.0.0.1:1" cannot be used: connect ECONNREFUSED 127.0.0.1:1 (tried 5 times)',
    lines: [4, 4],
    hint: "did you mean build?",
  },
  {
    shows: "of COPY --from that does not exist, is named",
    dockerfile: "FROM scratch\nCOPY --from={HOST}/none/such:1 /a /\n",
    code: 69,
    error:
      'Cannot fetch the manifest of {HOST}/none/such:1: {HOST}/none/such has no tag "1" (404: MANIFEST_UNKNOWN: manifest unknown)',
    lines: [2, 2],
    hint: "if the image is private, credentials are needed to see it",
  },
  {
    shows: "of COPY --from that is nearly a stage, suggests the stage, before anything is run",
    dockerfile: "FROM {BASE} AS build\nRUN exit 1\nFROM scratch\nCOPY --from=biuld /a /\n",
    env: NO_HUB,
    code: 69,
    error: `Cannot fetch the manifest of docker.io/library/biuld:latest: ${NO_PROXY}`,
    lines: [4, 4],
    hint: "did you mean build?",
  },
  {
    shows: "that is nearly a well-known one, suggests that",
    dockerfile: "FROM apline\n",
    env: NO_HUB,
    code: 69,
    error: `Cannot fetch the manifest of docker.io/library/apline:latest: ${NO_PROXY}`,
    lines: [1, 1],
    hint: "did you mean alpine?",
  },
  {
    shows: "on a registry that refuses connections, says so",
    dockerfile: "FROM 127.0.0.1:1/a/b:1\n",
    code: 69,
    error: 'Cannot fetch the manifest of 127.0.0.1:1/a/b:1: "127.0.0.1:1" refuses the connection (tried 5 times)',
    lines: [1, 1],
  },
  {
    shows: "on a host whose name is not known, says so",
    dockerfile: "FROM registry.invalid/a/b:1\n",
    code: 69,
    error:
      'Cannot fetch the manifest of registry.invalid/a/b:1: the host name "registry.invalid" is not known (ENOTFOUND) (tried 5 times)',
    lines: [1, 1],
  },
  {
    shows: "on a registry that wants a login, says so",
    dockerfile: from,
    arrange: (registry) =>
      registry.always("GET", /manifests/, fail(401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="x"' })),
    code: 77,
    error:
      'Cannot fetch the manifest of {BASE}: "{HOST}" does not allow it without credentials, and none were sent (401 Unauthorized): UNAUTHORIZED: unauthorized',
    lines: [2, 2],
    hint: 'add credentials for "{HOST}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG',
  },
  {
    shows: "on a registry that refuses the password, names where it is from",
    dockerfile: from,
    arrange: async (registry, site) => {
      registry.always("GET", /manifests/, fail(401, "UNAUTHORIZED", { "www-authenticate": 'Basic realm="x"' }));
      await login(`${site.path}/home/.docker`, registry.host);
    },
    code: 77,
    error:
      'Cannot fetch the manifest of {BASE}: "{HOST}" does not allow it with the credentials from "{SITE}/home/.docker/config.json" (401 Unauthorized): UNAUTHORIZED: unauthorized',
    lines: [2, 2],
    hint: "check that they are right and allow this, or that the name of the repository is",
  },
  {
    shows: "that may not be read, says so",
    dockerfile: from,
    arrange: (registry) => registry.always("GET", /manifests/, fail(403, "DENIED")),
    code: 77,
    error:
      'Cannot fetch the manifest of {BASE}: "{HOST}" does not allow it without credentials, and none were sent (403 Forbidden): DENIED: denied',
    lines: [2, 2],
    hint: 'add credentials for "{HOST}" to config.json in $DOCKER_CONFIG or to DOCKER_AUTH_CONFIG',
  },
  {
    shows: "on a registry that is down, is given up",
    dockerfile: from,
    arrange: (registry) => registry.always("GET", /manifests/, fail(503, "UNAVAILABLE", { "retry-after": "0" })),
    code: 69,
    error:
      'Cannot fetch the manifest of {BASE}: "{HOST}" answered 503 Service Unavailable: UNAVAILABLE: unavailable (tried 5 times)',
    lines: [2, 2],
  },
  {
    shows: "whose manifest is a web page, is refused",
    dockerfile: from,
    arrange: (registry) =>
      registry.always("GET", /manifests/, answer(200, { "content-type": "text/html" }, "<html>Sign in</html>")),
    code: 69,
    error: 'Cannot fetch the manifest of {BASE}: "{HOST}" answered with "text/html", not a manifest',
    lines: [2, 2],
    hint: "a proxy or a log-in page seems to answer in place of the registry",
  },
  {
    shows: "whose manifest is of an old kind, is refused",
    dockerfile: from,
    arrange: (registry) =>
      registry.always(
        "GET",
        /manifests/,
        answer(
          200,
          { "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws" },
          '{"schemaVersion":1}',
        ),
      ),
    code: 69,
    error: "Cannot fetch the manifest of {BASE}: it has schema version 1, which is no longer supported",
    lines: [2, 2],
  },
  {
    shows: "whose manifest is not JSON, is refused",
    dockerfile: from,
    arrange: (registry) =>
      registry.always(
        "GET",
        /manifests/,
        answer(200, { "content-type": "application/vnd.oci.image.manifest.v1+json" }, "{"),
      ),
    code: 78,
    error: "Cannot read the manifest of {BASE}: it is not valid JSON",
    lines: [2, 2],
  },
  {
    shows: "whose manifest has another digest than asked for, is refused",
    dockerfile: `FROM {HOST}/a/b@sha256:${"0".repeat(64)}\n`,
    arrange: (registry) =>
      registry.always(
        "GET",
        /manifests/,
        answer(200, { "content-type": "application/vnd.oci.image.manifest.v1+json" }, "{}"),
      ),
    code: 78,
    error:
      "Cannot fetch the manifest of {HOST}/a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000: what was served has the digest {DIGEST}",
    lines: [1, 1],
  },
  {
    shows: "whose layer has other bytes, is refused",
    dockerfile: from,
    arrange: (registry) => changeLayer(registry, (bytes) => bytes.map((byte, at) => at === 5000 ? byte ^ 1 : byte)),
    code: 78,
    error: "Cannot fetch the blob {DIGEST} of {HOST}/base/busybox: its content has the digest {DIGEST}",
    lines: [2, 2],
  },
  {
    shows: "whose layer is shorter than its manifest says, is refused",
    dockerfile: from,
    arrange: (registry) => changeLayer(registry, (bytes) => bytes.slice(0, 5000)),
    code: 78,
    error: "Cannot fetch the blob {DIGEST} of {HOST}/base/busybox: 5000 bytes were announced in place of {SIZE}",
    lines: [2, 2],
  },
  {
    shows: "whose layer is longer than its manifest says, is refused",
    dockerfile: from,
    arrange: (registry) => changeLayer(registry, () => new Uint8Array(9_999_999)),
    code: 78,
    error: "Cannot fetch the blob {DIGEST} of {HOST}/base/busybox: 9999999 bytes were announced in place of {SIZE}",
    lines: [2, 2],
  },
  {
    shows: "whose layer breaks off each time, is given up",
    dockerfile: from,
    arrange: (registry) => {
      const [digest, bytes] = layerOf(registry);
      registry.always("GET", new RegExp(digest), breakAfter(bytes, 5000));
    },
    code: 69,
    error:
      'Cannot fetch the blob {DIGEST} of {HOST}/base/busybox: the connection to "{HOST}" broke (ECONNRESET) (tried 5 times)',
    lines: [2, 2],
  },
  {
    shows: "whose layer is missing, is refused",
    dockerfile: from,
    arrange: (registry) => void registry.blobs.delete(`base/busybox@${layerOf(registry)[0]}`),
    code: 69,
    error:
      'Cannot fetch the blob {DIGEST} of {HOST}/base/busybox: "{HOST}" does not have it (404): BLOB_UNKNOWN: blob unknown',
    lines: [2, 2],
  },
  {
    shows: "whose layer is of an unknown media type, is refused",
    dockerfile: from,
    arrange: (registry) => rewrite(registry, (manifest) => manifest.layers[0].mediaType = "application/vnd.acme.layer"),
    code: 78,
    error: 'Cannot use {BASE}: its layer type "application/vnd.acme.layer" is unknown',
    lines: [2, 2],
  },
  {
    shows: "whose layer is neither compressed nor a tar, is refused",
    dockerfile: from,
    arrange: (registry) =>
      rewrite(registry, (manifest) => {
        const bytes = new TextEncoder().encode("this is no gzip");
        manifest.layers = [{
          ...manifest.layers[0],
          digest: registry.addBlob("base/busybox", bytes),
          size: bytes.length,
        }];
      }),
    code: 78,
    error: "Cannot unpack the layer with the diff ID {DIGEST}: cannot read the archive at byte 0: it is truncated",
    lines: [2, 2],
  },
  {
    shows: "whose config is missing, is refused",
    dockerfile: from,
    arrange: (registry) => rewrite(registry, (manifest) => manifest.config.digest = `sha256:${"1".repeat(64)}`),
    code: 69,
    error:
      'Cannot fetch the blob sha256:1111111111111111111111111111111111111111111111111111111111111111 of {HOST}/base/busybox: "{HOST}" does not have it (404): BLOB_UNKNOWN: blob unknown',
    lines: [2, 2],
  },
  {
    shows: "with another number of layers than diff IDs, is refused",
    dockerfile: from,
    arrange: (registry) => rewrite(registry, (manifest) => manifest.layers.push(manifest.layers[0])),
    code: 78,
    error: "Cannot use {BASE}: its manifest has 2 layers, its config 1 diff IDs",
    lines: [2, 2],
  },
  {
    shows: "without the platform asked for, lists those it has",
    dockerfile: "FROM --platform=linux/s390x {BASE}\n",
    arrange: indexed,
    code: 69,
    error: "Cannot use {BASE}: it is not available for linux/s390x",
    lines: [1, 1],
    hint: "it is available for linux/amd64, linux/arm64",
  },
  {
    shows: "whose connection is reset each time, is given up",
    dockerfile: from,
    arrange: (registry) => registry.always("GET", /manifests/, reset),
    code: 69,
    error: 'Cannot fetch the manifest of {BASE}: the connection to "{HOST}" broke (ECONNRESET) (tried 5 times)',
    lines: [2, 2],
  },
]);

/** As much of a manifest as the tests change; the base has one layer. */
interface Manifest {
  readonly config: { mediaType: string; digest: string };
  layers: [Layer, ...Layer[]];
}

interface Layer {
  mediaType: string;
  digest: string;
  size: number;
}

/** Digest and bytes of the base's layer. */
function layerOf(registry: FaultRegistry): readonly [string, Uint8Array] {
  const [layer] = manifestOf(registry).layers;
  const bytes = registry.blobs.get(`base/busybox@${layer?.digest}`);
  if (bytes === undefined) throw new Error("the base has no layer");
  return [layer.digest, bytes];
}

function changeLayer(registry: FaultRegistry, change: (bytes: Uint8Array) => Uint8Array): void {
  const [digest, bytes] = layerOf(registry);
  registry.blobs.set(`base/busybox@${digest}`, change(bytes));
}

function manifestOf(registry: FaultRegistry): Manifest {
  const stored = registry.manifests.get("base/busybox:latest");
  if (stored === undefined) throw new Error("the base is not there");
  return JSON.parse(new TextDecoder().decode(stored.bytes));
}

/** Puts a changed manifest under the base's tag. */
function rewrite(registry: FaultRegistry, change: (manifest: Manifest) => void): void {
  const type = registry.manifests.get("base/busybox:latest")?.type ?? "";
  const manifest = manifestOf(registry);
  change(manifest);
  registry.manifests.set("base/busybox:latest", { type, bytes: new TextEncoder().encode(JSON.stringify(manifest)) });
}

/** Puts the base behind an index of two platforms. */
function indexed(registry: FaultRegistry): void {
  const stored = registry.manifests.get("base/busybox:latest");
  if (stored === undefined) throw new Error("the base is not there");
  const { type, bytes } = stored;
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const manifests = ["amd64", "arm64"].map((architecture) => ({
    mediaType: type,
    digest: digestOf(bytes),
    size: bytes.length,
    platform: { os: "linux", architecture },
  }));
  const index = new TextEncoder().encode(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  registry.manifests.set("base/busybox:latest", { type: mediaType, bytes: index });
}

/** Writes a Docker config with a password for a registry. */
async function login(directory: string, host: string): Promise<void> {
  await Deno.mkdir(directory);
  const auths = { [host]: { auth: btoa("user:hunter2hunter2") } };
  await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify({ auths }));
}
