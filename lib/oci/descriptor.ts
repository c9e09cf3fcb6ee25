/**
 * Descriptors: what a manifest says about a blob.
 *
 * Source: https://github.com/opencontainers/image-spec/blob/main/descriptor.md
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { asObject, optionalRecord, optionalString, safeSize } from "./json.ts";
import type { Platform } from "./platform.ts";
import type { Shape } from "./strict_json.ts";

/** A pointer to a blob: its type, digest and exact size in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

/** The fields of a descriptor, for `parseStrictJson`. */
export const DESCRIPTOR_SHAPE: Shape = {
  mediaType: "open",
  digest: "open",
  size: {},
  urls: "open",
  annotations: "map",
  data: "open",
  artifactType: "open",
  platform: {
    architecture: "open",
    os: "open",
    "os.version": "open",
    "os.features": "open",
    variant: "open",
    features: "open",
  },
};

/**
 * Checks a descriptor that came from outside and drops the fields we have no use for.
 *
 * @throws {KilnError} kind `integrity`, if a field is missing or malformed.
 */
export function parseDescriptor(value: unknown, what: string): Descriptor {
  const fields = asObject(value, what);
  const mediaType = optionalString(fields, "mediaType", what);
  if (mediaType === undefined) throw new KilnError("integrity", `Cannot read ${what}: it has no mediaType`);
  const annotations = optionalRecord(fields, "annotations", what);
  const platform = fields["platform"] === undefined || fields["platform"] === null
    ? undefined
    : parsePlatformFields(fields["platform"], `the platform of ${what}`);
  return {
    mediaType,
    digest: parseDigest(fields["digest"]),
    size: safeSize(fields["size"], `the size in ${what}`),
    ...(annotations === undefined ? {} : { annotations }),
    ...(platform === undefined ? {} : { platform }),
  };
}

function parsePlatformFields(value: unknown, what: string): Platform {
  const fields = asObject(value, what);
  const variant = optionalString(fields, "variant", what);
  const version = optionalString(fields, "os.version", what);
  return {
    os: optionalString(fields, "os", what) ?? "",
    architecture: optionalString(fields, "architecture", what) ?? "",
    ...(variant === undefined || variant === "" ? {} : { variant }),
    ...(version === undefined || version === "" ? {} : { "os.version": version }),
  };
}
