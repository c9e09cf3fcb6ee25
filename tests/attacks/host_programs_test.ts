/**
 * Programs and libraries that a base image ships under the names of tools a builder might call (S30, CVE-2019-14271).
 *
 * Seen by strace, not by trust: outside of a RUN the builder executes nothing but itself, and opens no library of the
 * image. The test was seen red with a builder that ran `tar` to unpack what ADD brings.
 *
 * @module
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { attack } from "../support/attack_build.ts";
import { ISOLATIONS } from "../support/isolations.ts";
import { ensureTools } from "../support/environment/tools.ts";
import { archive, entry } from "../support/tar_forge.ts";

const TRACED = "execve,execveat,open,openat,memfd_create";

const EVIL = "#!/bin/sh\ntouch /hijacked\n";

// In place, where the image is the root for a while, there is another test: `in_place_test.ts`.
for (const isolation of ISOLATIONS.filter((isolation) => isolation !== "in-place")) {
  Deno.test(`S30 programs and libraries of the image, are neither run nor loaded without a RUN (${isolation})`, async () => {
    await ensureTools(["strace"]);
    const programs = [
      "bin/sh",
      "bin/tar",
      "bin/gzip",
      "usr/bin/git",
      "usr/bin/zstd",
      "usr/bin/unpigz",
      "sbin/ldconfig",
    ];
    const libraries = ["etc/ld.so.preload", "etc/nsswitch.conf", "lib/libnss_files.so.2", "lib64/libc.so.6"];
    const layer = archive(
      ...programs.map((name) => entry({ name, mode: 0o755 }, EVIL)),
      ...libraries.map((name) => entry({ name, mode: 0o755 }, "/lib/evil.so\n")),
      entry({ name: "etc/passwd" }, "app:x:1000:1000::/:\n"),
      entry({ name: "etc/group" }, "app:x:1000:\n"),
    );
    let trace = "";
    const { code, stderr, image } = await attack({
      isolation,
      dockerfile: "FROM {IMAGE:evil} AS a\nADD app.tar.gz /app/\nCOPY --chown=app Dockerfile /x\nWORKDIR /w\n" +
        "FROM scratch\nCOPY --from=a / /\n",
      files: { "app.tar.gz": new Uint8Array(gzipSync(archive(entry({ name: "f" }, "x")))) },
      images: { evil: { layers: [layer] } },
      through: ["sh", "-c", `exec strace -f -qq -e trace=${TRACED} -o "$MARK.trace" "$@"`, "sh"],
      inspect: async (site) => void (trace = await Deno.readTextFile(`${site.path}/${site.mark}.trace`)),
    });
    assert.equal(code, 0, stderr);
    assert.ok(image?.files.has("/app/f") && !image.files.has("/hijacked"));
    const executed = [...trace.matchAll(/exec(?:ve|veat)\((?:\d+, )?"([^"]*)"/g)].map(([, path = ""]) => path);
    assert.ok(executed.length > 0);
    // The launcher into a user namespace is in memory.
    const inMemory = [...trace.matchAll(/memfd_create(?:\(| resumed)[^\n]*= (\d+)$/gm)]
      .map(([, fd]) => `/proc/self/fd/${fd}`);
    for (const path of executed) assert.ok(/\/(strace|deno)$/.test(path) || inMemory.includes(path), path);
    // Entries of the image are opened by name in an open directory; a loader or the C library uses whole paths.
    const loaded = [...trace.matchAll(/open(?:at)?\((?:AT_FDCWD, )?"(\/[^"]*)"[^\n]*= \d+$/gm)].map(([, path = ""]) =>
      path
    );
    assert.deepEqual(loaded.filter((path) => path.includes("/work/") && /\.so(\.|$)|ld\.so|nsswitch/.test(path)), []);
  });
}
