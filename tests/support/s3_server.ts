/**
 * Real S3 servers: MinIO and versitygw. Both check signatures and honour ranges with If-Match.
 *
 * @module
 */
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  S3Client,
} from "@aws-sdk/client-s3";
import { Buffer } from "node:buffer";
import { GO_PROGRAMS, goProgram } from "./go_program.ts";
import { type ServerCommand, startServerProcess } from "./server_process.ts";

/** A server, and a bucket in it. */
export interface S3Server extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** Where versitygw keeps objects, as plain files. */
  readonly folder: string;
  readonly bucket: string;
  /** What a user would set. */
  readonly env: Readonly<Record<string, string>>;
  readonly client: S3Client;
  put(key: string, content: Uint8Array | string, how?: Partial<PutObjectCommandInput>): Promise<void>;
  remove(key: string): Promise<void>;
}

/** The servers there are. */
export type S3ServerName = "minio" | "versitygw";

/** The keys of the servers' only user. */
export const KEYS = { accessKeyId: "kiln", secretAccessKey: "kiln-secret-key" } as const;

/** How to start one. */
export interface S3ServerOptions {
  /** `us-east-1` unless told. */
  readonly region?: string;
}

/** Starts a server with an empty bucket. */
export async function startS3Server(
  name: S3ServerName,
  { region = "us-east-1" }: S3ServerOptions = {},
): Promise<S3Server> {
  const process = await startServerProcess(name === "minio" ? await minio(region) : await versitygw(region));
  const endpoint = `http://${process.host}`;
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: KEYS });
  const bucket = "contexts";
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return {
    host: process.host,
    folder: process.folder,
    bucket,
    client,
    env: {
      S3_ENDPOINT: endpoint,
      S3_FORCE_PATH_STYLE: "true",
      AWS_ACCESS_KEY_ID: KEYS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey,
    },
    async put(key, content, how = {}): Promise<void> {
      const Body = typeof content === "string" ? Buffer.from(content) : content;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body, ...how }));
    },
    async remove(key): Promise<void> {
      await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    async [Symbol.asyncDispose](): Promise<void> {
      client.destroy();
      await process[Symbol.asyncDispose]();
    },
  };
}

async function minio(region: string): Promise<ServerCommand> {
  const program = await goProgram(GO_PROGRAMS.minio);
  return {
    command: ({ port, folder }) => [program, "server", "--quiet", "--address", `127.0.0.1:${port}`, `${folder}/data`],
    env: {
      MINIO_ROOT_USER: KEYS.accessKeyId,
      MINIO_ROOT_PASSWORD: KEYS.secretAccessKey,
      MINIO_BROWSER: "off",
      MINIO_REGION: region,
      MINIO_UPDATE: "off",
    },
    ready: "/minio/health/ready",
  };
}

async function versitygw(region: string): Promise<ServerCommand> {
  const program = await goProgram(GO_PROGRAMS.versitygw);
  return {
    command: ({ port, folder }) => [
      "sh",
      "-c",
      'mkdir "$2/data" && exec "$1" --port "127.0.0.1:$3" --region "$4" --quiet posix "$2/data"',
      "sh",
      program,
      folder,
      String(port),
      region,
    ],
    env: { ROOT_ACCESS_KEY: KEYS.accessKeyId, ROOT_SECRET_KEY: KEYS.secretAccessKey },
    ready: "/",
  };
}
