import assert from "node:assert/strict";
import { assembleImage, type NewHistory } from "../../../lib/image/assemble.ts";
import type { Image } from "../../../lib/image/image.ts";
import type { PulledImage } from "../../../lib/image/pull.ts";
import type { HistoryEntry, ImageConfig } from "../../../lib/oci/config.ts";
import { parseDigest } from "../../../lib/oci/digest.ts";
import { BlobDirectory } from "../../../lib/store/blob_directory.ts";

const DIGEST = parseDigest(`sha256:${"a".repeat(64)}`);
const NOW = new Date("2025-05-05T05:05:05Z");
const COMMENT = "buildkit.dockerfile.v0";

/** A base of so many layers; only what is looked at here is there. */
function baseOf(layers: number, history: readonly HistoryEntry[], config: Partial<ImageConfig> = {}): PulledImage {
  const diffIds = Array.from({ length: layers }, () => DIGEST);
  const layer = {
    diffId: DIGEST,
    descriptor: { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: DIGEST, size: 1 },
  };
  return {
    config: {
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: diffIds },
      history,
      ...config,
    },
    layers: diffIds.map(() => layer),
  } as unknown as PulledImage;
}

function step(createdBy: string, second?: number): NewHistory {
  const layer = { diffId: DIGEST, digest: DIGEST, size: 1, compression: "gzip", entries: 0 } as const;
  return second === undefined
    ? { layer: undefined, createdBy, at: NOW }
    : { layer, createdBy, at: new Date(second * 1000) };
}

async function assemble(
  base: PulledImage | undefined,
  history: readonly NewHistory[],
  latestSec?: number,
): Promise<Image> {
  const folder = await Deno.makeTempDir({ prefix: "kiln-assemble-" });
  try {
    return assembleImage({
      base,
      history,
      config: {},
      platform: { os: "linux", architecture: "amd64" },
      family: "oci",
      annotations: new Map(),
      ...(latestSec === undefined ? {} : { latestSec }),
      now: NOW,
    }, new BlobDirectory(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function at(second: number): string {
  return new Date(second * 1000).toISOString().replace(".000Z", "Z");
}

const BASE_TIME = "2020-01-01T00:00:00Z";

Deno.test("assembleImage() [3.0/6] marks its entries, and those without a layer", async () => {
  const { config } = await assemble(undefined, [step("ENV a=b"), step("RUN x", 7)]);
  assert.deepEqual(config.history, [
    { created: at(7), created_by: "ENV a=b", comment: COMMENT, empty_layer: true },
    { created: at(7), created_by: "RUN x", comment: COMMENT },
  ]);
});

Deno.test("assembleImage() [3.0/6] adds entries for layers that the base's history does not tell of", async () => {
  const { config } = await assemble(baseOf(2, [{ created_by: "one", created: BASE_TIME }]), [step("RUN x", 7)]);
  assert.deepEqual(config.history.map(({ comment, created_by }) => created_by ?? comment), [
    "one",
    "buildkit.exporter.image.v0",
    "RUN x",
  ]);
});

Deno.test("assembleImage() [3.0/6] takes entries for no layers when the base has fewer", async () => {
  const { config } = await assemble(baseOf(1, [{ created_by: "one" }, { created_by: "two" }]), [step("RUN x", 7)]);
  assert.deepEqual(config.history.map(({ created_by, empty_layer }) => [created_by, empty_layer ?? false]), [
    ["one", false],
    ["two", true],
    ["RUN x", false],
  ]);
});

Deno.test("assembleImage() [3.0/8] keeps the base's history as it was, in front", async () => {
  const history = [
    { created: BASE_TIME, created_by: "ADD rootfs.tar / ", comment: "of its own", author: "Somebody" },
    { created: BASE_TIME, created_by: 'CMD ["sh"]', empty_layer: true },
  ];
  const { config } = await assemble(baseOf(1, history), [step("RUN x", 7)]);
  assert.deepEqual(config.history.slice(0, 2), history);
});

Deno.test("assembleImage() [3.0/7] gives entries without a layer the time of the next one, or of the last", async () => {
  const history = [step("ENV a=b"), step("RUN x", 7), step("ENV c=d"), step("RUN y", 9), step("USER e")];
  const { config } = await assemble(baseOf(1, [{ created: BASE_TIME }]), history);
  assert.deepEqual(config.history.slice(1).map(({ created }) => created), [at(7), at(7), at(7), at(9), at(9)]);
  assert.equal(config.created, at(9));
});

Deno.test("assembleImage() [3.0/7] dates an image without new layers as its base", async () => {
  const { config } = await assemble(baseOf(1, [{ created: BASE_TIME }]), [step("ENV a=b")]);
  assert.deepEqual(config.history.map(({ created }) => created), [BASE_TIME, BASE_TIME]);
  assert.equal(config.created, BASE_TIME);
});

Deno.test("assembleImage() [3.0/7] dates an image without any layer as now, or as SOURCE_DATE_EPOCH says", async () => {
  assert.equal((await assemble(undefined, [step("ENV a=b")])).config.created, NOW.toISOString().replace(".000Z", "Z"));
  assert.equal((await assemble(undefined, [step("ENV a=b")], 1)).config.created, at(1));
  assert.equal((await assemble(undefined, [step("RUN x", 7)], 1)).config.created, at(1));
});
