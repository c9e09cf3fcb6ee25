/**
 * Azurite, Microsoft's emulator of Azure Blob Storage. It checks keys and signatures.
 *
 * @module
 */
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { join } from "node:path/posix";
import { cached } from "./environment/cache.ts";
import { run } from "./environment/command.ts";
import { startServerProcess } from "./server_process.ts";

/** A running emulator with an empty container. */
export interface Azurite extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** The URL below which containers are. */
  readonly endpoint: string;
  readonly container: string;
  readonly service: BlobServiceClient;
  put(name: string, content: Uint8Array | string, metadata?: Record<string, string>): Promise<void>;
  remove(name: string): Promise<void>;
}

/** The account that every emulator has, and its key, which is public. */
export const ACCOUNT = {
  name: "devstoreaccount1",
  key: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
} as const;

const PACKAGE = "npm:azurite@3.37.0/azurite-blob";

/** Starts the emulator; `oauth` also takes tokens, whose signature it does not check. */
export async function startAzurite(): Promise<Azurite> {
  const cache = await cached({
    name: "azurite",
    inputs: [PACKAGE],
    what: `${PACKAGE}, about 200 MB of packages`,
    make: async (folder) => {
      await run([
        Deno.execPath(),
        "install",
        "--quiet",
        "--global",
        "--root",
        folder,
        "--no-config",
        "-A",
        "--name",
        "azurite",
        PACKAGE,
      ], {
        env: { DENO_DIR: join(folder, "deno") },
      });
    },
  });
  const process = await startServerProcess({
    // Outside of our configuration, or its packages would go into our lock file.
    command: ({ port, folder }) => [
      Deno.execPath(),
      "run",
      "-A",
      "--quiet",
      "--no-config",
      "--no-lock",
      PACKAGE,
      "--blobHost",
      "127.0.0.1",
      "--blobPort",
      String(port),
      "--location",
      join(folder, "data"),
      "--skipApiVersionCheck",
      "--disableTelemetry",
      "--silent",
    ],
    env: { DENO_DIR: join(cache, "deno"), NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    ready: "/",
  });
  const endpoint = `http://${process.host}/${ACCOUNT.name}`;
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(ACCOUNT.name, ACCOUNT.key));
  const client = service.getContainerClient("contexts");
  try {
    await client.create();
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return {
    host: process.host,
    endpoint,
    container: "contexts",
    service,
    async put(name, content, metadata): Promise<void> {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const options = metadata === undefined ? {} : { metadata };
      await client.getBlockBlobClient(name).uploadData(bytes, { ...options, maxSingleShotSize: 256 * 1024 * 1024 });
    },
    async remove(name): Promise<void> {
      await client.deleteBlob(name);
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
