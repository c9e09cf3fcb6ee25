/**
 * Files made to confuse who copies or packs them: names that are no text, devices and pipes, whiteouts and attributes
 * of overlayfs in disguise, and what a careless umask would leave (S12, S15, S18, S19, S22, S78).
 *
 * Guards, each seen red when taken out: byte strings (latin1) in lib/sys/directory.ts, `isFile` in lib/tree/copy_entry.ts,
 * WHITEOUT_PREFIX in lib/tree/archive.ts, `markOpaque` and #removeOlder in lib/tree/extract.ts, `isOverlayXattr` there, and
 * the umask in main.ts or where the files are made.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { attack } from "../support/attack_build.ts";
import { ISOLATIONS } from "../support/isolations.ts";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { errorIn } from "../support/failing_build.ts";
import type { ForgedImage } from "../support/forged_image.ts";
import { archive, entry, pax } from "../support/tar_forge.ts";

/** Bytes no decoder of UTF-8 gives back: Latin-1, two that differ in an invalid byte, NFC and NFD, half a sequence. */
const NAMES = [
  "caf\xe9",
  "x\xfe",
  "x\xff",
  "\xc3\xa9",
  "e\xcc\x81",
  "\xf0\x9f",
  "\xed\xa0\x80",
  "new\nline",
  "\x1b[31m",
];

for (const isolation of ISOLATIONS) {
  Deno.test(`S12 names that are not UTF-8, survive base, RUN, COPY --from and push byte by byte (${isolation})`, async () => {
    await prepared({ tools: ["umoci"], bases: ["busybox"] });
    const layer = archive(
      entry({ name: "base/", typeFlag: "5", mode: 0o755 }),
      ...NAMES.map((name) => entry({ name: `base/${name}` }, "x")),
    );
    const listed: string[] = [];
    const { code, stderr } = await attack({
      isolation,
      dockerfile:
        "FROM {BASE} AS build\nCOPY --from={IMAGE:odd} /base /copied\nRUN cp -a /copied /ran && rm /ran/caf*\n" +
        "FROM {IMAGE:odd}\nCOPY --from=build /copied /copied\nCOPY --from=build /ran /ran\n",
      images: { odd: { layers: [layer] } },
      inspect: async (site) => {
        await run(["umoci", "unpack", "--image", `${site.path}/out:latest`, `${site.path}/bundle`]);
        const { bytes } = await run(["find", `${site.path}/bundle/rootfs`, "-type", "f", "-printf", "%P\\0"], {
          env: { LC_ALL: "C" },
        });
        listed.push(...Buffer.from(bytes).toString("latin1").split("\0").filter((name) => name !== ""));
      },
    });
    assert.equal(code, 0, stderr);
    const expected = ["base", "copied", "ran"].flatMap((folder) => NAMES.map((name) => `${folder}/${name}`))
      .filter((name) => name !== "ran/caf\xe9");
    assert.deepEqual(listed.sort(), expected.sort());
  });

  Deno.test(`S15 devices, pipes and sockets, are made anew by COPY --from and never read (${isolation})`, async () => {
    const nodes = archive(
      entry({ name: "n/", typeFlag: "5", mode: 0o755 }),
      entry({ name: "n/zero", typeFlag: "3", mode: 0o666, devMajor: 1, devMinor: 5 }),
      entry({ name: "n/full", typeFlag: "3", mode: 0o666, devMajor: 1, devMinor: 7 }),
      entry({ name: "n/sda", typeFlag: "4", mode: 0o660, devMajor: 8, devMinor: 0 }),
      entry({ name: "n/pipe", typeFlag: "6", mode: 0o600 }),
    );
    // In a user namespace nobody makes device nodes.
    const ownNode = isolation === "userns" ? undefined : "/n/null";
    const { code, stderr, image, seconds } = await attack({
      isolation,
      dockerfile: "FROM {BASE} AS b\nCOPY --from={IMAGE:nodes} /n /n\n" +
        `RUN mkfifo /n/fifo${ownNode === undefined ? "" : `; mknod ${ownNode} c 1 3`}\n` +
        "FROM scratch\nCOPY --from=b /n /n\nCOPY --from=b /n/zero /n/pipe /one/\n",
      images: { nodes: { layers: [nodes] } },
    });
    assert.equal(code, 0, stderr);
    const types = [...image?.files ?? []].filter(([path]) => /^\/(n|one)\//.test(path)).map(([path, { type }]) =>
      `${path} ${type}`
    );
    const expected = EXPECTED_NODES.filter((line) => ownNode !== undefined || !line.startsWith("/n/null "));
    assert.deepEqual(types.sort(), expected);
    assert.ok(seconds < 60);
  });

  Deno.test(`S15 pipe of the context, is not waited for by COPY (${isolation})`, async () => {
    const { code, stderr, seconds } = await attack({
      isolation,
      dockerfile: "FROM scratch\nCOPY pipe /\n",
      arrange: async (site) => void await run(["mkfifo", `${site.context}/pipe`]),
    });
    assert.ok(seconds < 30, stderr);
    assert.ok(code === 0 || /^error: Cannot /m.test(stderr), stderr);
  });

  for (const name of [".wh.victim", ".wh..wh..opq", ".wh.", "d/.wh.x"]) {
    Deno.test(`S19 RUN that makes ${name}, fails and names it instead of deleting for others (${isolation})`, async () => {
      const { code, stderr } = await attack({
        isolation,
        dockerfile: `FROM {BASE}\nRUN mkdir -p /a/d; echo x > /a/${name}\n`,
      });
      assert.equal(code, 65, stderr);
      assert.ok(
        errorIn(stderr).includes(`Cannot put "a/${name}" into a layer: names that begin with ".wh." delete files`),
        stderr,
      );
    });
  }

  Deno.test(`S18 whiteouts of a base, hide what is below and never what the same layer has (${isolation})`, async () => {
    const file = (name: string) => entry({ name }, name);
    const folder = (name: string) => entry({ name: `${name}/`, typeFlag: "5", mode: 0o755 });
    const lower = archive(
      ...["before", "between", "after", "plain"].flatMap((name) => [folder(name), file(`${name}/low`)]),
      entry({ name: "link", typeFlag: "2", linkName: "plain" }),
      file("both"),
      file("both2"),
    );
    const upper = archive(
      file("before/.wh..wh..opq"),
      file("before/new"),
      file("between/new"),
      file("between/.wh..wh..opq"),
      file("between/other"),
      file("after/new"),
      file("after/.wh..wh..opq"),
      file("missing/.wh..wh..opq"),
      file(".wh.both"),
      file("both"),
      file("both2"),
      file(".wh.both2"),
      file(".wh..wh.plnk"),
      file("dead/.wh.nothing"),
    );
    // Apart: what leads through a symlink below makes the overlay backend unpack the layer in another way.
    const uppermost = archive(file("link/.wh.low"));
    const { code, stderr, image } = await attack({
      isolation,
      // Copying shows what the build sees, not only what the image says.
      dockerfile: "FROM {IMAGE:white} AS w\nCOPY Dockerfile /\nFROM scratch\nCOPY --from=w / /\n",
      images: { white: { layers: [lower, upper, uppermost] } },
    });
    assert.equal(code, 0, stderr);
    const files = [...image?.files ?? []].filter(([, { type }]) => type === "file").map(([path]) => path).sort();
    assert.deepEqual(files, SEEN);
  });

  Deno.test(`S22 attributes of overlayfs and too large ones in a base, steer nothing (${isolation})`, async () => {
    const base: ForgedImage = {
      layers: [
        archive(
          entry({ name: "d/", typeFlag: "5", mode: 0o755 }),
          entry({ name: "d/low" }, "low"),
          entry({ name: "secret/", typeFlag: "5", mode: 0o755 }),
        ),
        archive(
          pax([["SCHILY.xattr.trusted.overlay.opaque", "y"], ["SCHILY.xattr.user.overlay.opaque", "y"]]),
          entry({ name: "d/", typeFlag: "5", mode: 0o755 }),
          pax([["SCHILY.xattr.trusted.overlay.redirect", "/secret"], [
            "SCHILY.xattr.user.overlay.redirect",
            "/secret",
          ]]),
          entry({ name: "r/", typeFlag: "5", mode: 0o755 }),
          pax([["SCHILY.xattr.trusted.overlay.metacopy", ""], ["SCHILY.xattr.user.note", "kept"]]),
          entry({ name: "f" }, "content"),
        ),
      ],
    };
    const { code, stderr, image } = await attack({
      isolation,
      dockerfile: "FROM {IMAGE:x} AS x\nCOPY Dockerfile /d/\nFROM scratch\nCOPY --from=x / /\n",
      images: { x: base },
    });
    assert.equal(code, 0, stderr);
    assert.ok(image?.files.has("/d/low") && image.files.has("/d/Dockerfile"), "an attribute hid a file");
    assert.equal(image?.files.get("/f")?.size, 7);
    for (const [path, { xattrs }] of image?.files ?? []) {
      assert.ok(![...xattrs ? Object.keys(xattrs) : []].some((key) => key.includes("overlay.")), path);
    }
  });
}

Deno.test("S78 umask of the builder, changes no byte of the image and no mode of the outputs", async () => {
  const results: unknown[] = [];
  for (const umask of ["0000", "0022", "0077"]) {
    const modes: Record<string, string> = {};
    const { code, stderr } = await attack({
      dockerfile:
        "FROM {BASE}\nWORKDIR /w/x\nCOPY file /made/here\nCOPY --chmod=600 file /p\nRUN mkdir /r && touch /r/f\n",
      files: { file: "x" },
      arrange: async (site) => {
        await Deno.chmod(`${site.context}/file`, 0o644);
        await Deno.utime(`${site.context}/file`, 1, 1);
      },
      args: ["--reproducible"],
      through: ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"],
      inspect: async (site) => {
        const { stdout } = await run(["find", `${site.path}/out`, "-mindepth", "1", "-printf", "%P %m %y\n"]);
        for (const line of stdout.trim().split("\n")) {
          const [path = "", mode = "", type = ""] = line.split(" ");
          modes[path] = `${type} ${mode}`;
        }
      },
    });
    assert.equal(code, 0, stderr);
    for (const mode of Object.values(modes)) assert.ok(mode === "f 644" || mode === "d 755", JSON.stringify(modes));
    results.push(Object.keys(modes).sort());
  }
  assert.deepEqual(results[0], results[1]);
  assert.deepEqual(results[0], results[2]);
});

const EXPECTED_NODES = [
  "/n/fifo fifo",
  "/n/full character",
  "/n/null character",
  "/n/pipe fifo",
  "/n/sda block",
  "/n/zero character",
  "/one/pipe fifo",
  "/one/zero character",
];

const SEEN = [
  "/Dockerfile",
  "/after/new",
  "/before/new",
  "/between/new",
  "/between/other",
  "/both",
  "/both2",
];
