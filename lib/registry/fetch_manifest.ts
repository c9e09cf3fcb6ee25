/**
 * Fetching manifests and indexes.
 *
 * Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests. The digest is always
 * that of the bytes received; what headers say about it is only compared (S58).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { digestOf } from "../oci/digest.ts";
import { parseJsonObject } from "../oci/json.ts";
import { MANIFEST_ACCEPT } from "../oci/media_type.ts";
import { formatReference, formatRepository, type Reference } from "../oci/reference.ts";
import type { Access } from "./authenticator.ts";
import { printable } from "./printable.ts";
import type { ServedManifest } from "./registry.ts";
import type { HostResponse, RegistryHost } from "./registry_host.ts";
import type { HttpResponse } from "../http/response.ts";

/** As containerd; the specification asks registries to take at least 4 MB. */
const MANIFEST_CAP_BYTES = 4 * 1024 * 1024;

/** Types that say nothing: servers of static files give them to every manifest. The manifest itself says more. */
const UNTYPED: readonly string[] = [
  "",
  "application/json",
  "application/octet-stream",
  "text/plain",
  "binary/octet-stream",
];

/** Returns the path of a manifest below `/v2/`. */
export function manifestPath({ repository, tag, digest }: Reference): string {
  return `${repository}/manifests/${digest ?? tag}`;
}

/** Fetches a manifest or index by tag or, if the reference has one, by digest. */
export async function fetchManifest(
  host: RegistryHost,
  { reference, actions, signal }: {
    readonly reference: Reference;
    readonly actions: Access["actions"];
    readonly signal: AbortSignal;
  },
): Promise<ServedManifest> {
  const action = `fetch the manifest of ${formatReference(reference)}`;
  const answer = await host.request({
    method: "GET",
    target: manifestPath(reference),
    access: { repository: reference.repository, actions },
    headers: { accept: MANIFEST_ACCEPT.join(", ") },
    documentCapBytes: MANIFEST_CAP_BYTES,
    signal,
  }, action);
  const { response } = answer;
  if (response.status === 404) throw await unknown(host, { answer, reference, action });
  if (response.status !== 200) throw host.explain(await host.fault(answer), action);
  const { bytes, complete } = await response.document(MANIFEST_CAP_BYTES);
  if (!complete) throw new KilnError("integrity", `Cannot ${action}: it is larger than 4 MiB`);
  const digest = digestOf(bytes);
  if (reference.digest !== undefined && digest !== reference.digest) {
    throw new KilnError("integrity", `Cannot ${action}: what was served has the digest ${digest}`);
  }
  const named = response.header("docker-content-digest");
  if (named !== undefined && named !== digest) {
    const message = `Cannot ${action}: it is announced as ${printable(named)} but has the digest ${digest}`;
    throw new KilnError("integrity", message);
  }
  return { descriptor: { mediaType: mediaTypeOf(response, bytes, action), digest, size: bytes.length }, bytes };
}

function mediaTypeOf(response: HttpResponse, bytes: Uint8Array, action: string): string {
  const [header = ""] = (response.header("content-type") ?? "").split(";", 1);
  const served = header.trim().toLowerCase();
  if (MANIFEST_ACCEPT.includes(served)) return served;
  if (UNTYPED.includes(served)) {
    const { mediaType } = parseJsonObject(bytes, `the answer for ${printable(response.url.pathname)}`);
    if (typeof mediaType === "string" && MANIFEST_ACCEPT.includes(mediaType)) return mediaType;
  }
  const what = served.startsWith("application/vnd.docker.distribution.manifest.v1+")
    ? "it has schema version 1, which is no longer supported"
    : `"${response.url.host}" answered with ${
      served === "" ? "no media type" : `"${printable(served)}"`
    }, not a manifest`;
  throw new KilnError("registry", `Cannot ${action}: ${what}`, {
    ...(served === "text/html" ? { hint: "a proxy or a log-in page seems to answer in place of the registry" } : {}),
  });
}

async function unknown(
  host: RegistryHost,
  { answer, reference, action }: { answer: HostResponse; reference: Reference; action: string },
): Promise<KilnError> {
  const fault = await host.fault(answer);
  const { tag, digest } = reference;
  const what = fault.hasCode("NAME_UNKNOWN")
    ? `there is no repository ${formatRepository(reference)}`
    : digest === undefined
    ? `${formatRepository(reference)} has no tag "${tag}"`
    : `${formatRepository(reference)} has no manifest ${digest}`;
  const words = fault.words === "" ? "" : ` (404: ${fault.words})`;
  return new KilnError("registry", `Cannot ${action}: ${what}${words}`, {
    cause: fault,
    ...(fault.credentials === undefined ? { hint: "if the image is private, credentials are needed to see it" } : {}),
  });
}
