/**
 * A secret of the build stays out of the image and the log (S65, S67).
 *
 * Guards: `SecretGuard` in lib/image (seen red with its `write` taken out of pack_layer.ts), the redactor in
 * lib/report (seen red with `redacting` taken out of lib/cli/run.ts).
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, startSite } from "../support/executor_site.ts";

const SECRET = "npm_aB3dEfGhIjKlMnOpQrStUvWxYz012345";

interface Built extends Outcome {
  /** Every blob of the image as bytes, decompressed. */
  readonly blobs: readonly Buffer[];
}

async function build(lines: readonly string[], isolation: string): Promise<Built> {
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
  ]);
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
  ["by a file of the context that nobody thought of", ["COPY . /app/"], "/app/.npmrc"],
  ["by another stage", [
    "RUN --mount=type=secret,id=npm cp /run/secrets/npm /t",
    "FROM BASE",
    "COPY --from=0 /t /etc/",
  ], "/etc/t"],
];

for (const isolation of ["overlay", "chroot"]) {
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
