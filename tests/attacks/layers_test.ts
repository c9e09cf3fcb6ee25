/**
 * Layers that lie about what they are, or are made to fill memory and disk (S24 to S27), from the outside and on both
 * backends. What the tar reader and the decompressors refuse one by one is in tests/unit/tar and tests/unit/io.
 *
 * Guards, each seen red when taken out: the comparison with the diff ID in lib/image/extract_layer.ts, `limitExpansion` and
 * `layerCompression` in lib/image/read_layer.ts, DEFAULT_TAR_LIMITS in lib/tar/limits.ts, `checkLayerCount` in
 * lib/oci/config.ts. Those of the streams are named in tests/unit/io and tests/unit/registry.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { crc32, deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { flatten } from "../support/environment/flatten.ts";
import { type Outcome, startSite } from "../support/executor_site.ts";
import { errorIn } from "../support/failing_build.ts";
import { addForgedImage, type ForgedImage, OCI } from "../support/forged_image.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";
import { digestOf, type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry, gnuLong, gnuSparse, header, join, pax } from "../support/tar_forge.ts";

const TAR = archive(entry({ name: "hello" }, "hello, world"));
const ZIP = new Uint8Array(gzipSync(TAR));

interface Tried extends Outcome {
  /** What stands in the finished image, by name. */
  readonly files: ReadonlySet<string>;
}

/** Builds on a forged image, checks that nothing is left, and that the same work directory serves an honest image. */
async function build(
  image: ForgedImage,
  { isolation, retry, tamper }: {
    readonly isolation: string;
    /** Whether to build on an honest image afterwards, in the same work directory. */
    readonly retry: boolean;
    readonly tamper?: (registry: FaultRegistry) => void;
  },
): Promise<Tried> {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  const base = addForgedImage(registry, "evil", image);
  tamper?.(registry);
  const run = async (from: string, name: string): Promise<Tried> => {
    await site.write({ Dockerfile: `FROM ${from}\nCOPY Dockerfile /\n` });
    const all = ["--no-push", "--insecure-pull", `--isolation=${isolation}`, `--oci-layout-path=${site.path}/${name}`];
    const outcome = await site.run(all, { through: await placeOf(isolation, site) });
    await site.assertNothingLeft();
    const files = outcome.code === 0 ? [...(await flatten(`${site.path}/${name}`)).files.keys()] : [];
    return { ...outcome, files: new Set(files) };
  };
  const tried = await run(base, "out");
  if (tried.code !== 0 && retry) {
    const honest = addForgedImage(registry, "honest", { layers: [TAR] });
    const { code, stderr, files } = await run(honest, "after");
    assert.equal(code, 0, stderr);
    assert.ok(files.has("/hello") && files.has("/Dockerfile"));
  }
  return tried;
}

interface Row {
  readonly shows: string;
  readonly image: ForgedImage;
  readonly error: RegExp;
  readonly tamper?: (registry: FaultRegistry) => void;
}

const END_ALTERED = join(TAR, new Uint8Array(10240).fill(0x61));

const REFUSED: readonly Row[] = [
  {
    shows: "S27 bytes behind the end marker that the diff ID does not cover",
    image: { layers: [{ tar: END_ALTERED, diffId: digestOf(TAR) }] },
    error: /it has the diff ID sha256:/,
  },
  {
    shows: "S27 zeros behind the end marker that the diff ID does not cover",
    image: { layers: [{ tar: join(TAR, new Uint8Array(512)), diffId: digestOf(TAR) }] },
    error: /it has the diff ID sha256:/,
  },
  {
    shows: "S27 another diff ID than the tar's",
    image: { layers: [{ tar: TAR, diffId: digestOf(ZIP) }] },
    error: /it has the diff ID sha256:/,
  },
  {
    shows: "S27 a blob whose last bytes are others",
    image: { layers: [TAR] },
    tamper: (registry) => {
      for (const [key, bytes] of registry.blobs) {
        if (bytes[0] === 0x1f) {
          registry.blobs.set(
            key,
            bytes.map((byte, at) => at === bytes.length - 1 ? byte ^ 1 : byte),
          );
        }
      }
    },
    error: /its content has the digest sha256:|cannot decompress/,
  },
  {
    shows: "S27 a blob that is larger than its descriptor says",
    image: { layers: [{ tar: TAR, size: ZIP.length - 1 }] },
    error: /bytes were announced in place of/,
  },
  {
    shows: "S27 a blob that is smaller than its descriptor says",
    image: { layers: [{ tar: TAR, size: 1 << 30 }] },
    error: /bytes were announced in place of/,
  },
  {
    shows: "S27 no layers for a rootfs that has some",
    image: { image: { rootfs: { type: "layers", diff_ids: [digestOf(TAR)] } } },
    error: /its manifest has 0 layers, its config 1 diff IDs/,
  },
  {
    shows: "S25 garbage behind the gzip stream",
    image: { layers: [{ tar: TAR, blob: join(ZIP, "garbage") }] },
    error: /it is not gzip, or followed by something else/,
  },
  {
    shows: "S25 a gzip stream that breaks off",
    image: { layers: [{ tar: TAR, blob: ZIP.subarray(0, ZIP.length - 9) }] },
    error: /cannot decompress gzip data/,
  },
  {
    shows: "S25 bzip2 under the media type of gzip",
    image: { layers: [{ tar: TAR, blob: join("BZh91AY&SY", new Uint8Array(600)) }] },
    error: /Cannot unpack the layer with the diff ID/,
  },
  {
    shows: "S25 gzip under the media type of a plain tar",
    image: { layers: [{ tar: ZIP, blob: ZIP, mediaType: OCI.tar }] },
    error: /Cannot unpack the layer with the diff ID/,
  },
  {
    shows: "S24 an extended header of 4 GiB",
    image: { layers: [join(header({ typeFlag: "x", size: 0o40000000000 }), new Uint8Array(1 << 20))] },
    error: /its extended header has 4294967296 bytes, more than 1048576/,
  },
  {
    shows: "S24 a sparse file of 65 GiB",
    image: {
      layers: [archive(
        pax([["GNU.sparse.major", "1"], ["GNU.sparse.minor", "0"], ["GNU.sparse.realsize", "69793218560"], [
          "GNU.sparse.name",
          "x",
        ]]),
        entry({ name: "x" }, "0\n".padEnd(512, "\0")),
      )],
    },
    error: /it is a sparse file of 69793218560 bytes, more than 68719476736/,
  },
  {
    shows: "S24 a sparse file with a region far behind its end",
    image: { layers: [archive(gnuSparse({ name: "x", size: 0 }, { regions: [[1e9, 0]], realSize: 10 }))] },
    error: /its sparse map does not end where the file does/,
  },
  {
    shows: "S23 a PAX size that hides an inner archive",
    image: {
      layers: [archive(pax([["size", "1024"]]), entry({ name: "outer", size: 0 }), entry({ name: "inner" }), "")],
    },
    error: /its header says it has 0 bytes, its extended header 1024/,
  },
  {
    shows: "S26 1.2 MB that expand to 1.2 GiB",
    image: { layers: [{ tar: TAR, blob: bomb() }] },
    error: /it expands to more than 200 times its size[^]*hint: if it is meant to, raise --expanded-size-limit/,
  },
];

for (const { shows, image, error, ...how } of REFUSED) {
  // Only who throws away what is one backend's own business.
  for (const isolation of shows.startsWith("S27") ? ISOLATIONS : ["overlay"] as const) {
    Deno.test(`${shows}: the build fails and keeps nothing of the layer (${isolation})`, async () => {
      const { code, stderr } = await build(image, { isolation, retry: shows.startsWith("S27"), ...how });
      assert.equal(code, 78, stderr);
      assert.match(errorIn(stderr), error);
      assert.match(errorIn(stderr), /^ {3}1 \| >>> FROM/m);
    });
  }
}

/** What is odd and legal, or what every runtime takes. */
const ACCEPTED: readonly { readonly shows: string; readonly image: ForgedImage; readonly has?: readonly string[] }[] = [
  {
    shows: "S25 many gzip members, some of them empty",
    image: {
      layers: [{
        tar: TAR,
        blob: join(
          ...Array.from({ length: 1000 }, () => new Uint8Array(gzipSync(""))),
          gzipSync(TAR.subarray(0, 700)),
          gzipSync(TAR.subarray(700)),
        ),
      }],
    },
  },
  { shows: "S25 gzip with every optional field", image: { layers: [{ tar: TAR, blob: gzipWithFields(TAR) }] } },
  {
    shows: "S25 zstd under the media type of gzip",
    image: { layers: [{ tar: TAR, blob: new Uint8Array(zstdCompressSync(TAR)) }] },
  },
  { shows: "S25 a plain tar under the media type of gzip", image: { layers: [{ tar: TAR, blob: TAR }] } },
  {
    shows: "S25 gzip under the media type of zstd",
    image: { layers: [{ tar: TAR, blob: ZIP, mediaType: OCI.zstd }] },
  },
  { shows: "S34 the same layer four times", image: { layers: [TAR, TAR, TAR, TAR] } },
  {
    shows: "S26 100 MB of zeros in 100 kB",
    image: { layers: [{ tar: archive(entry({ name: "hello" }, new Uint8Array(1e8))) }] },
  },
  {
    shows: "S26 directories 1,500 deep",
    image: {
      layers: [
        archive(gnuLong("L", `${"d/".repeat(1500)}`), entry({ name: "d", typeFlag: "5" }), entry({ name: "hello" })),
      ],
    },
  },
];

for (const { shows, image } of ACCEPTED) {
  for (const isolation of shows.startsWith("S25") ? ["overlay"] as const : ISOLATIONS) {
    Deno.test(`${shows}: the layer is read (${isolation})`, async () => {
      const { code, stderr, files } = await build(image, { isolation, retry: false });
      assert.equal(code, 0, stderr);
      assert.ok(files.has("/hello") && files.has("/Dockerfile"), [...files].slice(0, 10).join());
    });
  }
}

/** Zeros in gzip: one piece compressed once, repeated as members. */
function bomb(): Uint8Array {
  const piece = new Uint8Array(gzipSync(new Uint8Array(64 << 20)));
  return join(ZIP, ...Array.from({ length: 20 }, () => piece));
}

/** FEXTRA, FNAME, FCOMMENT and FHCRC. */
function gzipWithFields(content: Uint8Array): Uint8Array {
  const head = join("\x1f\x8b\x08\x1e\0\0\0\0\0\xff", "\x04\x00ab\x00\x00", "name\0", "comment\0");
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content), 0);
  trailer.writeUInt32LE(content.length, 4);
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc32(head) & 0xffff);
  return join(head, check, deflateRawSync(content), trailer);
}
