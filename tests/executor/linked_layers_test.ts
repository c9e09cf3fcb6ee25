/**
 * What `COPY --link` is for: layers that depend on nothing below them, and bases that need not be downloaded.
 *
 * @module
 */
import assert from "node:assert/strict";
import { startSite } from "../support/executor_site.ts";
import { addForgedImage } from "../support/forged_image.ts";
import { addBase } from "../support/registry_base.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";

const BACKENDS = ["overlay", "chroot"] as const;

for (const isolation of BACKENDS) {
  Deno.test(`COPY --link, of nothing but linked layers a base is not downloaded (${isolation})`, async () => {
    await using registry = await startFaultRegistry();
    await using site = await startSite({ a: "a", "d/b": "b" });
    await addBase(registry, "busybox");
    await site.write({
      Dockerfile: `FROM ${registry.host}/base/busybox:latest\nCOPY --link a /x/\nENV A=b\nADD --link d /x/\n`,
    });
    const args = ["--insecure", `--destination=${registry.host}/base/busybox:built`, `--isolation=${isolation}`];
    const { code, stderr } = await site.run(args);
    assert.equal(code, 0, stderr);
    const layers = layersOf(registry, "base/busybox:built");
    assert.equal(layers.length, 3);
    const [base = ""] = layers;
    assert.deepEqual(registry.log().filter((line) => line.startsWith("GET ") && line.includes(base)), []);
    await site.assertNothingLeft();
  });

  Deno.test(`COPY --link, gives the same layer whatever is below (${isolation})`, async () => {
    await using registry = await startFaultRegistry();
    await using site = await startSite({ "d/b": "b" });
    const bases = [
      archive(entry({ name: "srv", typeFlag: "2", linkName: "/real" }), entry({ name: "real/", typeFlag: "5" })),
      archive(entry({ name: "srv" }, "a file")),
      archive(entry({ name: "srv/", typeFlag: "5" }), entry({ name: "srv/d/", typeFlag: "5" })),
    ];
    const built = [];
    for (const [at, tar] of bases.entries()) {
      const base = addForgedImage(registry, `base${at}`, { layers: [tar] });
      await site.write({ Dockerfile: `FROM ${base}\nCOPY --link d /srv/d/\n` });
      const { code, stderr } = await site.run([
        ...["--insecure", `--destination=${registry.host}/out:${at}`, `--isolation=${isolation}`],
      ], { env: { SOURCE_DATE_EPOCH: "1000000000" } });
      assert.equal(code, 0, stderr);
      built.push(layersOf(registry, `out:${at}`).at(-1));
    }
    assert.equal(new Set(built).size, 1, String(built));
  });
}

function layersOf(registry: FaultRegistry, key: string): readonly string[] {
  const stored = registry.manifests.get(key);
  assert.ok(stored !== undefined, `"${key}" was not pushed`);
  const { layers } = JSON.parse(new TextDecoder().decode(stored.bytes));
  return layers.map(({ digest }: { readonly digest: string }) => digest);
}
