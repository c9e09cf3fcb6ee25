/**
 * `RUN --device`: devices of the Container Device Interface, whether they may be used, and what is refused
 * (dockerfile.md 3.2, S75).
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { attack, type AttackBuild, type AttackOutcome } from "../support/attack_build.ts";
import { errorIn } from "../support/failing_build.ts";
import { AS_IN_A_CONTAINER } from "../support/without_user_namespaces.ts";

/** `{SITE}` stands for the directory of the test. */
const SPEC = `cdiVersion: "0.6.0"
kind: kiln.test/dev
annotations:
  org.mobyproject.buildkit.device.class: dev-class
containerEdits:
  env: [ALL=all, WHICH=none]
devices:
- name: zero
  containerEdits:
    env: [WHICH=zero]
    deviceNodes:
    - {path: /dev/kiln/zero, hostPath: /dev/zero, fileMode: 0640, uid: 5, gid: 6}
    mounts:
    - {hostPath: "{SITE}/lib", containerPath: /opt/lib, options: [ro, nosuid, nodev, rbind]}
    additionalGids: [44]
- name: full
  containerEdits:
    deviceNodes: [{path: /dev/all, hostPath: /dev/full}]
- name: hooked
  annotations: {org.mobyproject.buildkit.device.class: other}
  containerEdits:
    hooks: [{hookName: createContainer, path: /bin/true}]
- name: gone
  annotations: {org.mobyproject.buildkit.device.class: other}
  containerEdits:
    deviceNodes: [{path: /dev/kiln-gone}]
`;

function build(
  dockerfile: string,
  args: readonly string[] = ["--allow=device"],
  more: Partial<AttackBuild> = {},
): Promise<AttackOutcome> {
  return attack({
    dockerfile: `FROM {BASE}\n${dockerfile}`,
    args: ["--cdi-spec-dir=cdi", ...args],
    arrange: async (site) => {
      await Deno.mkdir(join(site.path, "cdi"));
      await Deno.mkdir(join(site.path, "lib"));
      await Deno.writeTextFile(join(site.path, "lib/f"), "of the host\n");
      await Deno.writeTextFile(join(site.path, "cdi/dev.yaml"), SPEC.replaceAll("{SITE}", site.path));
      await Deno.writeTextFile(join(site.path, "cdi/broken.json"), "{");
    },
    ...more,
  });
}

/** Ways to run commands: each makes nodes in its own way. */
const WAYS: readonly (readonly [name: string, isolation: string, through: readonly string[]])[] = [
  ["overlay", "overlay", []],
  ["chroot", "chroot", []],
  ["without mounts", "chroot", AS_IN_A_CONTAINER],
];
for (const [way, isolation, through] of WAYS) {
  Deno.test(`RUN --device [3.2], gives nodes, files, groups and variables for one command: ${way}`, async () => {
    const { code, stderr, output, image } = await build(
      [
        "ENV ALL=image",
        "RUN --device=kiln.test/dev=zero stat -c '%F %a %u %g %t %T' /dev/kiln/zero; " +
        "head -c 3 /dev/kiln/zero | od -An -tx1; echo $ALL $WHICH; id -G; cat /opt/lib/f; echo made > /made",
        "RUN --device=none --device=kiln.test/dev=full,required cat /dev/all | head -c 1 | od -An -tx1; " +
        "ls -d /dev/kiln /opt/lib 2>&1; echo $ALL",
        "RUN --device=dev-class ls /dev | grep -e kiln -e all; echo $WHICH",
        "RUN ls /dev | grep -e kiln -e all; echo $ALL",
        "",
      ].join("\n"),
      ["--allow=device"],
      { isolation, through },
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /WARN.* The device none is not there: no specification in \/.*\/cdi has it/);
    assert.match(stderr, /WARN.* Cannot read ".*broken.json"/);
    assert.deepEqual(output, [
      "character special file 640 5 6 1 5",
      " 00 00 00",
      "all zero",
      "0 44",
      "of the host",
      " 00",
      "ls: /dev/kiln: No such file or directory",
      "ls: /opt/lib: No such file or directory",
      "all",
      "all",
      "kiln",
      "zero",
      "image",
    ]);
    const paths = [...image?.files.keys() ?? []].filter((path) => /^\/(?:opt|made|dev\/.*(?:kiln|all))/.test(path));
    assert.deepEqual(paths, ["/made"]);
  });
}

Deno.test("RUN --device [3.2], in a user namespace shows the nodes of the host", async () => {
  const line = "RUN --device=kiln.test/dev=full head -c 1 /dev/all | od -An -tx1\n";
  const { code, stderr, output } = await build(line, ["--allow=device"], { isolation: "userns" });
  assert.equal(code, 0, stderr);
  assert.deepEqual(output, [" 00"]);
});

Deno.test("S75 RUN --device, needs to be allowed, all or that one", async () => {
  const line = "RUN --device=kiln.test/dev=full true\n";
  for (const args of [[], ["--allow=network.host"], ["--allow=device=kiln.test/dev=zero"]]) {
    const { code, stderr } = await build(line, args);
    assert.equal(code, 77, stderr);
    assert.match(errorIn(stderr), /^error: Cannot run with --device=kiln.test\/dev=full: the build does not allow it/);
    assert.match(errorIn(stderr), /--allow=device=kiln\.test\/dev=full/);
  }
  const { code, stderr } = await build(line, ["--allow=device=kiln.test/dev=full"]);
  assert.equal(code, 0, stderr);
});

const REFUSED: readonly (readonly [device: string, error: RegExp])[] = [
  ["other/dev=a,required", /the device other\/dev=a: no CDI specification in \/.*\/cdi has it/],
  ["kiln.test/dev=hooked", /the device kiln\.test\/dev=hooked: it has hooks, which are not run/],
  ["kiln.test/dev=gone", /the device kiln\.test\/dev=gone: "\/dev\/kiln-gone" is not on this machine/],
];
for (const [device, error] of REFUSED) {
  Deno.test(`RUN --device=${device}, is refused before anything is built`, async () => {
    const { code, stderr } = await build(`RUN echo built\nRUN --device=${device} true\n`);
    assert.equal(code, 1, stderr);
    assert.match(errorIn(stderr), error);
    assert.match(errorIn(stderr), />>> RUN --device=/);
    assert.doesNotMatch(stderr, /\d+\/\d+\] RUN/);
  });
}

Deno.test("RUN --device of a trigger, is refused by the name of the trigger", async () => {
  const trigger = "RUN --device=other/dev=a,required true";
  const { code, stderr } = await attack({
    dockerfile: `FROM {BASE} AS parent\nONBUILD ${trigger}\nFROM parent\n`,
    args: ["--allow=device"],
  });
  assert.equal(code, 1, stderr);
  assert.match(
    errorIn(stderr),
    /^error: Cannot fire the trigger "RUN --device=.*": cannot give the command the device/,
  );
});
