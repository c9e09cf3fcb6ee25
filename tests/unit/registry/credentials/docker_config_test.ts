import assert from "node:assert/strict";
import { join } from "node:path";
import { KilnError } from "../../../../lib/errors.ts";
import { dockerConfig, type DockerConfigOptions } from "../../../../lib/registry/credentials/docker_config.ts";
import type { FoundCredential } from "../../../../lib/registry/credentials/credential.ts";
import { type TempFolder, tempFolder } from "../../../support/registry_temp.ts";

const SIGNAL = new AbortController().signal;

interface Question {
  readonly environment: Record<string, string>;
  readonly registry?: string;
  readonly repository?: string;
  readonly options?: Partial<DockerConfigOptions>;
}

function find({ environment, registry = "reg.example", repository = "org/app", options = {} }: Question): Promise<
  FoundCredential | undefined
> {
  const source = dockerConfig({ environment: (name) => environment[name], ...options });
  return source.find({ registry, repository }, SIGNAL);
}

function config(user: string, key = "reg.example"): string {
  return JSON.stringify({ auths: { [key]: { auth: btoa(`${user}:secret`) } } });
}

function userOf(found: FoundCredential | undefined): string | undefined {
  return found?.credential.kind === "basic" ? found.credential.username : found?.credential.kind;
}

/** Puts a shell script on a PATH of its own as docker-credential-NAME; returns the environment for it. */
async function helper(folder: TempFolder, name: string, script: string): Promise<Record<string, string>> {
  await folder.write(`bin/docker-credential-${name}`, `#!/bin/sh\n${script}\n`, 0o755);
  return { PATH: `${join(folder.path, "bin")}:/usr/bin:/bin` };
}

const ANSWER = `printf '{"ServerURL":"%s","Username":"%s","Secret":"hunter2"}' x "$server"`;

Deno.test("dockerConfig() reads config.json in the directory DOCKER_CONFIG names", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("config.json", config("me"));
  const found = await find({ environment: { DOCKER_CONFIG: folder.path, HOME: "/nowhere" } });
  assert.deepEqual(found, { credential: { kind: "basic", username: "me", password: "secret" }, origin: `"${path}"` });
});

Deno.test("dockerConfig() reads the file DOCKER_CONFIG names", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("auth", config("me"));
  assert.equal(userOf(await find({ environment: { DOCKER_CONFIG: path } })), "me");
});

Deno.test("dockerConfig() falls back to Kiln's own directory when DOCKER_CONFIG names nothing", async () => {
  await using folder = await tempFolder();
  await folder.write("own/.docker/config.json", config("own"));
  await folder.write("home/.docker/config.json", config("home"));
  const environment = { DOCKER_CONFIG: join(folder.path, "missing"), HOME: join(folder.path, "home") };
  const options = { ownDirectory: join(folder.path, "own") };
  assert.equal(userOf(await find({ environment, options })), "own");
  assert.equal(userOf(await find({ environment })), undefined);
});

Deno.test("dockerConfig() looks for the file where Docker and Podman keep it, in order", async () => {
  await using folder = await tempFolder();
  const at = (name: string) => join(folder.path, name);
  const environment = {
    HOME: at("home"),
    REGISTRY_AUTH_FILE: at("named.json"),
    XDG_RUNTIME_DIR: at("run"),
    XDG_CONFIG_HOME: at("config"),
  };
  const files = [
    "home/.docker/config.json",
    "named.json",
    "run/containers/auth.json",
    "config/containers/auth.json",
  ];
  assert.equal(await find({ environment }), undefined);
  for (const file of files.toReversed()) {
    await folder.write(file, config(file));
    assert.equal(userOf(await find({ environment })), file);
  }
});

Deno.test("dockerConfig() reads only the first file that exists", async () => {
  await using folder = await tempFolder();
  await folder.write("home/.docker/config.json", config("me", "other.example"));
  const file = await folder.write("named.json", config("me"));
  const environment = { HOME: join(folder.path, "home"), REGISTRY_AUTH_FILE: file };
  assert.equal(await find({ environment }), undefined);
});

Deno.test("dockerConfig() sees a secret that was rotated", async () => {
  await using folder = await tempFolder();
  const source = dockerConfig({ environment: (name) => name === "DOCKER_CONFIG" ? folder.path : undefined });
  const target = { registry: "reg.example", repository: "app" };
  await folder.write("config.json", config("old"));
  assert.equal(userOf(await source.find(target, SIGNAL)), "old");
  await folder.write("config.json", config("new"));
  assert.equal(userOf(await source.find(target, SIGNAL)), "new");
});

Deno.test("dockerConfig() takes the longest path, and never a sibling's credentials", async () => {
  await using folder = await tempFolder();
  const auth = (user: string) => ({ auth: btoa(`${user}:x`) });
  await folder.write(
    "config.json",
    JSON.stringify({ auths: { "reg.example/org": auth("org"), "reg.example/org/app": auth("app") } }),
  );
  const environment = { DOCKER_CONFIG: folder.path };
  assert.equal(userOf(await find({ environment, repository: "org/app" })), "app");
  assert.equal(userOf(await find({ environment, repository: "org/app2" })), "org");
  assert.equal(userOf(await find({ environment, repository: "org2/app" })), undefined);
  assert.equal(userOf(await find({ environment, registry: "reg.example.evil" })), undefined);
});

Deno.test("dockerConfig() asks the helper of the host before auths", async () => {
  await using folder = await tempFolder();
  await folder.write(
    "config.json",
    JSON.stringify({ credHelpers: { "reg.example": "it" }, auths: { "reg.example": { auth: btoa("file:x") } } }),
  );
  const env = await helper(folder, "it", `read server; ${ANSWER}`);
  const found = await find({ environment: { DOCKER_CONFIG: folder.path }, options: { helper: { env } } });
  assert.deepEqual(found, {
    credential: { kind: "basic", username: "reg.example", password: "hunter2" },
    origin: "docker-credential-it",
  });
});

Deno.test("dockerConfig() asks a helper named for exactly the repository, not one for a path above it", async () => {
  await using folder = await tempFolder();
  await folder.write(
    "config.json",
    JSON.stringify({ credHelpers: { "reg.example/org/app": "it", "reg.example/team": "missing" } }),
  );
  const env = await helper(folder, "it", `read server; ${ANSWER}`);
  const environment = { DOCKER_CONFIG: folder.path };
  const options = { helper: { env } };
  assert.equal(userOf(await find({ environment, options })), "reg.example/org/app");
  assert.equal(await find({ environment, options, repository: "team/app" }), undefined);
});

Deno.test("dockerConfig() asks credsStore with the server name Docker Hub has there", async () => {
  await using folder = await tempFolder();
  await folder.write("config.json", JSON.stringify({ credsStore: "it" }));
  const env = await helper(folder, "it", `read server; ${ANSWER}`);
  const found = await find({
    environment: { DOCKER_CONFIG: folder.path },
    registry: "docker.io",
    options: { helper: { env } },
  });
  assert.equal(userOf(found), "https://index.docker.io/v1/");
});

Deno.test("dockerConfig() takes auths when the helper has nothing", async () => {
  await using folder = await tempFolder();
  await folder.write(
    "config.json",
    JSON.stringify({ credsStore: "it", auths: { "reg.example": { auth: btoa("file:x") } } }),
  );
  const env = await helper(folder, "it", "echo credentials not found in native keychain; exit 1");
  const found = await find({ environment: { DOCKER_CONFIG: folder.path }, options: { helper: { env } } });
  assert.equal(userOf(found), "file");
});

const MALFORMED: readonly (readonly [content: string, why: string])[] = [
  ['{"auths": {"reg.example": {"auth": "hunter2"', 'the docker config "PATH": it is not valid JSON'],
  ["", 'the docker config "PATH": it is not valid JSON'],
  ["7", 'the docker config "PATH": it is not a JSON object'],
  ['{"auths": 7}', '"auths" of the docker config "PATH": it is not a JSON object'],
  ['{"credHelpers": {"reg.example": 7}}', 'the docker config "PATH": "credHelpers" has a value that is not a string'],
  ['{"credsStore": {}}', 'the docker config "PATH": "credsStore" is not a string'],
  [
    '{"auths": {"reg.example": {"auth": "?hunter2"}}}',
    'the entry "reg.example" of "PATH": its "auth" is not base64 of "user:password"',
  ],
];

// With the JSON error kept as the cause, the secret in the text is shown, and the answers of helpers below fail.
for (const [content, why] of MALFORMED) {
  Deno.test(`dockerConfig() names the file it cannot read: ${why}`, async () => {
    await using folder = await tempFolder();
    const path = await folder.write("config.json", content);
    await assert.rejects(find({ environment: { DOCKER_CONFIG: folder.path } }), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "usage");
      assert.equal(error.message, `Cannot read ${why.replace("PATH", path)}`);
      assert.ok(!Deno.inspect(error).includes("hunter2"));
      return true;
    });
  });
}

Deno.test("dockerConfig() refuses a file of more than 4 MiB", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("config.json", " ".repeat(4 * 1024 * 1024 + 1));
  await assert.rejects(find({ environment: { DOCKER_CONFIG: folder.path } }), {
    message: `Cannot read the docker config "${path}": it is larger than 4 MiB`,
  });
});

// F14: helpers that misbehave. With the cap on the output, or the look for secrets in it, left out their cases fail.
const FAULTS: readonly (readonly [name: string, script: string, why: RegExp])[] = [
  ["hangs", "exec sleep 60", /it did not end within 0\.2 s$/],
  ["leaves a child that holds its output", "sleep 60 & exec sleep 60", /it did not end within 0\.2 s$/],
  ["prints 10 MB", "exec head -c 10000000 /dev/zero", /it printed more than 64 KiB$/],
  ["fails with a reason", "echo no network >&2; exit 3", /it ended with exit status 3: no network$/],
  ["fails with terminal codes", "printf 'a\\033[31mb' >&2; exit 3", /exit status 3: a\\x1b\[31mb$/],
  ["fails and prints the secret", 'echo \'{"Secret":"hunter2"}\'; exit 1', /it ended with exit status 1$/],
  ["is killed", "kill -9 $$", /it ended with the signal SIGKILL$/],
];

for (const [name, script, why] of FAULTS) {
  Deno.test(`dockerConfig() names a helper that ${name}, not the secret`, async () => {
    await using folder = await tempFolder();
    const path = await folder.write("config.json", JSON.stringify({ credsStore: "it" }));
    const env = await helper(folder, "it", script);
    // Generous where it is not the time that is tested: starting a process can take long on a busy machine.
    const timeoutMs = why.source.includes("within") ? 200 : 30_000;
    const options = { helper: { env, timeoutMs } };
    await assert.rejects(find({ environment: { DOCKER_CONFIG: folder.path }, options }), (error) => {
      assert.ok(error instanceof KilnError && error.kind === "denied", Deno.inspect(error));
      assert.match(error.message, /^Cannot get credentials for "reg\.example" from docker-credential-it: /);
      assert.match(error.message, why);
      assert.equal(error.hint, `"${path}" names this helper`);
      assert.ok(!Deno.inspect(error).includes("hunter2"));
      return true;
    });
  });
}

for (const answer of ["garbage hunter2", '{"Username":"me"}', '{"Username":"me","Secret":7}', "[]"]) {
  Deno.test(`dockerConfig() refuses the answer ${answer.replace("hunter2", "...")} of a helper`, async () => {
    await using folder = await tempFolder();
    await folder.write("config.json", JSON.stringify({ credsStore: "it" }));
    const env = await helper(folder, "it", `echo '${answer}'`);
    const finding = find({ environment: { DOCKER_CONFIG: folder.path }, options: { helper: { env } } });
    await assert.rejects(finding, (error) => {
      assert.ok(error instanceof KilnError && error.kind === "usage");
      assert.match(error.message, /^Cannot read the answer of docker-credential-it: /);
      assert.ok(!Deno.inspect(error).includes("hunter2"));
      return true;
    });
  });
}

Deno.test("dockerConfig() says that a helper is not installed", async () => {
  await using folder = await tempFolder();
  await folder.write("config.json", JSON.stringify({ credsStore: "desktop" }));
  const options = { helper: { env: { PATH: folder.path } } };
  await assert.rejects(find({ environment: { DOCKER_CONFIG: folder.path }, options }), {
    message: 'Cannot get credentials for "reg.example" from docker-credential-desktop: it is not on the PATH',
  });
});

// With the check of the name left out this fails.
Deno.test("dockerConfig() runs no program outside the PATH", async () => {
  await using folder = await tempFolder();
  await folder.write("config.json", JSON.stringify({ credsStore: "x/../../../bin/sh" }));
  await assert.rejects(find({ environment: { DOCKER_CONFIG: folder.path } }), {
    message: 'Cannot run the credential helper "x/../../../bin/sh": that is not a program\'s name',
  });
});

Deno.test("dockerConfig() stops a helper with the reason of the signal", async () => {
  await using folder = await tempFolder();
  await folder.write("config.json", JSON.stringify({ credsStore: "it" }));
  const env = await helper(folder, "it", "exec sleep 60");
  const source = dockerConfig({
    environment: (name) => name === "DOCKER_CONFIG" ? folder.path : undefined,
    helper: { env },
  });
  const controller = new AbortController();
  const finding = source.find({ registry: "reg.example", repository: "app" }, controller.signal);
  const reason = new Error("interrupted");
  queueMicrotask(() => controller.abort(reason));
  await assert.rejects(finding, reason);
});
