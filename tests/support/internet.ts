/**
 * The internet, as far as the clouds go: a proxy for it, and behind it one server that answers for every host, with a
 * certificate that is trusted because `SSL_CERT_FILE` names it.
 *
 * @module
 */
import { join } from "node:path/posix";
import { startProxy } from "./proxy_server.ts";
import { createIdentity, type Handler, type Identity, startServer } from "./registry_server.ts";

const NAMES = [
  "*.s3.eu-central-1.amazonaws.com",
  "*.s3.eu-west-1.amazonaws.com",
  "sts.eu-west-1.amazonaws.com",
  "*.googleapis.com",
  "*.blob.core.windows.net",
  "*.blob.core.chinacloudapi.cn",
  "*.blob.core.usgovcloudapi.net",
  "login.microsoftonline.com",
  "login.chinacloudapi.cn",
  "login.partner.microsoftonline.cn",
  "login.microsoftonline.us",
];

/** Without it the machine's own metadata service would be looked for. */
const NO_METADATA = { AWS_EC2_METADATA_DISABLED: "true", METADATA_SERVER_DETECTION: "none" };

/** A certificate for the hosts of all clouds; making one takes a moment. */
export function cloudIdentity(): Promise<Identity> {
  return createIdentity({ names: NAMES, key: "rsa" });
}

/** A running internet, and a home directory to meet it with. */
export interface Internet extends AsyncDisposable {
  readonly home: string;
  /** What the environment must have. */
  readonly env: Readonly<Record<string, string>>;
  /** Which hosts were asked for, in order, each once. */
  hosts(): readonly string[];
}

/** What is to be in the home directory, and in the environment; `{HOME}` stands for it in both. */
export interface InternetOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly identity: Identity;
}

/** Starts it. */
export async function startInternet(
  answer: Handler,
  { env, files = {}, identity }: InternetOptions,
): Promise<Internet> {
  const started = new AsyncDisposableStack();
  const server = started.use(await startServer(answer, identity));
  const plain = started.use(await startServer(answer));
  const tunnel = started.use(await startProxy(server.port));
  const proxy = started.use(await startProxy(plain.port));
  const home = await Deno.makeTempDir({ prefix: "kiln-cloud-" });
  started.defer(() => Deno.remove(home, { recursive: true }));
  const fill = (text: string): string => text.replaceAll("{HOME}", home);
  for (const [path, text] of Object.entries({ "ca.pem": identity.cert, ...files })) {
    await Deno.mkdir(join(home, path, ".."), { recursive: true });
    await Deno.writeTextFile(join(home, path), fill(text));
  }
  return {
    home,
    env: {
      ...NO_METADATA,
      HOME: home,
      HTTPS_PROXY: tunnel.url,
      HTTP_PROXY: proxy.url,
      SSL_CERT_FILE: join(home, "ca.pem"),
      ...Object.fromEntries(Object.entries(env).map(([name, value]) => [name, fill(value)])),
    },
    hosts: () => {
      const asked = [...tunnel.asked, ...proxy.asked];
      return [...new Set(asked.map((line) => line.replace("CONNECT ", "").replace(":443", "")))];
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
