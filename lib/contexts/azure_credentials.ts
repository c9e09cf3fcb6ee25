/**
 * Which endpoint of Azure Blob Storage is asked, and as whom, as the URL and the environment say.
 *
 * The first of these that there is: a shared access signature in the URL; `AZURE_STORAGE_CONNECTION_STRING`;
 * `AZURE_STORAGE_ACCESS_KEY` (kaniko's) or `AZURE_STORAGE_KEY` (Azure CLI's); `AZURE_STORAGE_SAS_TOKEN`; an identity that
 * `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_CLIENT_SECRET`, `AZURE_CLIENT_CERTIFICATE_PATH`, `IDENTITY_ENDPOINT` or
 * `MSI_ENDPOINT` stand for; nobody. `AZURE_STORAGE_SERVICE_ENDPOINT` (Azure CLI's) names another endpoint: an emulator, a
 * private one.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Environment } from "../http/proxy.ts";
import type { AzureLocation } from "./context_location.ts";

/** Who asks where. */
export type AzureCredentials =
  & {
    /** The URL below which the containers are, without a slash at its end. */
    readonly endpoint: string;
    /** Where the credentials come from, for people; undefined without. */
    readonly source: string | undefined;
    /** Not to be printed. */
    readonly secrets: readonly string[];
    /** Whether tokens of identities may be sent to the endpoint. */
    readonly trusted: boolean;
    /** Where tokens are given out, if not where the SDK thinks; its own if it is none of Microsoft's clouds. */
    readonly authority: { readonly host: string; readonly own: boolean } | undefined;
    readonly variables: IdentityVariables;
  }
  & (
    | { readonly kind: "key"; readonly account: string; readonly key: string }
    | { readonly kind: "sas"; readonly signature: string }
    | { readonly kind: "identity" | "anonymous" }
  );

/** What the environment says of an identity. */
export interface IdentityVariables {
  readonly clientId: string | undefined;
  readonly tenantId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly certificatePath: string | undefined;
  readonly certificatePassword: string | undefined;
  readonly tokenFile: string | undefined;
}

/** Azure's clouds: where blobs are, and where their tokens are given out. Germany's was closed in 2021. */
const CLOUDS: Readonly<Record<string, string | undefined>> = {
  "core.windows.net": "https://login.microsoftonline.com",
  "storage.azure.net": "https://login.microsoftonline.com",
  "core.chinacloudapi.cn": "https://login.chinacloudapi.cn",
  "core.usgovcloudapi.net": "https://login.microsoftonline.us",
  "core.cloudapi.de": "https://login.microsoftonline.de",
};

/**
 * Finds endpoint and credentials.
 *
 * @throws {KilnError} kind `usage`, for a variable that cannot be used, or is for another account than the URL's.
 */
export function azureCredentials(location: AzureLocation, environment: Environment): AzureCredentials {
  const variable = (name: string) => environment(name) || undefined;
  const named = variable("AZURE_STORAGE_SERVICE_ENDPOINT");
  const connection = parseConnectionString(variable("AZURE_STORAGE_CONNECTION_STRING"), location.account);
  const endpoint = trimmed(named ?? connection?.endpoint ?? location.endpoint);
  if (!isHttpUrl(endpoint)) {
    const name = named === undefined
      ? "the endpoint in AZURE_STORAGE_CONNECTION_STRING"
      : "AZURE_STORAGE_SERVICE_ENDPOINT";
    throw new KilnError("usage", `Cannot use ${name}: it is not an http:// or https:// URL`);
  }
  const cloud = Object.keys(CLOUDS).find((suffix) => new URL(endpoint).hostname.endsWith(`.blob.${suffix}`));
  const host = variable("AZURE_AUTHORITY_HOST") ?? (cloud === undefined ? undefined : CLOUDS[cloud]);
  const variables: IdentityVariables = {
    clientId: variable("AZURE_CLIENT_ID"),
    tenantId: variable("AZURE_TENANT_ID"),
    clientSecret: variable("AZURE_CLIENT_SECRET"),
    certificatePath: variable("AZURE_CLIENT_CERTIFICATE_PATH"),
    certificatePassword: variable("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
    tokenFile: variable("AZURE_FEDERATED_TOKEN_FILE"),
  };
  const common = {
    endpoint,
    // A name like Azure's in another's domain must not get a token (S56); what the user names as endpoint may.
    trusted: (cloud !== undefined || named !== undefined) && endpoint.startsWith("https:"),
    authority: host === undefined ? undefined : { host, own: !Object.values(CLOUDS).includes(trimmed(host)) },
    variables,
    secrets: [],
  };
  const signature = (text: string, source: string): AzureCredentials => {
    const plain = text.replace(/^\?/, "");
    const sig = new URLSearchParams(plain).get("sig");
    return { ...common, kind: "sas", signature: plain, source, secrets: sig === null ? [plain] : [sig, plain] };
  };
  if (location.query !== "") return signature(location.query, "the signature in the URL");
  if (connection?.signature !== undefined) return signature(connection.signature, "AZURE_STORAGE_CONNECTION_STRING");
  const [key, source] = connection?.key !== undefined
    ? [connection.key, "AZURE_STORAGE_CONNECTION_STRING"]
    : variable("AZURE_STORAGE_ACCESS_KEY") !== undefined
    ? [variable("AZURE_STORAGE_ACCESS_KEY"), "AZURE_STORAGE_ACCESS_KEY"]
    : [variable("AZURE_STORAGE_KEY"), "AZURE_STORAGE_KEY"];
  if (key !== undefined) {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) throw new KilnError("usage", `Cannot use ${source}: it is not in base64`);
    return { ...common, kind: "key", account: location.account, key, source, secrets: [key] };
  }
  const token = variable("AZURE_STORAGE_SAS_TOKEN");
  if (token !== undefined) return signature(token, "AZURE_STORAGE_SAS_TOKEN");
  const wants = IDENTITIES.find((name) => variable(name) !== undefined);
  if (wants === undefined) return { ...common, kind: "anonymous", source: undefined };
  if (!common.trusted) {
    throw new KilnError("usage", `Cannot send a token to "${endpoint}": it is not an https:// URL of Azure`, {
      hint: "if it is meant, name it in AZURE_STORAGE_SERVICE_ENDPOINT, with https://",
    });
  }
  const secrets = [variables.clientSecret, variables.certificatePassword].filter((secret) => secret !== undefined);
  return { ...common, kind: "identity", source: `the identity of ${wants}`, secrets };
}

/** In this order: a pod with a workload identity may also have the others. */
const IDENTITIES: readonly string[] = [
  "AZURE_FEDERATED_TOKEN_FILE",
  "AZURE_CLIENT_SECRET",
  "AZURE_CLIENT_CERTIFICATE_PATH",
  "IDENTITY_ENDPOINT",
  "MSI_ENDPOINT",
];

interface ConnectionString {
  readonly endpoint: string | undefined;
  readonly key: string | undefined;
  readonly signature: string | undefined;
}

/** https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string */
function parseConnectionString(text: string | undefined, account: string): ConnectionString | undefined {
  if (text === undefined) return undefined;
  const refuse = (why: string) => new KilnError("usage", `Cannot use AZURE_STORAGE_CONNECTION_STRING: ${why}`);
  const fields = new Map(
    text.split(";").filter((pair) => pair.includes("=")).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim()];
    }),
  );
  if (fields.get("usedevelopmentstorage") === "true") {
    throw refuse("it stands for the emulator; write out its account, key and endpoint");
  }
  const [name, key, signature] = ["accountname", "accountkey", "sharedaccesssignature"].map((field) =>
    fields.get(field)
  );
  if (name !== undefined && name !== account) {
    throw refuse(`it is for the account "${name}", the context is in "${account}"`);
  }
  if (key === undefined && signature === undefined) throw refuse("it has neither AccountKey nor SharedAccessSignature");
  const suffix = fields.get("endpointsuffix");
  const scheme = fields.get("defaultendpointsprotocol") ?? "https";
  const endpoint = fields.get("blobendpoint") ??
    (suffix === undefined ? undefined : `${scheme}://${account}.blob.${suffix}`);
  return { endpoint, key, signature };
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, "");
}

function isHttpUrl(text: string): boolean {
  try {
    return /^https?:$/.test(new URL(text).protocol);
  } catch {
    return false;
  }
}
