/**
 * Names a Dockerfile gives that must not become paths, mounts, programs or privileges (S39, S40, S74, S75).
 *
 * Guards, each seen red when taken out: STAGE_NAME in lib/instructions/from.ts, the open parent directories in
 * lib/exec/mount_points.ts and stand_ins.ts (S40 was seen to delete files of the host). What the other rows try is held
 * by more than one guard: names are resolved inside the root, and the grammar of flags knows no other words. `# syntax=`
 * has no guard: nothing reads it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { attack } from "../support/attack_build.ts";
import { ISOLATIONS } from "../support/isolations.ts";
import { run } from "../support/environment/command.ts";
import { startSite } from "../support/executor_site.ts";
import { errorIn } from "../support/failing_build.ts";
import { addBase } from "../support/registry_base.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";
import { AS_IN_A_CONTAINER } from "../support/without_user_namespaces.ts";

const REFUSED: readonly (readonly [shows: string, dockerfile: string])[] = [
  ["a stage ../../x", "FROM scratch AS ../../x\nCOPY Dockerfile /\n"],
  ["an image ../x", "FROM localhost:5000/../x\n"],
  ["an image of COPY --from with ..", "FROM scratch\nCOPY --from=localhost:5000/a/../../x /a /b\n"],
  ["a bind source ../..", "FROM {BASE}\nRUN --mount=type=bind,source=../../../../etc,target=/m cat /m/passwd\n"],
  ["a mount of the root", "FROM {BASE}\nRUN --mount=type=tmpfs,target=/../ id\n"],
  ["an unknown option of a mount", "FROM {BASE}\nRUN --mount=type=bind,target=/m,bind-propagation=shared id\n"],
  ["an unknown type of mount", "FROM {BASE}\nRUN --mount=type=devpts,target=/m id\n"],
];

for (const [shows, dockerfile] of REFUSED) {
  Deno.test(`S39 ${shows}, is refused where it stands`, async () => {
    const { code, stderr } = await attack({ dockerfile });
    assert.ok(code === 65 || code === 66, stderr);
    assert.match(errorIn(stderr), /^error: Cannot [^]*>>>/);
  });
}

for (const isolation of ISOLATIONS) {
  Deno.test(`S39 ids of caches and targets of mounts with .., stay inside of the build (${isolation})`, async () => {
    const { code, stderr, image } = await attack({
      isolation,
      dockerfile: "FROM {BASE}\nRUN --mount=type=cache,id=../../../../escaped,target=/../c touch /c/f && ls /c\n" +
        "RUN --mount=type=tmpfs,target=/a/../../../t touch /t/f\n",
      inspect: (site) => {
        for (const path of ["/escaped", `${site.path}/escaped`, `${site.work}/escaped`, "/c", "/t"]) {
          assert.throws(() => Deno.lstatSync(path), Deno.errors.NotFound, path);
        }
      },
    });
    assert.equal(code, 0, stderr);
    assert.ok(![...image?.files.keys() ?? []].some((path) => path.endsWith("/f")));
  });
}

/** What a RUN may be made with; the last as in a pod that allows no mounts. */
const WAYS: readonly (readonly [name: string, isolation: string, through: readonly string[]])[] = [
  ["overlay", "overlay", []],
  ["chroot", "chroot", []],
  ["no mounts", "chroot", AS_IN_A_CONTAINER],
];

for (const [name, isolation, through] of WAYS) {
  Deno.test(`S40 mount whose parent the command replaces by a link, is cleaned up inside of the rootfs (${name})`, async () => {
    const outside = await Deno.makeTempDir({ prefix: "kiln-outside-" });
    try {
      await Deno.mkdir(`${outside}/b/empty`, { recursive: true });
      await Deno.mkdir(`${outside}/b/full`);
      for (const file of ["b/full/keep", "b/file"]) await Deno.writeTextFile(`${outside}/${file}`, "");
      const before = await listing(outside);
      const swap = (path: string) => `mv ${path} /moved; ln -s ${outside} ${path}; true`;
      const steps = [
        `RUN --mount=type=tmpfs,target=/t/b/empty --mount=type=tmpfs,target=/t/b/full ${swap("/t")}`,
        `RUN --mount=type=secret,id=s,target=/s/b/file ${swap("/s")}`,
        `RUN --mount=type=cache,target=/c/b/full --mount=type=bind,source=d,target=/c/b/empty ${swap("/c")}`,
        `RUN mkdir -p /e/b/full && touch /e/b/full/mine\nRUN --mount=type=tmpfs,target=/e/b/full ${swap("/e")}`,
      ];
      const { code, stderr } = await attack({
        isolation,
        through,
        dockerfile: steps.map((step, at) => `FROM {BASE} AS s${at}\n${step}\n`).join("") +
          `FROM scratch\n${steps.map((_, at) => `COPY --from=s${at} /etc/group /g${at}\n`).join("")}`,
        files: { "d/x": "x" },
        args: ["--secret=id=s,src=/etc/hostname"],
      });
      assert.equal(code, 0, stderr);
      assert.deepEqual(await listing(outside), before);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  });

  Deno.test(`S40 /dev of an image that leads out, gets no devices of ours there (${name})`, async () => {
    const outside = await Deno.makeTempDir({ prefix: "kiln-outside-" });
    try {
      const link = (path: string) => entry({ name: path, typeFlag: "2", linkName: outside });
      const before = await listing(outside);
      const { stderr } = await attack({
        isolation,
        through,
        dockerfile: "FROM {IMAGE:links} AS links\nCOPY --from={BASE} /bin/busybox /bin/busybox\n" +
          'FROM links\nRUN ["/bin/busybox", "true"]\n',
        images: { links: { layers: [archive(link("dev"), link("proc"), link("sys"), link("etc"))] } },
      });
      assert.deepEqual(await listing(outside), before, stderr);
    } finally {
      await Deno.remove(outside, { recursive: true });
    }
  });
}

/** Every entry with what an attack could change, times included. */
async function listing(folder: string): Promise<string> {
  return (await run(["find", folder, "-printf", "%P %y %m %U %s %T@\n"])).stdout.split("\n").sort().join("\n");
}

Deno.test("S39 secret id with .., is a name and no path", async () => {
  const { code, stderr } = await attack({
    dockerfile: "FROM {BASE}\nRUN --mount=type=secret,id=../../etc/hostname,required=true cat /run/secrets/hostname\n",
  });
  assert.notEqual(code, 0, stderr);
  assert.match(errorIn(stderr), /secret/);
});

Deno.test("S74 a frontend that a Dockerfile names, is neither fetched nor run", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  await addBase(registry, "busybox");
  await site.write({
    Dockerfile:
      `# syntax=${registry.host}/evil/frontend:1\nFROM ${registry.host}/base/busybox:latest\nCOPY Dockerfile /\n`,
  });
  const args = ["--no-push", "--insecure-pull", `--build-arg=BUILDKIT_SYNTAX=${registry.host}/evil/frontend:2`];
  const { code, stderr } = await site.run(args);
  assert.equal(code, 0, stderr);
  assert.deepEqual(registry.log().filter((line) => line.includes("evil")), []);
});

for (
  const flag of [
    "--security=insecure",
    "--device=vendor/class=1",
    "--security=none",
    "--network=bridge",
  ]
) {
  Deno.test(`S75 ${flag} of a RUN, is refused unless it is allowed`, async () => {
    const { code, stderr } = await attack({ dockerfile: `FROM {BASE}\nRUN ${flag} id\n` });
    assert.ok(code === 65 || code === 77 || code === 64, stderr);
    assert.match(errorIn(stderr), /^error: Cannot [^]*>>> RUN/);
  });
}
