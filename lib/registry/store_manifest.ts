/**
 * Storing manifests and indexes.
 *
 * Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { parseJsonObject } from "../oci/json.ts";
import { formatReference, type Reference } from "../oci/reference.ts";
import { BlobsUnknownError } from "./errors.ts";
import { fetchManifest, manifestPath } from "./fetch_manifest.ts";
import type { RegistryHost } from "./registry_host.ts";
import type { StatusFault } from "./status_fault.ts";

/** A manifest to be stored. */
export interface StoreRequest {
  /** Where; its digest counts only if it has no tag. */
  readonly reference: Reference;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
}

/**
 * Stores a manifest under its tag or, without one, its digest.
 *
 * @throws {BlobsUnknownError} if the registry misses blobs of it.
 */
export async function storeManifest(host: RegistryHost, request: StoreRequest): Promise<Descriptor> {
  const { mediaType, bytes, signal } = request;
  const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  const { registry, repository, tag } = request.reference;
  const reference: Reference = {
    registry,
    repository,
    ...(tag === undefined ? { digest: descriptor.digest } : { tag }),
  };
  const action = `push the manifest to ${formatReference(reference)}`;
  const answer = await host.request({
    method: "PUT",
    target: manifestPath(reference),
    access: { repository, actions: "push" },
    headers: { "content-type": mediaType },
    body: { length: bytes.length, open: () => whole(bytes) },
    signal,
  }, action);
  const { response } = answer;
  if (response.status === 201 || response.status === 200 || response.status === 202) {
    await response.discard();
    const named = response.header("docker-content-digest");
    // Registries may leave the header out; one that names another digest is asked again (F11).
    if (named !== undefined && named !== descriptor.digest) await checkStored(host, request, { reference, descriptor });
    return descriptor;
  }
  const fault = await host.fault(answer);
  const verdict = await judgeTag(host, request, { reference, descriptor, fault });
  if (verdict === "stored") return descriptor;
  if (verdict === "immutable") {
    const message =
      `Cannot ${action}: the tag "${tag}" exists and may not be changed (${fault.status}: ${fault.words})`;
    throw new KilnError("denied", message, { cause: fault, hint: "push under another tag" });
  }
  throw errorOf(host, fault, { action, reference, bytes });
}

interface Stored {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
}

async function checkStored(
  host: RegistryHost,
  { signal }: StoreRequest,
  { reference, descriptor }: Stored,
): Promise<void> {
  const served = await fetchManifest(host, { reference, actions: "push", signal });
  if (served.descriptor.digest === descriptor.digest) return;
  const name = formatReference(reference);
  const message =
    `Cannot push ${name}: the registry stored ${served.descriptor.digest} in place of ${descriptor.digest}`;
  throw new KilnError("integrity", message);
}

/**
 * Tells what a refusal has to do with the tag (F12): "stored" if the tag has our manifest already, so that it does not
 * matter that it must not change; "immutable" if it has another one and that is why ours was refused.
 */
async function judgeTag(
  host: RegistryHost,
  { signal }: StoreRequest,
  { reference, descriptor, fault }: Stored & { readonly fault: StatusFault },
): Promise<"stored" | "immutable" | "other"> {
  const isSaid = saysImmutable(fault);
  // A conflict with what is there, and a tag found invalid, mean that as well, but only where there is such a tag.
  const isLikely = fault.status === 409 || fault.status === 412 || fault.hasCode("TAG_INVALID");
  if (reference.tag === undefined || !(isSaid || isLikely)) return "other";
  try {
    const served = await fetchManifest(host, { reference, actions: "push", signal });
    return served.descriptor.digest === descriptor.digest ? "stored" : "immutable";
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KilnError) return isSaid ? "immutable" : "other";
    throw error;
  }
}

/** There is no code for it; the words are those of ECR, GAR, Harbor, ACR, Quay and Artifactory. */
function saysImmutable(fault: StatusFault): boolean {
  return [400, 403, 405, 409, 412].includes(fault.status) &&
    /immutab|cannot be overwritten|already exists|overwrite|locked|write operations/i.test(fault.words);
}

function errorOf(
  host: RegistryHost,
  fault: StatusFault,
  { action, reference, bytes }: { readonly action: string; readonly reference: Reference; readonly bytes: Uint8Array },
): unknown {
  const error = host.explain(fault, action);
  if (!fault.hasCode("BLOB_UNKNOWN", "MANIFEST_BLOB_UNKNOWN") || !(error instanceof KilnError)) return error;
  const named = digestsIn(fault.complaints.map(({ detail }) => detail));
  const unknown = named.length > 0 ? named : blobsOf(bytes);
  for (const digest of unknown) host.misreported.add(`${reference.repository}@${digest}`);
  return new BlobsUnknownError(error, unknown);
}

/** A detail is a digest or an object with one; registries differ. */
function digestsIn(details: readonly unknown[]): readonly Digest[] {
  return details.flatMap((detail) => {
    if (isDigest(detail)) return [detail];
    return typeof detail === "object" && detail !== null ? Object.values(detail).filter(isDigest) : [];
  });
}

/** Config and layers of a manifest; an index has none. */
function blobsOf(bytes: Uint8Array): readonly Digest[] {
  const { config, layers } = parseJsonObject(bytes, "the manifest to be pushed");
  return digestsIn([config, ...(Array.isArray(layers) ? layers : [])]);
}

async function* whole(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
