/**
 * Trees deeper than the 4,095 bytes of a path that the kernel takes at once: commands make them, step by step, and both
 * backends copy them from stage to stage; no layer has them, for nothing could unpack it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";

const NAME = "d".repeat(100);
const LEVELS = 60;

/** Enters the deepest directory, which it makes with `mkdir`. */
function descend(first: string): string {
  return `i=0; while [ $i -lt ${LEVELS} ]; do ${first} cd -P ${NAME} || exit 1; i=$((i+1)); done`;
}
const MAKE = `${descend(`mkdir ${NAME};`)}; echo f > f; ln f linked; ln -s f symlink`;

const ISOLATIONS = ["overlay", "chroot"] as const;

Deno.test("trees with paths of six thousand bytes are made and copied", async () => {
  await prepared({ bases: ["busybox"] });
  await using registry = await startRegistry({ bases: ["busybox"] });
  const busybox = `${registry.host}/base/busybox`;
  await using site = await startSite({
    Dockerfile: [
      `FROM ${busybox} AS made`,
      `RUN mkdir /made && cd /made && ${MAKE}`,
      `FROM ${busybox} AS copied`,
      "COPY --from=made /made /copied/",
      "COPY sent /sent/",
      `RUN cd /copied && ${descend("")}; echo more >> linked; mv f moved`,
      `RUN cd /copied && ${descend("")}; cat moved; rm linked`,
      `RUN mkdir /short && cd /copied && ${descend("")}; mv * /short/; cd /sent && ${descend("")}; mv * /short/`,
      `FROM ${busybox}`,
      "COPY --from=copied /short /short/",
    ].join("\n"),
    "sent/file": "",
  });
  await run(["sh", "-euc", MAKE], { cwd: join(site.context, "sent") });

  const indexes: string[] = [];
  for (const isolation of ISOLATIONS) {
    const layout = join(site.path, isolation);
    const { code, stderr } = await site.run([
      ...["--reproducible", "--insecure-pull", "--no-push"],
      ...[`--isolation=${isolation}`, `--oci-layout-path=${layout}`],
    ]);
    assert.equal(code, 0, stderr.slice(0, 2000));
    indexes.push(await Deno.readTextFile(join(layout, "index.json")));
    const { files } = await flatten(layout);
    const short = [...files].filter(([path]) => path.startsWith("/short/"))
      .map(([path, { type, size, sameAs }]) => [path.slice("/short".length), type, size, sameAs].join(" ").trim());
    assert.deepEqual(short.sort(), [
      "/f file 2 /short/f",
      "/linked file 2 /short/f",
      "/moved file 7",
      "/symlink symlink",
    ]);
  }
  assert.equal(indexes[0], indexes[1]);
  await site.assertNothingLeft();
});

Deno.test("a path that nothing could unpack is refused in a layer", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY sent /sent/\n" });
  await Deno.mkdir(join(site.context, "sent"));
  await run(["sh", "-euc", MAKE], { cwd: join(site.context, "sent") });
  for (const isolation of ISOLATIONS) {
    const { code, stderr } = await site.run(["--no-push", `--isolation=${isolation}`]);
    assert.equal(code, 65);
    const bytes = "sent/".length + 41 * (NAME.length + 1) - 1;
    assert.match(stderr, /Cannot put "sent\/d{10,100}.*\.\.\..*d{10,200}" into a layer/);
    assert.ok(stderr.length < 4000, `${stderr.length} characters`);
    assert.match(
      stderr,
      new RegExp(`its path has ${bytes} bytes, and nothing that unpacks images takes more than 4095`),
    );
  }
  await site.assertNothingLeft();
});
