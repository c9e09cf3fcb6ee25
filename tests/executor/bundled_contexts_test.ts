/**
 * Contexts by the program as it is shipped: bundled, where what an SDK exports may be found in another place.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { makeBundle } from "../../scripts/build/bundle.ts";
import { aws, azure, bearer, google } from "../support/cloud_fakes.ts";
import { packContext } from "../support/context_archive.ts";
import { SEARCH_PATH } from "../support/environment/command.ts";
import { cloudIdentity, startInternet } from "../support/internet.ts";
import type { Handler } from "../support/registry_server.ts";

const ROOT = join(import.meta.dirname ?? "", "../..");
const CONTENT = await packContext({ Dockerfile: "FROM scratch\nCOPY . /\n" }, { compression: "xz" });

/** A context, who answers for it, and what the environment says. */
type Row = readonly [
  context: string,
  answer: Handler,
  env: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
];

const IDENTITY = { AZURE_TENANT_ID: "tenant", AZURE_CLIENT_ID: "client", AZURE_FEDERATED_TOKEN_FILE: "{HOME}/token" };
const ROLE = { AWS_ROLE_ARN: "arn:aws:iam::1:role/r", AWS_WEB_IDENTITY_TOKEN_FILE: "{HOME}/token" };
const USER = { type: "authorized_user", client_id: "c", client_secret: "s", refresh_token: "the-refresh" };
const ROWS: readonly Row[] = [
  [
    "s3://contexts/app/context.tar.gz",
    aws(CONTENT, "ASIATEMP", (form) => form.get("WebIdentityToken") === "the-jwt"),
    { ...ROLE, AWS_REGION: "eu-west-1" },
    { token: "the-jwt" },
  ],
  [
    "s3://contexts/app/context.tar.gz",
    aws(CONTENT, "ASIATEMP", (form) => form.get("Action") === "AssumeRole"),
    { AWS_PROFILE: "builder" },
    {
      ".aws/config":
        "[profile builder]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n" +
        "[profile base]\ncredential_process = cat {HOME}/printed\n",
      "printed": JSON.stringify({ Version: 1, AccessKeyId: "AKIABASE", SecretAccessKey: "base-secret" }),
    },
  ],
  [
    "gs://contexts/app/context.tar.gz",
    google(CONTENT, "user-token", () => bearer("user-token")),
    { GOOGLE_APPLICATION_CREDENTIALS: "{HOME}/adc.json" },
    { "adc.json": JSON.stringify(USER) },
  ],
  [
    "https://account.blob.core.windows.net/c/context.tar.gz",
    azure(CONTENT, (form) => form.get("client_assertion") === "the-jwt"),
    IDENTITY,
    { token: "the-jwt" },
  ],
];

Deno.test("bundled executor, has the SDKs of the clouds and xz", async () => {
  const bundle = await Deno.makeTempDir({ prefix: "kiln-bundle-" });
  try {
    await makeBundle(ROOT, bundle);
    const identity = await cloudIdentity();
    for (const [context, answer, env, files] of ROWS) {
      await using internet = await startInternet(answer, { env, files, identity });
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-config", join(bundle, "main.js"), `--context=${context}`, "--no-push"],
        env: { PATH: SEARCH_PATH, DENO_NO_UPDATE_CHECK: "1", ...internet.env },
        cwd: internet.home,
        clearEnv: true,
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
    }
  } finally {
    await Deno.remove(bundle, { recursive: true });
  }
});
