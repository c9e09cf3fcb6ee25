/**
 * Object stores and token services by their real names: which hosts are asked, with which credentials, where nothing
 * names an endpoint. A proxy stands for the internet; behind it one server answers for every host, with a certificate
 * that is trusted because `SSL_CERT_FILE` names it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants, generateKeyPairSync, verify, X509Certificate } from "node:crypto";
import { join } from "node:path/posix";
import type { AzureLocation, GcsLocation, S3Location } from "../../lib/contexts/context_location.ts";
import { aws, azure, bearer, google, sendPart } from "../support/cloud_fakes.ts";
import { packContext } from "../support/context_archive.ts";
import { run } from "../support/environment/command.ts";
import { fetchApart, type FetchedApart } from "../support/fetch_apart.ts";
import { cloudIdentity, type InternetOptions, startInternet } from "../support/internet.ts";
import { createIdentity, type Handler } from "../support/registry_server.ts";

const FILES = { a: "1" };
const CONTENT = await packContext(FILES);
const IDENTITY = await cloudIdentity();

/** What came of a fetch, and which hosts were asked for. */
interface Asked extends FetchedApart {
  readonly hosts: readonly string[];
}

async function fetchFromInternet(
  location: S3Location | GcsLocation | AzureLocation,
  answer: Handler,
  options: Omit<InternetOptions, "identity"> & Partial<Pick<InternetOptions, "identity">>,
): Promise<Asked> {
  await using internet = await startInternet(answer, { identity: IDENTITY, ...options });
  return { ...await fetchApart(location, internet.env), hosts: internet.hosts() };
}

function assertFetched({ files, error, stderr, messages }: Asked): void {
  assert.deepEqual(files, FILES, `${error?.message} ${error?.hint ?? ""}\n${messages.join("\n")}\n${stderr}`);
  assert.equal(stderr, "", "an SDK printed something");
}

const S3: S3Location = { kind: "s3", bucket: "contexts", key: "app/context.tar.gz" };

const KEYS = { AWS_ACCESS_KEY_ID: "AKIAOWN", AWS_SECRET_ACCESS_KEY: "own-secret" };

Deno.test("S3 by its own name, is asked by the bucket's host in the region of the configuration", async () => {
  const env = { ...KEYS, AWS_REGION: "eu-central-1" };
  const fetched = await fetchFromInternet(S3, aws(CONTENT, "AKIAOWN"), { env });
  assertFetched(fetched);
  assert.deepEqual(fetched.hosts, ["contexts.s3.eu-central-1.amazonaws.com"]);
});

Deno.test("S3 credentials, of a web identity, come from the region's STS, through the proxy", async () => {
  const isRight = (form: URLSearchParams): boolean =>
    form.get("Action") === "AssumeRoleWithWebIdentity" && form.get("WebIdentityToken") === "the-jwt";
  const fetched = await fetchFromInternet(S3, aws(CONTENT, "ASIATEMP", isRight), {
    env: {
      AWS_REGION: "eu-west-1",
      AWS_WEB_IDENTITY_TOKEN_FILE: "{HOME}/token",
      AWS_ROLE_ARN: "arn:aws:iam::1:role/builder",
    },
    files: { token: "the-jwt" },
  });
  assertFetched(fetched);
  assert.deepEqual(fetched.hosts, ["sts.eu-west-1.amazonaws.com", "contexts.s3.eu-west-1.amazonaws.com"]);
  assert.deepEqual(fetched.revealed, ["temp-secret", "temp-token"]);
});

Deno.test("S3 credentials, of a role that a profile assumes with another's keys, come from STS", async () => {
  const isRight = (form: URLSearchParams, authorization: string): boolean =>
    form.get("Action") === "AssumeRole" && form.get("RoleArn") === "arn:aws:iam::1:role/builder" &&
    authorization.includes("Credential=AKIABASE/");
  const fetched = await fetchFromInternet(S3, aws(CONTENT, "ASIATEMP", isRight), {
    env: { AWS_PROFILE: "builder" },
    files: {
      ".aws/config":
        "[profile builder]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/builder\nsource_profile = base\n",
      ".aws/credentials": "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base-secret\n",
    },
  });
  assertFetched(fetched);
  assert.deepEqual(fetched.hosts, ["sts.eu-west-1.amazonaws.com", "contexts.s3.eu-west-1.amazonaws.com"]);
});

Deno.test("S3 credentials, of a program that a profile names, are taken from what it prints", async () => {
  const printed = JSON.stringify({ Version: 1, AccessKeyId: "AKIAPRINTED", SecretAccessKey: "printed-secret" });
  const fetched = await fetchFromInternet(S3, aws(CONTENT, "AKIAPRINTED"), {
    env: { AWS_PROFILE: "printed" },
    files: {
      ".aws/config": "[profile printed]\nregion = eu-west-1\ncredential_process = cat {HOME}/printed\n",
      "printed": printed,
    },
  });
  assertFetched(fetched);
  assert.deepEqual(fetched.revealed, ["printed-secret"]);
});

/** What the documentation says of a store. */
interface DocumentedStore {
  readonly name: string;
  readonly endpoint: URL;
  readonly pathStyle: boolean;
  readonly region: string | undefined;
}

/** Reads the table of stores that speak S3. */
async function documentedStores(): Promise<readonly DocumentedStore[]> {
  const path = new URL("../../docs/object_store_contexts.md", import.meta.url);
  return (await Deno.readTextFile(path)).split("\n").flatMap((line) => {
    const [, name = "", endpoint = "", style = "", region = ""] = line.split("|").map((cell) => cell.trim());
    const url = /^`(https:[^`]*)`$/.exec(endpoint)?.[1];
    if (url === undefined) return [];
    return [{ name, endpoint: new URL(url), pathStyle: style === "`true`", region: /^`([^`]*)`/.exec(region)?.[1] }];
  });
}

Deno.test("S3 stores of the documentation, are asked as it says", async () => {
  const stores = await documentedStores();
  assert.ok(stores.length >= 10, "the table has moved");
  const identity = await createIdentity({
    names: stores.flatMap(({ endpoint: { hostname } }) => [hostname, `contexts.${hostname}`]),
  });
  for (const { name, endpoint, pathStyle, region } of stores) {
    const seen: string[] = [];
    const answer: Handler = async (request, response) => {
      const { path, headers: { authorization = "" } } = request;
      seen.push(`${path.split("?")[0]} ${/Credential=AKIAOWN\/[0-9]+\/([^/]+)\/s3\//.exec(authorization)?.[1]}`);
      await sendPart(CONTENT)(request, response);
    };
    const fetched = await fetchFromInternet(S3, answer, {
      identity,
      env: {
        ...KEYS,
        S3_ENDPOINT: endpoint.href,
        ...(pathStyle ? { S3_FORCE_PATH_STYLE: "true" } : {}),
        ...(region === undefined ? {} : { AWS_REGION: region }),
      },
    });
    assertFetched(fetched);
    const host = pathStyle ? endpoint.host : `contexts.${endpoint.host}`;
    assert.deepEqual(fetched.hosts, [host], name);
    const path = pathStyle ? "/contexts/app/context.tar.gz" : "/app/context.tar.gz";
    assert.deepEqual([...new Set(seen)], [`${path} ${region ?? "us-east-1"}`], name);
  }
});

const GCS: GcsLocation = { kind: "gcs", bucket: "contexts", key: "app/context.tar.gz" };
const ISSUER = "builder@project.iam.gserviceaccount.com";
const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** Checks the signature of a JWT and returns its claims. */
function claimsOf(jwt: string): Record<string, unknown> {
  const [head = "", claims = "", signature = ""] = jwt.split(".");
  const signed = Buffer.from(`${head}.${claims}`);
  assert.ok(verify("RSA-SHA256", signed, publicKey, Buffer.from(signature, "base64url")), "the signature is wrong");
  return JSON.parse(Buffer.from(claims, "base64url").toString());
}

const SERVICE_ACCOUNT = JSON.stringify({
  type: "service_account",
  project_id: "project",
  client_email: ISSUER,
  private_key_id: "1",
  private_key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  token_uri: "https://oauth2.googleapis.com/token",
});

Deno.test("Google credentials, of a service account, are a token for what it signed", async () => {
  const seen: Record<string, unknown>[] = [];
  const answer = google(CONTENT, "signed-token", (_path, host, body) => {
    if (host !== "oauth2.googleapis.com" && host !== "www.googleapis.com") return undefined;
    seen.push(claimsOf(new URLSearchParams(body).get("assertion") ?? JSON.parse(body).assertion));
    return bearer("signed-token");
  });
  const fetched = await fetchFromInternet(GCS, answer, {
    env: { GOOGLE_APPLICATION_CREDENTIALS: "{HOME}/key.json" },
    files: { "key.json": SERVICE_ACCOUNT },
  });
  assertFetched(fetched);
  assert.deepEqual([seen[0]?.["iss"], seen[0]?.["scope"]], [
    ISSUER,
    "https://www.googleapis.com/auth/devstorage.read_only",
  ]);
  assert.equal(fetched.hosts.at(-1), "storage.googleapis.com");
  assert.deepEqual([...new Set(fetched.revealed)], ["signed-token"]);
});

Deno.test("Google credentials, of gcloud's log-in, are found in the home directory", async () => {
  const answer = google(CONTENT, "user-token", (_path, _host, body) => {
    const form = new URLSearchParams(body);
    return form.get("refresh_token") === "the-refresh" && form.get("client_secret") === "gcloud-secret"
      ? bearer("user-token")
      : undefined;
  });
  const fetched = await fetchFromInternet(GCS, answer, {
    env: {},
    files: {
      ".config/gcloud/application_default_credentials.json": JSON.stringify({
        type: "authorized_user",
        client_id: "gcloud",
        client_secret: "gcloud-secret",
        refresh_token: "the-refresh",
      }),
    },
  });
  assertFetched(fetched);
});

Deno.test("Google credentials, of a federation that impersonates a service account, are that account's", async () => {
  const answer = google(CONTENT, "impersonated", (path, host, body, authorization) => {
    if (host === "sts.googleapis.com") {
      return new URLSearchParams(body).get("subject_token") === "the-jwt" ? bearer("federated") : undefined;
    }
    const right = host === "iamcredentials.googleapis.com" && authorization === "Bearer federated" &&
      path.endsWith(`/serviceAccounts/${ISSUER}:generateAccessToken`);
    return right ? JSON.stringify({ accessToken: "impersonated", expireTime: "2099-01-01T00:00:00Z" }) : undefined;
  });
  const fetched = await fetchFromInternet(GCS, answer, {
    env: { GOOGLE_APPLICATION_CREDENTIALS: "{HOME}/adc.json" },
    files: {
      "token": "the-jwt",
      "adc.json": JSON.stringify({
        type: "external_account",
        audience: "//iam.googleapis.com/pool",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: "https://sts.googleapis.com/v1/token",
        credential_source: { file: "{HOME}/token" },
        service_account_impersonation_url:
          `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${ISSUER}:generateAccessToken`,
      }),
    },
  });
  assertFetched(fetched);
});

Deno.test("Google credentials, of a user who impersonates a service account, are that account's", async () => {
  const answer = google(CONTENT, "impersonated", (path, host, body, authorization) => {
    if (host === "oauth2.googleapis.com") {
      return new URLSearchParams(body).get("refresh_token") === "the-refresh" ? bearer("user-token") : undefined;
    }
    const right = host === "iamcredentials.googleapis.com" && authorization === "Bearer user-token" &&
      path.endsWith(`/serviceAccounts/${ISSUER}:generateAccessToken`);
    return right ? JSON.stringify({ accessToken: "impersonated", expireTime: "2099-01-01T00:00:00Z" }) : undefined;
  });
  const fetched = await fetchFromInternet(GCS, answer, {
    env: { GOOGLE_APPLICATION_CREDENTIALS: "{HOME}/adc.json" },
    files: {
      "adc.json": JSON.stringify({
        type: "impersonated_service_account",
        service_account_impersonation_url:
          `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${ISSUER}:generateAccessToken`,
        source_credentials: {
          type: "authorized_user",
          client_id: "c",
          client_secret: "s",
          refresh_token: "the-refresh",
        },
      }),
    },
  });
  assertFetched(fetched);
});

Deno.test("Google credentials, of a service account that Google does not know, end the build and are not shown", async () => {
  const { error, messages, stderr } = await fetchFromInternet(GCS, google(CONTENT, "none", () => undefined), {
    env: { GOOGLE_APPLICATION_CREDENTIALS: "{HOME}/key.json" },
    files: { "key.json": SERVICE_ACCOUNT },
  });
  assert.equal(error?.kind, "denied");
  assert.match(error?.message ?? "", /no access token can be had: .*invalid_grant/);
  assert.match(error?.hint ?? "", /check what GOOGLE_APPLICATION_CREDENTIALS says/);
  assert.doesNotMatch(JSON.stringify([error, messages, stderr]), /PRIVATE KEY/);
});

function azureAt(suffix: string): AzureLocation {
  return {
    kind: "azure",
    account: "account",
    endpoint: `https://account.blob.${suffix}`,
    container: "c",
    path: "context.tar.gz",
    query: "",
  };
}

const CLOUDS: readonly (readonly [cloud: string, suffix: string, authority: string])[] = [
  ["the public cloud", "core.windows.net", "login.microsoftonline.com"],
  ["China", "core.chinacloudapi.cn", "login.partner.microsoftonline.cn"],
  ["the US government", "core.usgovcloudapi.net", "login.microsoftonline.us"],
];
for (const [cloud, suffix, authority] of CLOUDS) {
  Deno.test(`Azure in ${cloud}, is asked with the account's key`, async () => {
    const env = { AZURE_STORAGE_ACCESS_KEY: btoa("the key") };
    const fetched = await fetchFromInternet(azureAt(suffix), azure(CONTENT, () => false), { env });
    assertFetched(fetched);
    assert.deepEqual(fetched.hosts, [`account.blob.${suffix}`]);
  });

  Deno.test(`Azure in ${cloud}, gets tokens of a workload identity from its own authority`, async () => {
    const fetched = await fetchFromInternet(
      azureAt(suffix),
      azure(CONTENT, (form) => form.get("client_assertion") === "the-jwt"),
      {
        env: { AZURE_FEDERATED_TOKEN_FILE: "{HOME}/token", AZURE_TENANT_ID: "tenant", AZURE_CLIENT_ID: "client" },
        files: { token: "the-jwt" },
      },
    );
    assertFetched(fetched);
    assert.ok(fetched.hosts.includes(authority), fetched.hosts.join());
    const others = fetched.hosts.filter((host) => ![authority, `account.blob.${suffix}`].includes(host));
    assert.deepEqual(others, []);
  });
}

/** A certificate and its key, in the order and the form a user may have them in. */
const CERTIFICATES: readonly (readonly [form: string, make: string])[] = [
  ["before its certificate", "cat key.pem cert.pem"],
  ["behind its certificate, encrypted", "cat cert.pem; openssl pkcs8 -topk8 -in key.pem -passout pass:the-password"],
];
for (const [form, make] of CERTIFICATES) {
  Deno.test(`Azure credentials, of a client certificate with its key ${form}, are a token for what it signed`, async () => {
    const { key, cert } = await createIdentity({ key: "rsa" });
    const folder = await Deno.makeTempDir({ prefix: "kiln-certificate-" });
    try {
      await Deno.writeTextFile(join(folder, "key.pem"), key);
      await Deno.writeTextFile(join(folder, "cert.pem"), cert);
      const { stdout: pem } = await run(["sh", "-ec", make], { cwd: folder });
      const fetched = await fetchFromInternet(
        azureAt("core.windows.net"),
        azure(CONTENT, (form) => isSigned(form, cert)),
        {
          env: {
            AZURE_CLIENT_CERTIFICATE_PATH: "{HOME}/client.pem",
            AZURE_TENANT_ID: "tenant",
            AZURE_CLIENT_ID: "client",
            ...(make.includes("pass:") ? { AZURE_CLIENT_CERTIFICATE_PASSWORD: "the-password" } : {}),
          },
          files: { "client.pem": pem },
        },
      );
      assertFetched(fetched);
      assert.ok(make.includes("pass:") === fetched.revealed?.includes("the-password"));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** https://learn.microsoft.com/entra/identity-platform/certificate-credentials */
function isSigned(form: URLSearchParams, cert: string): boolean {
  const [head = "", claims = "", signature = ""] = (form.get("client_assertion") ?? "").split(".");
  const certificate = new X509Certificate(cert);
  const read = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, "base64url").toString());
  const { alg, "x5t#S256": thumbprint } = read(head);
  const { aud, iss, sub, exp } = read(claims);
  const key = { key: certificate.publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const now = Date.now() / 1000;
  return alg === "PS256" &&
    Buffer.from(String(thumbprint), "base64url").toString("hex").toUpperCase() ===
      certificate.fingerprint256.replaceAll(":", "") &&
    aud === "https://login.microsoftonline.com/tenant/oauth2/v2.0/token" && iss === "client" && sub === "client" &&
    Number(exp) > now && Number(exp) < now + 3600 &&
    verify("sha256", Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, "base64url")) &&
    form.get("client_assertion_type") === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
}

Deno.test("Azure credentials, when there are none and nothing is public, are those of the machine", async () => {
  const fetched = await fetchFromInternet(azureAt("core.windows.net"), azure(CONTENT, () => false), { env: {} });
  assertFetched(fetched);
  assert.match(fetched.messages.join("\n"), /trying the managed identity of this machine/);
});
