/**
 * What the clouds answer: object stores that have one archive, for whom the right credentials are sent, and the services
 * that give them out.
 *
 * @module
 */
import { type Handler } from "./registry_server.ts";

/** Answers a request for the archive or a part of it, as S3 and Azure do. */
export function sendPart(content: Uint8Array): Handler {
  return ({ headers }, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(String(headers["x-ms-range"] ?? headers.range));
    const [start, end] = range === null ? [0, content.length] : [Number(range[1]), Number(range[2]) + 1];
    const part = content.subarray(start, end);
    response.writeHead(range === null ? 200 : 206, {
      ...range === null ? {} : { "content-range": `bytes ${start}-${start + part.length - 1}/${content.length}` },
      "content-length": String(part.length),
      "etag": '"0x1"',
    }).end(part);
  };
}

/** S3, and STS, which gives out `ASIATEMP` to whom `isRight` takes. */
export function aws(
  content: Uint8Array,
  accessKey: string,
  isRight: (form: URLSearchParams, authorization: string) => boolean = () => false,
): Handler {
  return async (request, response) => {
    const { headers } = request;
    const authorization = headers.authorization ?? "";
    if (headers.host?.startsWith("sts.") === true) {
      const form = new URLSearchParams(new TextDecoder().decode(await request.body()));
      const action = form.get("Action") ?? "";
      return void response.writeHead(isRight(form, authorization) ? 200 : 403, { "content-type": "text/xml" }).end(
        `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><${action}Result><Credentials>` +
          `<AccessKeyId>ASIATEMP</AccessKeyId><SecretAccessKey>temp-secret</SecretAccessKey>` +
          `<SessionToken>temp-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>` +
          `</Credentials></${action}Result></${action}Response>`,
      );
    }
    const known = authorization.includes(`Credential=${accessKey}/`) && headers["x-amz-security-token"] ===
        (accessKey === "ASIATEMP" ? "temp-token" : undefined);
    if (!known || request.path.split("?")[0] !== "/app/context.tar.gz") return void response.writeHead(403).end();
    await sendPart(content)(request, response);
  };
}

/** Cloud Storage for whom `token` is right, and Google's token services. */
export function google(
  content: Uint8Array,
  token: string,
  tokens: (path: string, host: string, body: string, authorization: string) => string | undefined,
): Handler {
  return async (request, response) => {
    const { path, headers } = request;
    const host = headers.host ?? "";
    const json = { "content-type": "application/json" };
    if (host !== "storage.googleapis.com") {
      const body = new TextDecoder().decode(await request.body());
      const given = tokens(path, host, body, headers.authorization ?? "");
      return void response.writeHead(given === undefined ? 400 : 200, json).end(given ?? '{"error":"invalid_grant"}');
    }
    const url = new URL(path, "http://gcs");
    const isObject = url.pathname === "/storage/v1/b/contexts/o/app%2Fcontext.tar.gz";
    if (headers.authorization !== `Bearer ${token}` || !isObject) return void response.writeHead(401, json).end("{}");
    if (url.searchParams.get("alt") === "media") return await sendPart(content)(request, response);
    const resource = { name: "app/context.tar.gz", size: String(content.length), generation: "17" };
    response.writeHead(200, json).end(JSON.stringify(resource));
  };
}

/** An answer with a token. */
export const bearer = (token: string): string =>
  JSON.stringify({ access_token: token, expires_in: 3600, token_type: "Bearer" });

/** Blobs for whom `token` is right, or for a shared key of `account`; and authorities that give `azure-token` out. */
export function azure(content: Uint8Array, isRight: (form: URLSearchParams) => boolean): Handler {
  return async (request, response) => {
    const { path, headers } = request;
    const host = headers.host ?? "";
    const json = { "content-type": "application/json" };
    if (path.includes("/.well-known/openid-configuration") || path.includes("/common/discovery/instance")) {
      const base = `https://${host}/tenant`;
      const document = {
        tenant_discovery_endpoint: `${base}/v2.0/.well-known/openid-configuration`,
        metadata: [{ preferred_network: host, preferred_cache: host, aliases: [host] }],
        issuer: `${base}/v2.0`,
        authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
        token_endpoint: `${base}/oauth2/v2.0/token`,
        jwks_uri: `${base}/keys`,
      };
      return void response.writeHead(200, json).end(JSON.stringify(document));
    }
    if (host.startsWith("login.")) {
      const form = new URLSearchParams(new TextDecoder().decode(await request.body()));
      return void response.writeHead(isRight(form) ? 200 : 401, json).end(
        JSON.stringify({ token_type: "Bearer", expires_in: 3600, access_token: "azure-token" }),
      );
    }
    if (host === "169.254.169.254") {
      const right = headers["metadata"] === "true" && path.includes("resource=https%3A%2F%2Fstorage.azure.com");
      return void response.writeHead(right ? 200 : 400, json).end(
        JSON.stringify({
          access_token: "azure-token",
          expires_in: "3600",
          expires_on: "4102444800",
          token_type: "Bearer",
        }),
      );
    }
    const known = headers.authorization === "Bearer azure-token" ||
      headers.authorization?.startsWith("SharedKey account:") === true;
    if (!known) return void response.writeHead(401, { "x-ms-error-code": "NoAuthenticationInformation" }).end();
    await sendPart(content)(request, response);
  };
}
