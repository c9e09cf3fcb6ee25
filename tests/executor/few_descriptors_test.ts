/**
 * F22: the least number of descriptors that is not refused is enough.
 *
 * @module
 */
import assert from "node:assert/strict";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { startSite } from "../support/executor_site.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";

for (const isolation of ISOLATIONS) {
  Deno.test(`F22 200 descriptors, are enough for a build of several stages (${isolation})`, async () => {
    await prepared({ tools: [], bases: ["busybox"] });
    await using registry = await startRegistry({ bases: ["busybox"] });
    const base = registry.base("busybox");
    await using site = await startSite({
      Dockerfile: [
        ...["a", "b", "c"].flatMap((
          name,
        ) => [`FROM ${base} AS ${name}`, `RUN mkdir -p /${name}/d && echo x > /${name}/d/f`]),
        `FROM ${base}`,
        ...["a", "b", "c"].map((name) => `COPY --from=${name} /${name} /${name}`),
        "COPY many /many/",
        "RUN ls -R /many | wc -l",
      ].join("\n"),
    });
    const deep = Array.from({ length: 60 }, (_, at) => [`many/${"d/".repeat(at)}f${at}`, "x"] as const);
    await site.write(Object.fromEntries(deep));
    const { code, stderr } = await site.run(["--no-push", "--insecure-pull", `--isolation=${isolation}`], {
      through: ["prlimit", "--nofile=200:200", ...await placeOf(isolation, site)],
    });
    assert.equal(code, 0, stderr);
    await site.assertNothingLeft();
  });
}
