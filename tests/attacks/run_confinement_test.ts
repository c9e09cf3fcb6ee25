/**
 * What a RUN may do and see (S64, S75, S76): a process of the image is an ordinary container's, whatever the builder is.
 *
 * The guards are in lib/exec/confinement and command_script.ts. Each test was seen red with its guard taken out:
 * limitCapabilities, the call of seccomp, hidePaths, the remount with MS.NODEV, close_range.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { asOrdinaryUser } from "../support/ordinary_user.ts";
import { AS_IN_A_CONTAINER } from "../support/without_user_namespaces.ts";

/** What Docker gives a container: the fourteen default capabilities. */
const DOCKER_DEFAULT = "00000000a80425fb";

/** Who builds. */
interface Builder {
  readonly name: string;
  readonly isolations: readonly string[];
  readonly through?: (site: Site) => readonly string[];
}

const BUILDERS: readonly Builder[] = [
  { name: "root", isolations: ["overlay", "chroot"] },
  {
    name: "an ordinary user",
    isolations: ["userns", "chroot"],
    through: (site) => asOrdinaryUser({ ids: "ranges", owns: [site.path, join(site.path, "home")] }),
  },
];

/** Runs the lines as RUN instructions and returns what they print, line by line, without the prefix. */
async function outputOf(
  builder: Builder,
  lines: readonly string[],
  flags: readonly string[] = [],
): Promise<readonly string[]> {
  await prepared({ tools: ["newuidmap", "setpriv"], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({ Dockerfile: `FROM ${registry.base("busybox")}\n${lines.join("\n")}\n` });
  const { code, stderr, stdout } = await site.run(["--no-push", "--insecure-pull", ...flags], {
    through: builder.through?.(site) ?? [],
    env: { KILN_CANARY: "secret-of-the-builder", DOCKER_CONFIG: `${site.path}/home` },
  });
  assert.equal(code, 0, stderr);
  await site.assertNothingLeft();
  return `${stdout}\n${stderr}`.split("\n").flatMap((line) => /^\[\d+\/\d+\] (?!RUN)(.*)$/.exec(line)?.[1] ?? []);
}

for (const builder of BUILDERS) {
  Deno.test(`S76 capabilities of RUN, are Docker's default set, none inheritable or ambient (${builder.name})`, async () => {
    const found = await outputOf(builder, ["RUN grep ^Cap /proc/self/status"]);
    assert.deepEqual(found.map((line) => line.split(/\s+/)), [
      ["CapInh:", "0000000000000000"],
      ["CapPrm:", DOCKER_DEFAULT],
      ["CapEff:", DOCKER_DEFAULT],
      ["CapBnd:", DOCKER_DEFAULT],
      ["CapAmb:", "0000000000000000"],
    ]);
  });

  Deno.test(`S76 capabilities of RUN, are none for an ordinary user, who has the image's groups and umask 0022 (${builder.name})`, async () => {
    const found = await outputOf(builder, [
      "USER app",
      "RUN grep -E '^Cap(Prm|Eff|Inh|Amb)' /proc/self/status; id -G; umask",
    ]);
    assert.deepEqual(found.slice(0, 4).map((line) => line.split(/\s+/)[1]), Array(4).fill("0000000000000000"));
    assert.equal(found[5], "0022");
    assert.match(found[4] ?? "", /^1000 \d+ \d+/);
  });

  Deno.test(`S76 system calls of RUN, are filtered and setuid programs still work (${builder.name})`, async () => {
    const found = await outputOf(builder, [
      "RUN grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status",
      "RUN unshare -m true || echo no unshare; mount -t tmpfs x /mnt || echo no mount",
    ]);
    assert.deepEqual(found.slice(0, 2).map((line) => line.split(/\s+/)), [["NoNewPrivs:", "0"], ["Seccomp:", "2"]]);
    assert.ok(found.includes("no unshare") && found.includes("no mount"), found.join("\n"));
  });

  Deno.test(`S64 device nodes that RUN makes, open nothing of the host (${builder.name})`, async () => {
    // Zero is what every user may read where devices are allowed; a disk would need no more than the node.
    for (const isolation of builder.isolations) {
      const found = await outputOf(builder, [
        "RUN mknod /zero2 c 1 5; head -c1 /zero2 || echo no device; rm -f /zero2",
        "RUN echo through > /dev/null && head -c 2 /dev/zero | wc -c",
      ], [`--isolation=${isolation}`]);
      assert.ok(found.includes("no device") && found.includes("2"), found.join("\n"));
    }
  });

  Deno.test(`S64 kernel settings and memory, are hidden from RUN or read-only (${builder.name})`, async () => {
    const found = await outputOf(builder, [
      "RUN echo x > /proc/sys/kernel/core_pattern || echo no sysctl; echo b > /proc/sysrq-trigger || echo no sysrq",
      "RUN wc -c < /proc/keys; ls -A /sys/firmware | wc -l; touch /sys/kernel/x || echo no sysfs",
    ]);
    for (const line of ["no sysctl", "no sysrq", "no sysfs"]) assert.ok(found.includes(line), found.join("\n"));
    assert.deepEqual(found.filter((line) => /^\d+$/.test(line)), ["0", "0"]);
  });

  Deno.test(`S64 the builder, is not seen by RUN: processes, environment, descriptors, files (${builder.name})`, async () => {
    const found = await outputOf(
      builder,
      [
        "RUN ls -d /proc/[0-9]* | wc -l; cat /proc/*/environ | tr '\\0' '\\n' | grep -c KILN_CANARY",
        "RUN ls /proc/self/fd | tr '\\n' ' '; ls /proc/1/fd | tr '\\n' ' '",
        "RUN ls -A /kaniko /workspace /root/.docker 2>/dev/null | wc -l; env | cut -d= -f1 | sort | tr '\\n' ' '",
      ].map((line) => `${line}; true`),
    );
    const [processes, canaries, descriptors, files, names] = found;
    assert.ok(Number(processes) <= 8, `RUN sees ${processes} processes`);
    assert.equal(canaries, "0");
    // 3 is the directory that ls reads; init keeps its report on 3.
    assert.equal(descriptors, "0 1 2 3 0 1 2 3 ");
    assert.equal(files, "0");
    assert.equal(names, "HOME PATH PWD SHLVL ");
  });
}

Deno.test("S64 without mounts, RUN has no way out of its root and cannot trace the builder", async () => {
  // A process that may call chroot leaves any chroot; one that has all its capabilities may trace the builder.
  await prepared({ tools: ["getcap"], bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  await using site = await startSite({
    Dockerfile: `FROM ${
      registry.base("busybox")
    }\nRUN mkdir /x; chroot /x true 2>&1 | grep -q 'not permitted' && echo confined; rmdir /x\n`,
  });
  const { code, stdout, stderr } = await site.run(["--no-push", "--insecure-pull"], {
    through: AS_IN_A_CONTAINER,
  });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /\bchroot\b/);
  assert.match(stdout + stderr, /^\[2\/2\] confined$/m);
});
