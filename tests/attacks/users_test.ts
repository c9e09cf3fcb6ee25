/**
 * Users, groups and working directories that an image or a Dockerfile bends (S31 to S33), on both backends.
 *
 * Guards, each seen red when taken out: the checks of lib/tree/read_file_in.ts, MAX_ID in lib/dockerfile/values/user.ts,
 * the look-up by number in lib/exec/users.ts, RESOLVE_IN_ROOT in lib/sys/resolve.ts. No one guard makes S33 of descriptors
 * red: all of ours are closed on exec, and close_range comes on top. The tables of what /etc/passwd can be are in
 * tests/unit/exec/users_test.ts, those of ids in tests/unit/dockerfile/values/user_test.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { attack } from "../support/attack_build.ts";
import { ISOLATIONS } from "../support/isolations.ts";
import { errorIn } from "../support/failing_build.ts";

/** What a base has for /etc/passwd. */
const PASSWD: readonly (readonly [shows: string, make: string, error: RegExp])[] = [
  ["a link to /dev/zero", "ln -s /dev/zero /etc/passwd", /no regular file|not a regular file|no such user/],
  ["a FIFO", "mkfifo /etc/passwd", /not a regular file/],
  ["a file of 2 GiB", "truncate -s 2G /etc/passwd", /larger than 10485760 bytes/],
  ["a link to itself", "ln -s passwd /etc/passwd", /too many|symbolic|Cannot/],
  ["a line of 9 MiB", "head -c 9437184 /dev/zero | tr '\\0' x > /etc/passwd", /no such user/],
  ["an id beyond 32 bits", "echo app:x:4294967296:0::/: > /etc/passwd", /no such user/],
  ["an id of -1", "echo app:x:-1:0::/: > /etc/passwd", /no such user/],
  ["an empty id", "echo app:x:::: > /etc/passwd", /no such user/],
  ["a hexadecimal id", "echo app:x:0x0:0::/: > /etc/passwd", /no such user/],
];

for (const isolation of ISOLATIONS) {
  for (const [shows, make, error] of isolation === "overlay" ? PASSWD : PASSWD.slice(0, 3)) {
    Deno.test(`S31 /etc/passwd is ${shows}: an error in bounded time, never root (${isolation})`, async () => {
      const { code, stderr, seconds } = await attack({
        dockerfile: `FROM {BASE}\nRUN rm /etc/passwd; ${make}\nUSER app\nRUN id; touch /ran\n`,
        isolation,
      });
      assert.ok(code === 65 || code === 78, stderr);
      assert.match(errorIn(stderr), error);
      assert.ok(seconds < 30);
    });
  }

  Deno.test(`S31 /etc/passwd is a link out of the rootfs: the image's file at that path is read (${isolation})`, async () => {
    const { code, stderr, output } = await attack({
      dockerfile:
        "FROM {BASE}\nRUN mkdir /x; mv /etc/passwd /x/passwd; ln -s ../../../../../../x/passwd /etc/passwd\n" +
        "USER app\nRUN id -u\n",
      isolation,
    });
    assert.equal(code, 0, stderr);
    assert.ok(output.includes("1000"), stderr);
  });
}

for (
  const id of [
    "4294967296",
    "4294967295",
    "-1",
    "+0",
    "0x0",
    "18446744073709551616",
    "1000:-1",
    "2147483648:4294967295",
  ]
) {
  Deno.test(`S32 id ${id}, is refused by USER and never becomes root`, async () => {
    const { code, stderr } = await attack({ dockerfile: `FROM {BASE}\nUSER ${id}\nRUN touch /ran\n` });
    assert.equal(code, 65, stderr);
    assert.match(errorIn(stderr), /Cannot (use|find) the (id|owner|user|group)/);
  });
}

Deno.test("S32 a user whose name is a number, is not taken for that number", async () => {
  // The base's own passwd: who asks for the unprivileged 1000 must not get the root that is called so.
  const { code, stderr, output, image } = await attack({
    dockerfile: "FROM {BASE}\nRUN (echo 1234:x:0:0::/:; cat /etc/passwd) > /p; mv /p /etc/passwd\n" +
      "COPY --chown=1234 Dockerfile /x\nUSER 1234\nRUN id -u\nUSER 2147483648\nRUN id -u\n",
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(output.filter((line) => /^\d+$/.test(line)), ["1234", "2147483648"]);
  assert.equal(image?.files.get("/x")?.uid, 1234);
});

for (const isolation of ISOLATIONS) {
  Deno.test(`S33 WORKDIR through a link that leads out, stays in the rootfs (${isolation})`, async () => {
    const { code, stderr, image } = await attack({
      dockerfile: "FROM {BASE}\nRUN ln -s ../../../../../../../../out /work; ln -s /deep/er /abs\n" +
        "WORKDIR /work/new\nRUN pwd -P > where\nWORKDIR /abs/x\nCOPY Dockerfile here\n",
      isolation,
      inspect: () => {
        for (const path of ["/out", "/deep"]) assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound);
      },
    });
    assert.equal(code, 0, stderr);
    for (const path of ["/out/new/where", "/deep/er/x/here"]) assert.ok(image?.files.has(path), path);
  });

  for (
    const path of [
      "/proc/self/fd/7",
      "/proc/1/cwd/x",
      "/proc/self/root/tmp/escaped",
      "/dev/fd/3",
      "/proc/thread-self/cwd",
    ]
  ) {
    Deno.test(`S33 WORKDIR ${path}, reaches nothing of the builder (${isolation})`, async () => {
      const { stderr, code, output } = await attack({
        // busybox's ls keeps its directory open as 3.
        dockerfile:
          `FROM {BASE}\nWORKDIR ${path}\nRUN pwd -P; ls -a ../../../../../../ ; ls /proc/self/fd | tr '\\n' ' '\n`,
        isolation,
        inspect: () => assert.throws(() => Deno.lstatSync("/tmp/escaped"), Deno.errors.NotFound),
      });
      // It either fails or is a directory of the image; in it are no more than the image's root and three descriptors.
      if (code !== 0) return assert.match(errorIn(stderr), /^error: (Cannot |The command)/);
      assert.ok(!output.some((line) => /^(work|kaniko|\.dockerenv|boot)$/.test(line)), output.join("\n"));
      assert.equal(output.at(-1), "0 1 2 3 ");
    });
  }
}
