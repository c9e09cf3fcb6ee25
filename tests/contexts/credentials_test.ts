/**
 * Where credentials for object stores come from: each fetched in a process of its own, with an environment and a home
 * of its own, against servers that want exactly those credentials.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import type { AzureLocation, GcsLocation, S3Location } from "../../lib/contexts/context_location.ts";
import { sendPart } from "../support/cloud_fakes.ts";
import { packContext } from "../support/context_archive.ts";
import { answerError, startFakeS3 } from "../support/fake_s3.ts";
import { fetchApart } from "../support/fetch_apart.ts";
import { createIdentity, type SeenRequest, startServer, type TestServer } from "../support/registry_server.ts";

const S3: S3Location = { kind: "s3", bucket: "b", key: "context.tar.gz" };
const GCS: GcsLocation = { kind: "gcs", bucket: "b", key: "context.tar.gz" };
const FILES = { a: "1" };

/** No address of the real world is asked. */
const NO_METADATA = { AWS_EC2_METADATA_DISABLED: "true", METADATA_SERVER_DETECTION: "none" };

/** An S3 that wants one access key, and one session token with it. */
async function startGuardedS3(accessKey: string, token?: string): Promise<TestServer> {
  return await startFakeS3({
    objects: { "context.tar.gz": await packContext(FILES) },
    before: ({ headers }, response) => {
      const known = headers.authorization?.includes(`Credential=${accessKey}/`) === true;
      if (known && headers["x-amz-security-token"] === token) return false;
      answerError(response, 403, "AccessDenied");
      return true;
    },
  });
}

function endpointOf(server: TestServer): Record<string, string> {
  return { S3_ENDPOINT: `http://${server.host}`, S3_FORCE_PATH_STYLE: "true", ...NO_METADATA };
}

async function withFiles<T>(files: Readonly<Record<string, string>>, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-credentials-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    return await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TEMPORARY = {
  AccessKeyId: "ASIATEMPORARY",
  SecretAccessKey: "temporary-secret",
  Token: "temporary-token",
  Expiration: "2099-01-01T00:00:00Z",
};

Deno.test("S3 credentials, of a profile in the shared files, with the profile's region", async () => {
  await using server = await startGuardedS3("AKIAPROFILE");
  const credentials = "[work]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = profile-secret\n";
  const config = "[profile work]\nregion = ap-south-1\n";
  await withFiles({ credentials, config }, async (folder) => {
    const env = {
      AWS_SHARED_CREDENTIALS_FILE: join(folder, "credentials"),
      AWS_CONFIG_FILE: join(folder, "config"),
      AWS_PROFILE: "work",
    };
    const { files, revealed, stderr } = await fetchApart(S3, { ...endpointOf(server), ...env });
    assert.deepEqual(files, FILES);
    assert.deepEqual(revealed, ["profile-secret"]);
    assert.equal(stderr, "");
  });
  assert.match(server.seen[0]?.headers.authorization ?? "", /\/ap-south-1\/s3\//);
});

Deno.test("S3 credentials, in the environment, win over AWS_PROFILE, as with kaniko", async () => {
  await using server = await startGuardedS3("AKIAENV");
  const env = { AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "s", AWS_PROFILE: "nobody" };
  const { files, stderr } = await fetchApart(S3, { ...endpointOf(server), ...env });
  assert.deepEqual(files, FILES);
  assert.equal(stderr, "");
});

Deno.test("S3 credentials, of a web identity, as in EKS (IRSA)", async () => {
  await using server = await startGuardedS3("ASIATEMPORARY", "temporary-token");
  await using sts = await startServer(async (request, response) => {
    const form = new URLSearchParams(new TextDecoder().decode(await request.body()));
    const right = form.get("Action") === "AssumeRoleWithWebIdentity" && form.get("WebIdentityToken") === "the-jwt" &&
      form.get("RoleArn") === "arn:aws:iam::1:role/builder";
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = TEMPORARY;
    const credentials = `<Credentials><AccessKeyId>${AccessKeyId}</AccessKeyId><SecretAccessKey>${SecretAccessKey}` +
      `</SecretAccessKey><SessionToken>${Token}</SessionToken><Expiration>${Expiration}</Expiration></Credentials>`;
    response.writeHead(right ? 200 : 403, { "content-type": "text/xml" }).end(
      `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">` +
        `<AssumeRoleWithWebIdentityResult>${credentials}</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`,
    );
  });
  await withFiles({ token: "the-jwt" }, async (folder) => {
    const env = {
      AWS_WEB_IDENTITY_TOKEN_FILE: join(folder, "token"),
      AWS_ROLE_ARN: "arn:aws:iam::1:role/builder",
      AWS_ENDPOINT_URL_STS: `http://${sts.host}`,
      AWS_REGION: "eu-west-1",
    };
    const { files, revealed, error } = await fetchApart(S3, { ...endpointOf(server), ...env });
    assert.equal(error, undefined);
    assert.deepEqual(files, FILES);
    assert.deepEqual(revealed, ["temporary-secret", "temporary-token"]);
  });
});

Deno.test("S3 credentials, of a container, as in ECS and EKS Pod Identity", async () => {
  await using server = await startGuardedS3("ASIATEMPORARY", "temporary-token");
  await using agent = await startServer((request, response) => {
    const known = request.headers.authorization === "pod-token";
    response.writeHead(known ? 200 : 401, { "content-type": "application/json" }).end(JSON.stringify(TEMPORARY));
  });
  const env = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://${agent.host}/v1/credentials`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: "pod-token",
  };
  assert.deepEqual((await fetchApart(S3, { ...endpointOf(server), ...env })).files, FILES);
});

Deno.test("S3 credentials, of the machine (IMDSv2)", async () => {
  await using server = await startGuardedS3("ASIATEMPORARY", "temporary-token");
  await using machine = await startServer((request, response) => {
    if (request.method === "PUT") return void response.end("imds-token");
    if (request.headers["x-aws-ec2-metadata-token"] !== "imds-token") return void response.writeHead(401).end();
    const role = "/latest/meta-data/iam/security-credentials/";
    if (request.path === role) return void response.end("builder");
    response.end(JSON.stringify({ Code: "Success", ...TEMPORARY }));
  });
  const env = { AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${machine.host}`, AWS_EC2_METADATA_DISABLED: "false" };
  assert.deepEqual((await fetchApart(S3, { ...endpointOf(server), ...env })).files, FILES);
});

for (const name of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
  Deno.test(`S3 endpoint, is that of ${name} where S3_ENDPOINT is not set`, async () => {
    await using server = await startGuardedS3("AKIAENV");
    const env = { [name]: `http://${server.host}`, AWS_ACCESS_KEY_ID: "AKIAENV", AWS_SECRET_ACCESS_KEY: "s" };
    assert.deepEqual((await fetchApart(S3, { ...NO_METADATA, ...env })).files, FILES);
  });
}

Deno.test("S3 credentials, when there are none, requests are not signed, and the user is told", async () => {
  await using server = await startFakeS3({
    objects: { "context.tar.gz": await packContext(FILES) },
    before: ({ headers }, response) => {
      if (headers.authorization === undefined) return false;
      answerError(response, 403, "AccessDenied");
      return true;
    },
  });
  const { files, messages } = await fetchApart(S3, endpointOf(server));
  assert.deepEqual(files, FILES);
  assert.match(messages.join("\n"), /No AWS credentials found: requests to S3 are not signed/);
});

Deno.test("S3 credentials, that were asked for and cannot be had, end the build", async () => {
  await using server = await startGuardedS3("AKIA");
  const { error } = await fetchApart(S3, { ...endpointOf(server), AWS_PROFILE: "nobody" });
  assert.equal(error?.kind, "denied");
  assert.match(
    error?.message ?? "",
    /^Cannot fetch "s3:\/\/b\/context\.tar\.gz": no AWS credentials can be had: /,
  );
  assert.match(error?.hint ?? "", /AWS_PROFILE/);
  assert.equal(server.seen.length, 0);
});

/** A strict Cloud Storage: it wants one token, and knows one object of one generation. */
async function startStrictGcs(token: string | undefined): Promise<TestServer> {
  const content = await packContext(FILES);
  return await startServer(({ path, headers }, response) => {
    const refuse = (code: number, message: string): void =>
      void response.writeHead(code, { "content-type": "application/json" })
        .end(JSON.stringify({ error: { code, message } }));
    const wanted = token === undefined ? undefined : `Bearer ${token}`;
    if (headers.authorization !== wanted) {
      return refuse(401, "Anonymous caller does not have storage.objects.get access");
    }
    const url = new URL(path, "http://gcs");
    if (url.pathname !== "/storage/v1/b/b/o/context.tar.gz") return refuse(404, "No such object");
    if (url.searchParams.get("alt") !== "media") {
      const resource = { name: "context.tar.gz", size: String(content.length), generation: "17" };
      return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(resource));
    }
    if ((url.searchParams.get("generation") ?? "17") !== "17") return refuse(404, "No such object");
    const [, start = "", end = ""] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    const range = { "content-range": `bytes ${start}-${end}/${content.length}`, "x-goog-generation": "17" };
    response.writeHead(206, range).end(content.subarray(Number(start), Number(end) + 1));
  });
}

function apiOf(server: TestServer): Record<string, string> {
  return { CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE: `http://${server.host}/storage/v1/`, ...NO_METADATA };
}

Deno.test("Google credentials, of a workload identity federation", async () => {
  await using server = await startStrictGcs("federated-token");
  await using sts = await startServer(async (request, response) => {
    const form = new URLSearchParams(new TextDecoder().decode(await request.body()));
    const right = form.get("subject_token") === "the-jwt" && form.get("audience") === "//iam.googleapis.com/pool";
    const token = { access_token: "federated-token", token_type: "Bearer", expires_in: 3600 };
    response.writeHead(right ? 200 : 400, { "content-type": "application/json" }).end(JSON.stringify(token));
  });
  await withFiles({ token: "the-jwt" }, async (folder) => {
    const account = {
      type: "external_account",
      audience: "//iam.googleapis.com/pool",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      token_url: `http://${sts.host}/v1/token`,
      credential_source: { file: join(folder, "token") },
    };
    await Deno.writeTextFile(join(folder, "adc.json"), JSON.stringify(account));
    const env = { ...apiOf(server), GOOGLE_APPLICATION_CREDENTIALS: join(folder, "adc.json") };
    const { files, revealed, stderr, error } = await fetchApart(GCS, env);
    assert.equal(error, undefined);
    assert.deepEqual(files, FILES);
    assert.deepEqual(new Set(revealed), new Set(["federated-token"]));
    assert.equal(stderr, "");
  });
});

Deno.test("Google credentials, of the machine or the pod (metadata server)", async () => {
  await using server = await startStrictGcs("machine-token");
  await using machine = await startServer((request, response) => {
    const flavor = { "metadata-flavor": "Google", "content-type": "application/json" };
    if (request.headers["metadata-flavor"] !== "Google") return void response.writeHead(403).end();
    const found = request.path.includes("/token")
      ? JSON.stringify({ access_token: "machine-token", expires_in: 3600, token_type: "Bearer" })
      : request.path.includes("universe")
      ? "googleapis.com"
      : "ok";
    response.writeHead(200, flavor).end(found);
  });
  const env = { ...apiOf(server), GCE_METADATA_HOST: machine.host, METADATA_SERVER_DETECTION: "assume-present" };
  const { files, error } = await fetchApart(GCS, env);
  assert.equal(error, undefined);
  assert.deepEqual(files, FILES);
});

Deno.test("Google credentials, when there are none, requests are anonymous, and the user is told", async () => {
  await using open = await startStrictGcs(undefined);
  const { files, messages, error } = await fetchApart(GCS, apiOf(open));
  assert.equal(error, undefined);
  assert.deepEqual(files, FILES);
  assert.match(messages.join("\n"), /No Google credentials found/);
  await using closed = await startStrictGcs("something");
  const denied = await fetchApart(GCS, apiOf(closed));
  assert.equal(denied.error?.kind, "denied");
  assert.match(denied.error?.message ?? "", /Anonymous caller does not have storage\.objects\.get access" \(401\)/);
  assert.match(denied.error?.hint ?? "", /no credentials were sent: set GOOGLE_APPLICATION_CREDENTIALS/);
});

Deno.test("Google credentials, whose file is not there or broken, end the build", async () => {
  await using server = await startStrictGcs("something");
  const env = { ...apiOf(server), GOOGLE_APPLICATION_CREDENTIALS: "/nonexistent/adc.json" };
  const { error } = await fetchApart(GCS, env);
  assert.equal(error?.kind, "denied");
  assert.match(error?.message ?? "", /no Google credentials can be had/);
  assert.match(error?.hint ?? "", /GOOGLE_APPLICATION_CREDENTIALS/);
});

/** A strict blob service over TLS, which wants a token, and the authority that gives it out. */
async function startAzure(want: (form: URLSearchParams) => boolean): Promise<TestServer & { readonly cert: string }> {
  const content = await packContext(FILES);
  const identity = await createIdentity();
  const json = { "content-type": "application/json" };
  const handler = async (
    request: SeenRequest,
    response: Parameters<Parameters<typeof startServer>[0]>[1],
  ): Promise<void> => {
    const { path, headers } = request;
    const base = `https://${headers.host}`;
    if (path.includes("/.well-known/openid-configuration")) {
      const document = {
        issuer: `${base}/tenant/v2.0`,
        authorization_endpoint: `${base}/tenant/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/tenant/oauth2/v2.0/token`,
        jwks_uri: `${base}/keys`,
      };
      return void response.writeHead(200, json).end(JSON.stringify(document));
    }
    if (path.includes("/oauth2/v2.0/token")) {
      const form = new URLSearchParams(new TextDecoder().decode(await request.body()));
      const right = want(form) && form.get("scope")?.includes("https://storage.azure.com/.default") === true;
      const token = { token_type: "Bearer", expires_in: 3600, access_token: "azure-token" };
      const refusal = { error: "invalid_client", error_description: "AADSTS7000215: no" };
      return void response.writeHead(right ? 200 : 401, json).end(JSON.stringify(right ? token : refusal));
    }
    if (headers.authorization !== "Bearer azure-token") {
      return void response.writeHead(401, { "x-ms-error-code": "NoAuthenticationInformation" }).end();
    }
    await sendPart(content)(request, response);
  };
  return { ...await startServer(handler, identity), cert: identity.cert };
}

const AZURE: AzureLocation = {
  kind: "azure",
  account: "account",
  endpoint: "https://account.blob.core.windows.net",
  container: "c",
  path: "context.tar.gz",
  query: "",
};

for (const kind of ["workload identity", "client secret"] as const) {
  Deno.test(`Azure credentials, of a ${kind}`, async () => {
    await using server = await startAzure((form) =>
      form.get("client_id") === "client" &&
      (kind === "client secret"
        ? form.get("client_secret") === "azure-secret"
        : form.get("client_assertion") === "the-jwt")
    );
    await withFiles({ "token": "the-jwt", "ca.pem": server.cert }, async (folder) => {
      const env = {
        AZURE_STORAGE_SERVICE_ENDPOINT: `https://localhost:${server.port}`,
        AZURE_AUTHORITY_HOST: `https://localhost:${server.port}`,
        AZURE_TENANT_ID: "tenant",
        AZURE_CLIENT_ID: "client",
        SSL_CERT_FILE: join(folder, "ca.pem"),
        ...(kind === "client secret"
          ? { AZURE_CLIENT_SECRET: "azure-secret" }
          : { AZURE_FEDERATED_TOKEN_FILE: join(folder, "token") }),
      };
      const { files, error, stderr } = await fetchApart(AZURE, env);
      assert.deepEqual(files, FILES, `${error?.message}\n${stderr}`);
      assert.equal(stderr, "");
    });
  });
}

Deno.test("Azure credentials, that the authority refuses, end the build without showing the secret", async () => {
  await using server = await startAzure(() => false);
  await withFiles({ "ca.pem": server.cert }, async (folder) => {
    const { error, messages } = await fetchApart(AZURE, {
      AZURE_STORAGE_SERVICE_ENDPOINT: `https://localhost:${server.port}`,
      AZURE_AUTHORITY_HOST: `https://localhost:${server.port}`,
      AZURE_TENANT_ID: "tenant",
      AZURE_CLIENT_ID: "client",
      AZURE_CLIENT_SECRET: "azure-secret",
      SSL_CERT_FILE: join(folder, "ca.pem"),
    });
    assert.equal(error?.kind, "denied");
    assert.match(error?.message ?? "", /no token can be had with the identity of AZURE_CLIENT_SECRET: /);
    assert.doesNotMatch(JSON.stringify([error, messages]), /azure-secret/);
  });
});
