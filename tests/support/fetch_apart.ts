/**
 * Fetching a context in a process of its own, for what SDKs read from the environment and the home directory.
 *
 * @module
 */
import { join } from "node:path/posix";
import { createAzureSource } from "../../lib/contexts/azure.ts";
import type { AzureLocation, GcsLocation, S3Location } from "../../lib/contexts/context_location.ts";
import { createGcsSource } from "../../lib/contexts/gcs.ts";
import { createS3Source } from "../../lib/contexts/s3.ts";
import { KilnError } from "../../lib/errors.ts";
import { SEARCH_PATH } from "./environment/command.ts";
import { fetchContext } from "./fetch_context.ts";

/** What came of it. */
export interface FetchedApart {
  readonly files?: Readonly<Record<string, string>>;
  readonly messages: readonly string[];
  readonly revealed?: readonly string[];
  readonly error?: { readonly kind: string; readonly message: string; readonly hint?: string };
  /** What SDKs printed; nothing, as a rule. */
  readonly stderr: string;
}

/** Fetches with nothing but these variables. */
export async function fetchApart(
  location: S3Location | GcsLocation | AzureLocation,
  env: Readonly<Record<string, string>>,
): Promise<FetchedApart> {
  const home = await Deno.makeTempDir({ prefix: "kiln-home-" });
  try {
    const cache = Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/root", ".cache");
    const DENO_DIR = Deno.env.get("DENO_DIR") ?? join(cache, "deno");
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--quiet", import.meta.filename ?? "", JSON.stringify(location)],
      env: { PATH: SEARCH_PATH, HOME: home, DENO_DIR, NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1", ...env },
      clearEnv: true,
    }).output();
    const said = new TextDecoder().decode(stdout);
    const errors = new TextDecoder().decode(stderr);
    if (!said.startsWith("{")) throw new Error(`The process failed: ${said}${errors}`);
    return { ...JSON.parse(said), stderr: errors };
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

async function main(): Promise<void> {
  const location: S3Location | GcsLocation | AzureLocation = JSON.parse(Deno.args[0] ?? "");
  const messages: string[] = [];
  try {
    const fetched = await fetchContext(
      (parts) =>
        location.kind === "s3"
          ? createS3Source(location, parts)
          : location.kind === "gcs"
          ? createGcsSource(location, parts)
          : createAzureSource(location, parts),
      { env: Deno.env.toObject(), messages },
    );
    console.log(JSON.stringify(fetched));
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    const { kind, message, hint } = error;
    console.log(JSON.stringify({ messages, error: { kind, message, ...(hint === undefined ? {} : { hint }) } }));
  }
}

if (import.meta.main) await main();
