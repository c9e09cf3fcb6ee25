/**
 * A bucket of S3, or of any store that speaks its protocol, through `@aws-sdk/client-s3`.
 *
 * The SDK signs, finds credentials and reads answers; it makes each request once and over our transport. It is loaded
 * when the first request is made.
 *
 * @module
 */
import type { GetObjectCommandOutput, HeadObjectCommandOutput, S3Client } from "@aws-sdk/client-s3";
import { Buffer } from "node:buffer";
import { createTransport, type Transport } from "../http/transport.ts";
import { trustedCertificates } from "../http/trusted_certificates.ts";
import type { Report } from "../report/report.ts";
import type { SourceParts } from "./context_source.ts";
import {
  type ByteRange,
  type ObjectDigest,
  ObjectFault,
  type ObjectFaultReason,
  type ObjectPage,
  type ObjectStore,
  reasonOfStatus,
  type StoredObject,
} from "./object_store.ts";
import { createS3HttpHandler } from "./s3_http_handler.ts";
import { type BucketPlace, pathOfKey, PlainReader } from "./s3_plain_read.ts";

/** What a store is made of. */
export interface S3StoreOptions {
  readonly bucket: string;
  readonly report: Report;
  readonly source: SourceParts;
}

type Sdk = typeof import("@aws-sdk/client-s3");

/** Opens a bucket: finds credentials and a first guess of its region. */
export async function openS3Store(options: S3StoreOptions): Promise<ObjectStore> {
  const { environment, userAgent } = options.source;
  const ca = trustedCertificates(environment, ["AWS_CA_BUNDLE"]);
  const transport = createTransport({ userAgent, environment, ...(ca === undefined ? {} : { tls: () => ({ ca }) }) });
  try {
    const sdk = await import("@aws-sdk/client-s3");
    const access = await findAccess(sdk, transport, options);
    return new S3Store({ ...options, sdk, transport, access });
  } catch (error) {
    transport.close();
    throw error;
  }
}

/** How requests are signed. */
interface Access {
  /** Where the credentials come from, for people; undefined for requests that are not signed. */
  readonly source: string | undefined;
  /** Makes a client for a region; for the one of the configuration unless told. */
  client(region?: string): S3Client;
}

type ClientConfig = NonNullable<ConstructorParameters<Sdk["S3Client"]>[0]>;

async function findAccess(sdk: Sdk, transport: Transport, options: S3StoreOptions): Promise<Access> {
  const { report, source: { environment, reveal } } = options;
  const region = environment("AWS_REGION") || environment("AWS_DEFAULT_REGION") || undefined;
  const endpoint = endpointOf(environment("S3_ENDPOINT"));
  const config: ClientConfig = {
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: createS3HttpHandler(transport),
    forcePathStyle: environment("S3_FORCE_PATH_STYLE")?.toLowerCase() === "true",
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
  };
  const make = (own: ClientConfig) => (found?: string) =>
    new sdk.S3Client({ ...config, ...(found === undefined ? {} : { region: found }), ...own });
  const accessKeyId = environment("AWS_ACCESS_KEY_ID");
  const secretAccessKey = environment("AWS_SECRET_ACCESS_KEY");
  if (isYes(environment("AWS_NO_SIGN_REQUEST"))) return { source: undefined, client: make(UNSIGNED) };
  if (accessKeyId && secretAccessKey) {
    // The SDK would prefer a profile that AWS_PROFILE names; the SDK for Go, and so kaniko, does not.
    const sessionToken = environment("AWS_SESSION_TOKEN");
    for (const secret of [secretAccessKey, sessionToken]) if (secret) reveal(secret);
    const credentials = { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
    return { source: "AWS_ACCESS_KEY_ID", client: make({ credentials }) };
  }
  // Token services are asked in the region of the configuration: a private network may reach no other.
  const { config: { credentials } } = await withRegion(make({}));
  try {
    const found = await credentials();
    for (const secret of [found.secretAccessKey, found.sessionToken]) if (secret) reveal(secret);
    return { source: "the AWS credential chain", client: make({ credentials }) };
  } catch (error) {
    const wanted = CREDENTIAL_VARIABLES.find((name) => environment(name));
    const message = error instanceof Error ? error.message : String(error);
    if (wanted !== undefined || !message.includes("Could not load credentials from any providers")) {
      throw new ObjectFault("denied", `no AWS credentials can be had: ${message}`, {
        cause: error,
        hint: wanted === undefined ? "mend the AWS configuration" : `check what ${wanted} says`,
      });
    }
    report.message("info", "No AWS credentials found: requests to S3 are not signed");
    return { source: undefined, client: make(UNSIGNED) };
  }
}

/** Whoever sets one of these wants credentials, and must hear why there are none. */
const CREDENTIAL_VARIABLES: readonly string[] = [
  "AWS_PROFILE",
  "AWS_WEB_IDENTITY_TOKEN_FILE",
  "AWS_ROLE_ARN",
  "AWS_CONTAINER_CREDENTIALS_FULL_URI",
  "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_CONFIG_FILE",
];

const UNSIGNED: ClientConfig = {
  credentials: { accessKeyId: "", secretAccessKey: "" },
  signer: { sign: (request) => Promise.resolve(request) },
};

/** MD5 of more takes longer than asking whether there is a better checksum. */
const ASK_BYTES = 8 * 1024 * 1024;

/** A default region is needed to sign at all; S3 tells the right one with its refusal. */
const DEFAULT_REGION = "us-east-1";

interface StoreParts extends S3StoreOptions {
  readonly sdk: Sdk;
  readonly transport: Transport;
  readonly access: Access;
}

class S3Store implements ObjectStore {
  readonly service = "S3";
  readonly #parts: StoreParts;
  #client: Promise<S3Client>;
  /** Set once a request has shown where the bucket is. */
  #reader: PlainReader | undefined;

  constructor(parts: StoreParts) {
    this.#parts = parts;
    this.#client = withRegion(parts.access.client);
  }

  urlOf(key: string): string {
    return `s3://${this.#parts.bucket}/${key}`;
  }

  find(key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
    return this.#send(async (client) => {
      try {
        // Not HEAD: its refusals have no body that says why.
        const output = await this.#get(client, { key, range: { start: 0, end: 1 } }, signal);
        const object = describeObject(key, output, this.#parts.bucket);
        await drain(output);
        if (object.digest !== undefined && object.size <= ASK_BYTES) return object;
        const digest = await this.#checksum(client, object, signal);
        return digest === undefined ? object : { ...object, digest };
      } catch (error) {
        const fault = this.#fault(error);
        if (fault instanceof ObjectFault && fault.reason === "missing") return undefined;
        if (!(fault instanceof ObjectFault && fault.facts.status === 416)) throw error;
        return { key, size: 0, version: "" };
      }
    });
  }

  list(prefix: string, page: string | undefined, signal: AbortSignal): Promise<ObjectPage> {
    const { bucket, sdk } = this.#parts;
    return this.#send(async (client) => {
      const command = new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        // Names may hold what XML cannot.
        EncodingType: "url",
        ...(page === undefined ? {} : { ContinuationToken: page }),
      });
      command.middlewareStack.add((next) => (args) => {
        this.#notePlace(client, args.request as BucketPlace, "");
        return next(args);
      }, { step: "build" });
      const output = await client.send(command, { abortSignal: signal });
      const decode = (key: string) =>
        output.EncodingType === "url" ? decodeURIComponent(key.replaceAll("+", " ")) : key;
      const objects = (output.Contents ?? []).map((entry): StoredObject => {
        const { Key, Size, ETag, LastModified } = entry;
        if (Key === undefined || Size === undefined || ETag === undefined) {
          throw new ObjectFault("untrue", "a listing is incomplete");
        }
        // A listing does not say how objects are encrypted, and so not whether the ETag is a digest.
        return { key: decode(Key), size: Size, version: ETag, ...(LastModified ? { modified: LastModified } : {}) };
      });
      return { objects, next: output.IsTruncated === true ? output.NextContinuationToken : undefined };
    });
  }

  async read(object: StoredObject, range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const headers = { "range": `bytes=${range.start}-${range.end - 1}`, "if-match": object.version };
    const response = await this.#reader?.get(object.key, headers, signal);
    if (response !== undefined) {
      try {
        checkPart(
          {
            ETag: response.header("etag"),
            ContentRange: response.header("content-range"),
            ContentLength: response.contentLength,
          },
          object,
          range,
        );
      } catch (error) {
        response[Symbol.dispose]();
        throw error;
      }
      return response.body();
    }
    return await this.#send(async (client) => {
      const output = await this.#get(client, { key: object.key, range, version: object.version }, signal);
      try {
        checkPart(output, object, range);
      } catch (error) {
        discard(output);
        throw error;
      }
      return bodyOf(output);
    });
  }

  close(): void {
    this.#client.then((client) => client.destroy(), () => {});
    this.#parts.transport.close();
  }

  #get(
    client: S3Client,
    { key, range, version }: { readonly key: string; readonly range: ByteRange; readonly version?: string },
    signal: AbortSignal,
  ): Promise<GetObjectCommandOutput> {
    const { bucket, sdk } = this.#parts;
    const command = new sdk.GetObjectCommand({
      Bucket: bucket,
      Key: key,
      Range: `bytes=${range.start}-${range.end - 1}`,
      ...(version === undefined ? {} : { IfMatch: version }),
    });
    command.middlewareStack.add((next) => (args) => {
      this.#notePlace(client, args.request as BucketPlace, pathOfKey(key));
      return next(args);
    }, { step: "build" });
    return client.send(command, { abortSignal: signal });
  }

  /** Learns from a request of the SDK where the bucket is. @param below what the path has behind that of the bucket */
  #notePlace(client: S3Client, { path, ...place }: BucketPlace, below: string): void {
    if (!path.endsWith(below)) return;
    const bucketPath = path.slice(0, path.length - below.length);
    const { bucket, transport } = this.#parts;
    this.#reader = PlainReader.of(bucket, { ...place, path: bucketPath }, client, transport);
  }

  /** Asks for a checksum beside the ETag. What some stores do not know and some users may not is no loss. */
  async #checksum(client: S3Client, object: StoredObject, signal: AbortSignal): Promise<ObjectDigest | undefined> {
    const { bucket, sdk } = this.#parts;
    const asked = { Bucket: bucket, Key: object.key, IfMatch: object.version, ChecksumMode: "ENABLED" } as const;
    try {
      return checksumOf(await client.send(new sdk.HeadObjectCommand(asked), { abortSignal: signal }));
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  /** Makes a request, once more if the answer says that the bucket is in another region. */
  async #send<T>(body: (client: S3Client) => Promise<T>): Promise<T> {
    const used = this.#client;
    const client = await used;
    try {
      return await body(client);
    } catch (error) {
      const region = regionOf(error);
      if (region === undefined || region === await client.config.region()) throw this.#fault(error);
      // Another request may have found it meanwhile.
      if (this.#client === used) this.#client = Promise.resolve(this.#parts.access.client(region));
      try {
        return await body(await this.#client);
      } catch (error) {
        throw this.#fault(error);
      }
    }
  }

  #fault(error: unknown): unknown {
    return faultOf(error, { bucket: this.#parts.bucket, source: this.#parts.access.source });
  }
}

/** Returns a client for the region of the configuration, if it has one. */
async function withRegion(make: Access["client"]): Promise<S3Client> {
  const client = make();
  try {
    await client.config.region();
    return client;
  } catch {
    client.destroy();
    return make(DEFAULT_REGION);
  }
}

/** The fields of the SDK's errors; it declares few of them. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly Code?: unknown;
  readonly Region?: unknown;
  readonly $metadata: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: unknown };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

function isSdkError(error: unknown): error is SdkError {
  return error instanceof Error && "$metadata" in error && "$fault" in error;
}

/** Where a refusal says that the bucket is. */
function regionOf(error: unknown): string | undefined {
  if (!isSdkError(error)) return undefined;
  const told = error.$response?.headers?.["x-amz-bucket-region"] ?? error.Region;
  return typeof told === "string" && /^[a-z0-9-]{1,40}$/.test(told) ? told : undefined;
}

const REASONS: Readonly<Record<string, ObjectFaultReason>> = {
  NoSuchKey: "missing",
  NoSuchBucket: "no-bucket",
  RequestTimeTooSkewed: "clock",
  RequestExpired: "clock",
  ExpiredToken: "denied",
  InvalidToken: "denied",
  InvalidObjectState: "refused",
  PreconditionFailed: "changed",
  // versitygw's word for an unknown access key, with the status 404
  XAdminUserNotFound: "denied",
  RequestTimeout: "busy",
  SlowDown: "busy",
};

const WORDS: Readonly<Record<string, string>> = {
  AccessDenied: "S3 denies access",
  NoSuchBucket: "there is no such bucket",
  NoSuchKey: "there is no such object",
  RequestTimeTooSkewed: "the clock of this machine differs too much from that of S3",
};

function faultOf(
  error: unknown,
  { bucket, source }: { readonly bucket: string; readonly source: string | undefined },
): unknown {
  if (!isSdkError(error)) return error;
  const status = error.$metadata.httpStatusCode;
  const code = typeof error.Code === "string" ? error.Code : error.name;
  // The SDK has learned the difference of the clocks from the answer: the next request is dated right.
  const corrected = error.$metadata.clockSkewCorrected === true;
  const reason = corrected ? "clock" : REASONS[code] ?? reasonOfStatus(status);
  const region = regionOf(error);
  const message = region !== undefined && status === 301
    ? `the bucket "${bucket}" is in the region ${region}`
    : WORDS[code] ?? (error.message === "UnknownError" ? "S3 refuses" : `S3 answered "${error.message}"`);
  const hint = hintOf({ code, reason, source });
  return new ObjectFault(reason, message, {
    code,
    cause: error,
    ...(corrected ? { again: true } : {}),
    ...(status === undefined ? {} : { status }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintOf(
  { code, reason, source }: {
    readonly code: string;
    readonly reason: ObjectFaultReason;
    readonly source: string | undefined;
  },
): string | undefined {
  // Aliyun's: it wants the bucket in the host name.
  if (code === "SecondLevelDomainForbidden") return "unset S3_FORCE_PATH_STYLE";
  if (code === "InvalidObjectState") return "restore the object from its archive first";
  if (code === "ExpiredToken") return `renew the credentials from ${source ?? "the environment"}`;
  if (reason !== "denied") return undefined;
  if (source === undefined) {
    return "no credentials were sent: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or another source the AWS tools know";
  }
  if (code === "AccessDenied") {
    return `check what the credentials from ${source} allow; without s3:ListBucket, S3 says the same of an object that is not there`;
  }
  return `check the credentials from ${source}`;
}

function describeObject(key: string, output: GetObjectCommandOutput, bucket: string): StoredObject {
  const { ContentRange, ContentLength, ETag, LastModified } = output;
  const total = /^bytes 0-0\/([0-9]{1,15})$/.exec(ContentRange ?? "")?.[1];
  const size = total === undefined ? ContentLength : Number(total);
  if (size === undefined || ETag === undefined) throw new ObjectFault("untrue", "the answer says no size or no ETag");
  const digest = digestOf(output, bucket);
  return {
    key,
    size,
    version: ETag,
    ...(LastModified === undefined ? {} : { modified: LastModified }),
    ...(digest === undefined ? {} : { digest: { algorithm: "md5", hex: digest } as const }),
  };
}

/**
 * The ETag of an object that was uploaded in one piece is its MD5, unless it is encrypted with keys of KMS or the
 * customer's, or the bucket is a directory bucket: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
 */
function digestOf(output: GetObjectCommandOutput, bucket: string): string | undefined {
  const encrypted = output.ServerSideEncryption?.startsWith("aws:") === true ||
    output.SSECustomerAlgorithm !== undefined;
  if (encrypted || bucket.endsWith("--x-s3")) return undefined;
  return /^"?([0-9a-f]{32})"?$/.exec(output.ETag ?? "")?.[1];
}

/** Returns the cheapest checksum that covers the whole object, not the list of its parts. */
function checksumOf(output: HeadObjectCommandOutput): ObjectDigest | undefined {
  const { ChecksumType, ChecksumCRC32, ChecksumSHA256 } = output;
  const hex = (base64: string | undefined, bytes: number): string | undefined => {
    // Those of parts have their number after a dash.
    if (base64 === undefined || ChecksumType === "COMPOSITE" || base64.includes("-")) return undefined;
    const found = Buffer.from(base64, "base64");
    return found.length === bytes ? found.toString("hex") : undefined;
  };
  const [crc, sha256] = [hex(ChecksumCRC32, 4), hex(ChecksumSHA256, 32)];
  if (crc !== undefined) return { algorithm: "crc32", hex: crc };
  return sha256 === undefined ? undefined : { algorithm: "sha256", hex: sha256 };
}

/** What an answer says about the bytes in it. */
interface PartFacts {
  readonly ContentRange?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ETag?: string | undefined;
}

function checkPart(
  { ContentRange, ContentLength, ETag }: PartFacts,
  object: StoredObject,
  range: ByteRange,
): void {
  // A server that does not know If-Match answers with whatever is there now.
  if (ETag !== object.version) throw new ObjectFault("changed", "it has another ETag now");
  const whole = range.start === 0 && range.end === object.size;
  if (ContentRange === undefined && whole && ContentLength === object.size) return;
  if (ContentRange === undefined) throw new ObjectFault("refused", "the server sends no parts of objects");
  if (ContentRange !== `bytes ${range.start}-${range.end - 1}/${object.size}`) {
    throw new ObjectFault("untrue", `a part was sent that was not asked for ("${ContentRange}")`);
  }
}

function bodyOf({ Body }: GetObjectCommandOutput): AsyncIterable<Uint8Array> {
  // In Node's build of the SDK it is the stream of our handler.
  if (Body !== undefined && Symbol.asyncIterator in Body) return Body as AsyncIterable<Uint8Array>;
  throw new TypeError("Unreachable: the SDK changed the body of an answer");
}

/** Reads a body of one byte, so that the connection can be used again; a server that sent all is cut off. */
async function drain(output: GetObjectCommandOutput): Promise<void> {
  let read = 0;
  for await (const chunk of bodyOf(output)) {
    read += chunk.length;
    if (read > 64 * 1024) break;
  }
}

function discard({ Body }: GetObjectCommandOutput): void {
  if (Body !== undefined && "destroy" in Body && typeof Body.destroy === "function") Body.destroy();
}

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  return text.includes("://") ? text : `https://${text}`;
}

function isYes(text: string | undefined): boolean {
  return /^(?:1|true|yes|on)$/i.test(text ?? "");
}
