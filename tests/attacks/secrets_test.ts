/**
 * A secret of the build stays out of the image and the log (S65, S67).
 *
 * Guards: `SecretGuard` in lib/image (seen red with its `write` taken out of pack_layer.ts) and `refuseSecretsIn` there,
 * the redactor in lib/report (seen red with `redacting` taken out of lib/cli/run.ts), and of RUN's output in
 * lib/instructions/execute_run.ts), forbidCoreDumps in lib/cli/build_command.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, startSite } from "../support/executor_site.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";

const SECRET = "npm_aB3dEfGhIjKlMnOpQrStUvWxYz012345";

interface Built extends Outcome {
  /** Every blob of the image as bytes, decompressed. */
  readonly blobs: readonly Buffer[];
}

async function build(lines: readonly string[], isolation: string, flags: readonly string[] = []): Promise<Built> {
  await prepared({ tools: [], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({
    Dockerfile: lines.join("\n").replaceAll("BASE", registry.base("busybox")),
    ".npmrc": `//registry.npmjs.org/:_authToken=${SECRET}\n`,
  });
  await Deno.writeTextFile(`${site.path}/token`, `${SECRET}\n`);
  const outcome = await site.run([
    "--no-push",
    "--insecure-pull",
    `--isolation=${isolation}`,
    `--secret=id=npm,src=${site.path}/token`,
    `--oci-layout-path=${site.path}/image`,
    ...flags,
  ], { through: await placeOf(isolation, site) });
  await site.assertNothingLeft();
  const blobs: Buffer[] = [];
  if (outcome.code === 0) {
    for (const { name } of Deno.readDirSync(`${site.path}/image/blobs/sha256`)) {
      const bytes = Buffer.from(Deno.readFileSync(`${site.path}/image/blobs/sha256/${name}`));
      blobs.push(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes);
    }
  }
  return { ...outcome, blobs };
}

/** What a RUN or COPY leaves, and the file the error names. */
const LEAKS: readonly (readonly [shows: string, lines: readonly string[], file: string])[] = [
  ["as it is", ["RUN --mount=type=secret,id=npm cp /run/secrets/npm /root/token"], "/root/token"],
  ["inside a large file, in base64", [
    "RUN --mount=type=secret,id=npm mkdir /d; (head -c 1000003 /dev/zero; base64 </run/secrets/npm) >/d/x",
  ], "/d/x"],
  ["in the name of a file", ["RUN --mount=type=secret,id=npm touch /$(cat /run/secrets/npm)"], `/****`],
  ["in the target of a symlink", ["RUN --mount=type=secret,id=npm ln -s $(cat /run/secrets/npm) /link"], "/link"],
  ["as a part of JSON", [
    'RUN --mount=type=secret,id=npm echo "{\\"auth\\": \\"$(echo "me:$(cat /run/secrets/npm)" | base64 -w0)\\"}" >/config.json',
  ], "/config.json"],
  ["by a file of the context that nobody thought of", ["COPY . /app/"], "/app/.npmrc"],
  ["by another stage", [
    "RUN --mount=type=secret,id=npm cp /run/secrets/npm /t",
    "FROM BASE",
    "COPY --from=0 /t /etc/",
  ], "/etc/t"],
];

for (const isolation of ISOLATIONS) {
  for (const [shows, lines, file] of LEAKS) {
    Deno.test(`S65 secret in a layer, ${shows}: the build fails and names the file (${isolation})`, async () => {
      const { code, stderr } = await build(["FROM BASE", ...lines], isolation);
      assert.equal(code, 77, stderr);
      assert.ok(stderr.includes(`error: Cannot put "${file}" into a layer: it contains the secret "npm"`), stderr);
      assert.ok(stderr.includes(`${lines.length + 1} | >>>`), stderr);
      assert.ok(!stderr.includes(SECRET), "the message shows it");
    });
  }
}

/** What puts it into the documents of the image, by the Dockerfile's author or who builds it, and what the error names. */
const DOCUMENTS:
  readonly (readonly [shows: string, lines: readonly string[], flags: readonly string[], place: string])[] = [
    ["a variable", ["ARG TOKEN", "ENV TOKEN=$TOKEN"], [`--build-arg=TOKEN=${SECRET}`], "config.Env"],
    ["a label", [`LABEL token="x ${SECRET}"`], [], "config.Labels.token"],
    ["the key of a label", [], [`--label=${SECRET}=x`], "config.Labels"],
    ["history", ["ARG TOKEN", "RUN true"], [`--build-arg=TOKEN=${SECRET}`], "history"],
    ["a command", [`CMD echo ${Buffer.from(SECRET).toString("base64")}`], [], "config.Cmd"],
    ["an annotation", [], [`--annotation=token=${SECRET}`], "annotations.token"],
  ];

for (const [shows, lines, flags, place] of DOCUMENTS) {
  Deno.test(`S65 secret in ${shows} of the image: the build fails and names the place`, async () => {
    const { code, stderr } = await build(["FROM BASE", ...lines], "overlay", flags);
    assert.equal(code, 77, stderr);
    assert.match(stderr, new RegExp(`^error: Cannot write the image: its .* has the secret "npm" in "${place}`, "m"));
    assert.ok(!stderr.includes(SECRET), "the message shows it");
  });
}

Deno.test("S65 secret that is used and removed, is in no blob of the image, in no form", async () => {
  const { code, stderr, blobs } = await build([
    "FROM BASE AS build",
    "RUN --mount=type=secret,id=npm cp /run/secrets/npm /left-in-a-stage-that-is-not-the-image",
    "FROM BASE",
    "COPY --from=build /bin/busybox /bb",
    "RUN --mount=type=secret,id=npm,target=/etc/motd --mount=type=secret,id=npm,env=TOKEN " +
    "cp /etc/motd /tmp/x && test $TOKEN = $(cat /tmp/x) && rm /tmp/x",
  ], "overlay");
  assert.equal(code, 0, stderr);
  assert.ok(blobs.length >= 4);
  const bytes = Buffer.from(SECRET);
  for (const form of [SECRET, bytes.toString("base64").slice(0, 40), bytes.toString("hex")]) {
    assert.ok(!blobs.some((blob) => blob.includes(form)), form);
  }
});

Deno.test("S67 secret in the log, is hidden: in two writes, in base64, in the text of an error", async () => {
  const { code, stdout, stderr } = await build([
    "FROM BASE",
    "RUN --mount=type=secret,id=npm s=$(cat /run/secrets/npm); printf %s ${s%345}; sleep 0.2; echo 345; echo -n $s | base64",
    'RUN --mount=type=secret,id=npm sh -xc "exit 3 # $(cat /run/secrets/npm)"',
  ], "overlay");
  assert.equal(code, 3);
  const log = stdout + stderr;
  assert.ok(log.includes("****"), log);
  assert.ok(
    !log.includes(SECRET.slice(0, 20)) && !log.includes(Buffer.from(SECRET).toString("base64").slice(0, 20)),
    log,
  );
});

Deno.test("S67 secret in a message of ours, is hidden in every format", async () => {
  for (const format of ["text", "json", "color"]) {
    const { code, stdout, stderr } = await build(
      ["FROM BASE", "ARG TOKEN", "COPY dir-$TOKEN /"],
      "overlay",
      [`--build-arg=TOKEN=${SECRET}`, `--log-format=${format}`],
    );
    assert.equal(code, 66, stderr);
    assert.match(stderr, /dir-\*\*\*\*/);
    assert.ok(!(stdout + stderr).includes(SECRET), stderr);
  }
});

/** Attributes of more than a name; busybox has no tool to set one. */
Deno.test("S65 secret in an extended attribute, its name or its value: the build fails and names the file", async () => {
  await prepared({ tools: ["setfattr"], bases: [] });
  for (const [key, value] of [["user.token", SECRET], [`user.${SECRET}`, "x"]]) {
    await using site = await startSite({ file: "x" });
    await run(["setfattr", "-n", key ?? "", "-v", value ?? "", `${site.context}/file`]);
    await site.write({ Dockerfile: "FROM scratch\nCOPY file /copied\n" });
    const { code, stderr } = await site.run(["--no-push", "--secret=id=npm,env=TOKEN"], { env: { TOKEN: SECRET } });
    assert.equal(code, 77, stderr);
    assert.match(stderr, /^error: Cannot put "\/copied" into a layer: it contains the secret "npm"$/m);
  }
});

Deno.test("S65 core dump of the builder, is not made, and of a command only where it asks for it", async () => {
  await prepared({ tools: [], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({
    Dockerfile: `FROM ${registry.base("busybox")}\nENV MARK={MARK}\n` +
      "RUN ulimit -c; ulimit -c unlimited; ulimit -c; echo now''held; sleep 300\n",
  });
  const unlimited = ["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh"];
  const running = site.start(["--no-push", "--insecure-pull"], { through: unlimited });
  await running.said("nowheld");
  const limits = await Deno.readTextFile(`/proc/${running.pid}/limits`);
  assert.match(limits, /^Max core file size +0 +unlimited /m);
  running.kill("SIGABRT");
  const { stdout, stderr } = await running.outcome;
  assert.match(stdout + stderr, /\] 0\n.*\] unlimited\n/);
  // With the usual core_pattern they are made in the current directory.
  assert.deepEqual([...Deno.readDirSync(site.path)].map(({ name }) => name).sort(), ["context", "home", "work"]);
});

Deno.test("S67 secret in a plan, is hidden", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nARG TOKEN\nENV X=$TOKEN\nCOPY dir-$TOKEN /\n" });
  const { code, stdout, stderr } = await site.run(
    ["--no-push", "--dryrun", "--secret=id=npm,env=TOKEN", "--build-arg=TOKEN"],
    { env: { TOKEN: SECRET } },
  );
  assert.equal(code, 0, stderr);
  assert.match(stdout, /COPY dir-\*\*\*\* \//);
  assert.ok(!stdout.includes(SECRET), stdout);
});
