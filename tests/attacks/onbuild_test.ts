/**
 * Triggers of base images (S35): they run confined as any instruction, are shown, and only FROM fires them.
 *
 * Guards, each seen red when taken out: NO_TRIGGERS and MAX_TRIGGERS in lib/instructions/triggers.ts, the one-instruction
 * check there, `#announce` in lib/build/stage_builder.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { attack } from "../support/attack_build.ts";
import { errorIn } from "../support/failing_build.ts";
import type { ForgedImage } from "../support/forged_image.ts";
import { archive, entry } from "../support/tar_forge.ts";

function withTriggers(OnBuild: readonly string[]): Readonly<Record<string, ForgedImage>> {
  return { base: { layers: [archive(entry({ name: "file" }, "x"))], config: { OnBuild } } };
}

const REFUSED: readonly (readonly [trigger: string, error: RegExp])[] = [
  ["ONBUILD RUN true", /Cannot fire the trigger "ONBUILD RUN true": ONBUILD cannot be a trigger/],
  ["onbuild env a=b", /ONBUILD cannot be a trigger/],
  ["FROM scratch", /FROM cannot be a trigger/],
  ["MAINTAINER me", /MAINTAINER cannot be a trigger/],
  ["ENV a=b\nRUN id", /it is not one instruction/],
  ["ENV a=\0", /NUL character/],
  ["", /Cannot fire the trigger ""/],
  ["COPY <<x /our/state\nno end", /no line "x" ends it/],
  ["COPY --from=../../x a b", /cannot parse the image reference "..\/..\/x"/],
  ["RUN --security=insecure id", /security/],
  ["RUN --mount=type=bind,from=../..,target=/x id", /cannot parse the image reference/],
  ["\x1b]0;title\x07", /Cannot fire the trigger "\\x1b\]0;title\\x07"/],
];

for (const [trigger, error] of REFUSED) {
  Deno.test(`S35 trigger ${JSON.stringify(trigger)}, is refused at the FROM that fires it`, async () => {
    const { code, stderr } = await attack({
      dockerfile: "FROM {IMAGE:base}\nCOPY Dockerfile /\n",
      images: withTriggers([trigger]),
    });
    assert.notEqual(code, 0, stderr);
    assert.ok(code === 65 || code === 77 || code === 64, stderr);
    assert.match(errorIn(stderr), error);
    assert.match(errorIn(stderr), /^ {3}1 \| >>> FROM/m);
  });
}

Deno.test("S35 ten thousand triggers, are refused at once", async () => {
  const { code, stderr, seconds } = await attack({
    dockerfile: "FROM {IMAGE:base}\n",
    images: withTriggers(Array.from({ length: 10_000 }, (_, at) => `ENV a${at}=b`)),
  });
  assert.equal(code, 65, stderr);
  assert.match(errorIn(stderr), /Cannot fire the triggers: the base has 10000, more than 1000/);
  assert.ok(seconds < 30);
});

Deno.test("S35 triggers, are shown in the log as the base's, also those that only change the config", async () => {
  const { code, stderr, image } = await attack({
    dockerfile: "FROM {IMAGE:base}\nCOPY Dockerfile /\n",
    images: withTriggers(["COPY <<x /our/state\nhello\nx", "ENV LD_PRELOAD=/evil.so", "USER 0"]),
  });
  assert.equal(code, 0, stderr);
  for (const line of ["COPY <<x /our/state", "ENV LD_PRELOAD=/evil.so", "USER 0"]) {
    assert.ok(stderr.includes(`ONBUILD ${line}`), stderr);
  }
  // A trigger writes into the image, wherever it says.
  assert.ok(image?.files.has("/our/state"));
});

Deno.test("S35 triggers of an image that is only copied or mounted from, never run", async () => {
  const { code, stderr, image } = await attack({
    dockerfile: "FROM {BASE}\nCOPY --from={IMAGE:base} /file /copied\n" +
      "RUN --mount=type=bind,from={IMAGE:base},target=/m cat /m/file\n",
    images: withTriggers(["RUN exit 3", "COPY Dockerfile /evil", "ENV EVIL=1"]),
  });
  assert.equal(code, 0, stderr);
  assert.ok(image?.files.has("/copied") && !image.files.has("/evil"), "a trigger ran");
  assert.doesNotMatch(JSON.stringify(image?.config), /EVIL/);
});
