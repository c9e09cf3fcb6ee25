/**
 * `--allow`: what a RUN may do only if it is allowed, and that it can do it then (dockerfile.md 3.2, decisions 8, S75).
 *
 * The guard, seen red when taken out: `checkEntitlements` in lib/cli/build_command.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { attack } from "../support/attack_build.ts";
import { errorIn } from "../support/failing_build.ts";

for (
  const [flag, name] of [["--network=host", "network.host"], ["--security=insecure", "security.insecure"]] as const
) {
  Deno.test(`S75 ${flag} of a RUN, is refused before anything is built, with what would allow it`, async () => {
    const { code, stderr } = await attack({
      dockerfile: `FROM {BASE}\nRUN echo built\nRUN ${flag} id\n`,
      args: ["--allow=device"],
    });
    assert.equal(code, 77, stderr);
    assert.match(errorIn(stderr), new RegExp(`^error: Cannot run with ${flag}: the build does not allow it`));
    assert.match(errorIn(stderr), new RegExp(`>>> RUN ${flag}[^]*--allow=${name}`));
    assert.doesNotMatch(stderr, /\d+\/\d+\] RUN/);
  });

  Deno.test(`S75 ${flag} of a stage that is not built, needs not be allowed`, async () => {
    const { code, stderr } = await attack({
      dockerfile: `FROM scratch AS unused\nRUN ${flag} id\nFROM {BASE}\nENV A=b\n`,
    });
    assert.equal(code, 0, stderr);
  });
}

Deno.test("RUN --network=host [3.2], runs where it is allowed", async () => {
  const { code, stderr } = await attack({
    dockerfile: "FROM {BASE}\nRUN --network=host cat /proc/net/route\nRUN --network=default true\n",
    args: ["--allow=network.host"],
  });
  assert.equal(code, 0, stderr);
});

Deno.test("RUN --security=insecure [3.2], is not confined where it is allowed; others still are", async () => {
  const own = /^CapEff:\s*([0-9a-f]+)$/m.exec(await Deno.readTextFile("/proc/self/status"))?.[1] ?? "";
  const { code, stderr, output, image } = await attack({
    dockerfile: [
      "FROM {BASE}",
      "RUN --security=insecure grep CapEff /proc/self/status && grep Seccomp: /proc/self/status && " +
      "mkdir /m && mount -t tmpfs none /m && echo mounted && touch /m/in && mknod /null c 1 3 && echo x > /null && " +
      "test -w /proc/sys/kernel/hostname && echo writable",
      "RUN --security=sandbox grep CapEff /proc/self/status; mount -t tmpfs none /m 2>&1; echo x > /null",
      "",
    ].join("\n"),
    args: ["--allow=security.insecure,network.host"],
  });
  assert.match(stderr, /null: (?:Permission denied|Operation not permitted)/);
  assert.notEqual(code, 0);
  assert.deepEqual(output.slice(0, 5), [
    `CapEff:\t${own}`,
    "Seccomp:\t0",
    "mounted",
    "writable",
    "CapEff:\t00000000a80425fb",
  ]);
  assert.equal(image, undefined);
});

Deno.test("--allow [3.2], knows no other names", async () => {
  for (const name of ["network", "device=", "all"]) {
    const { code, stderr } = await attack({ dockerfile: "FROM scratch\n", args: [`--allow=${name}`] });
    assert.equal(code, 64, stderr);
    assert.match(errorIn(stderr), /there is nothing of that name to allow/);
  }
});
