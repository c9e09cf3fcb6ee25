/**
 * F20 to F23: the kernel refuses one call of the builder, by strace, at many places. The build fails in words, with the
 * right exit code, and leaves nothing; or it did not need the call, and the image is right. The next build on the same
 * work directory makes the same image.
 *
 * Calls are counted for each thread apart. Calls that Deno makes for itself in the same way (write to an eventfd,
 * openat of its own files) cannot be told from ours, so a full disk is also tried for real, in tests/faults.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ensureTools } from "../support/environment/tools.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";

/** Calls the builder makes while it unpacks, copies, packs and writes, and how they can fail. */
const FAULTS: readonly (readonly [call: string, errors: readonly string[]])[] = [
  ["mkdirat", ["ENOSPC", "EDQUOT"]],
  ["linkat", ["EMLINK", "ENOSPC"]],
  ["symlinkat", ["EDQUOT"]],
  ["mknodat", ["EPERM", "ENOSPC"]],
  ["renameat", ["EIO"]],
  ["ftruncate", ["ENOSPC"]],
  ["fsync", ["EIO"]],
  ["fdatasync", ["EIO"]],
  ["fchown", ["EPERM", "EIO"]],
  ["fchownat", ["EPERM"]],
  ["fchmod", ["EROFS"]],
  ["utimensat", ["EIO"]],
  ["getdents64", ["EIO"]],
  ["readlinkat", ["EIO"]],
  ["statx", ["EIO"]],
  ["openat2", ["EMFILE", "EIO"]],
  ["lsetxattr", ["ENOSPC"]],
  ["mount", ["EPERM"]],
  ["umount2", ["EBUSY"]],
  ["clone", ["EAGAIN"]],
  ["pipe2", ["EMFILE"]],
  ["memfd_create", ["EMFILE"]],
  ["unlinkat", ["EIO"]],
];
const OCCURRENCES = [1, 2, 7];

/** The host is to blame: disk, a moment's shortage, a right; 64 for an isolation asked for that cannot be had. */
const CODES = [0, 64, 73, 75, 77, 126];

for (const isolation of ["overlay", "chroot"]) {
  Deno.test(`F20 F22 F23 a refused system call, fails the build in words and leaves nothing (${isolation})`, async (t) => {
    await ensureTools(["strace"]);
    await prepared({ tools: [], bases: ["busybox"] });
    await using registry = await startRegistry({ bases: ["busybox"] });
    await using site = await startSite({
      Dockerfile: `FROM ${registry.base("busybox")} AS first
ENV MARK={MARK}
RUN mkdir -p /d/e && echo x > /d/f && ln /d/f /d/g && ln -s f /d/l && mknod /d/c c 1 3
FROM ${registry.base("busybox")}
ENV MARK={MARK}
COPY --from=first /d /d
COPY --chown=5:6 . /app/
RUN rm /app/a && echo y >> /d/g
`,
      "a": "text",
      "b/c": "text",
      "b/link": { link: "c" },
    });
    const args = ["--insecure-pull", "--no-push", `--isolation=${isolation}`, `--oci-layout-path=${site.path}/image`];
    const env = { SOURCE_DATE_EPOCH: "1700000000" };
    const clean = await site.run(args, { env });
    assert.equal(clean.code, 0, clean.stderr);
    for (const [call, errors] of FAULTS) {
      for (const [error, at] of errors.flatMap((error) => OCCURRENCES.map((at) => [error, at] as const))) {
        await t.step(`${call} ${at}: ${error}`, async () => {
          await Deno.remove(`${site.path}/image`, { recursive: true }).catch(() => {});
          const inject = ["-e", `trace=${call}`, "-e", `inject=${call}:error=${error}:when=${at}`];
          const through = ["strace", "-f", "--seccomp-bpf", "-qqq", "-o", `${site.path}/trace`, ...inject];
          const { code, stdout, stderr } = await site.run(args, { env, through });
          const trace = await Deno.readTextFile(`${site.path}/trace`);
          const failed = trace.split("\n").filter((line) => line.includes("(INJECTED)")).join("\n");
          const told = `${failed}\n${stderr}`;
          // strace follows the commands of RUN too.
          const isAtStart = code === 70 && stderr.startsWith("error: Cannot start: ");
          const isOfRun = stderr.includes(`: it returned exit code ${code}\n`);
          assert.ok(isAtStart || isOfRun || CODES.includes(code), `exit code ${code}\n${told}`);
          if (code === 0) assert.equal(stdout, clean.stdout, told);
          else assert.match(stderr, /^error: Cannot /m, told);
          assert.doesNotMatch(stderr, /^ {4}at /m, told);
          await site.assertNothingRuns();
          const again = await site.run(args, { env });
          assert.equal(again.code, 0, again.stderr);
          assert.equal(again.stdout, clean.stdout);
          await site.assertNothingLeft();
        });
      }
    }
  });
}
