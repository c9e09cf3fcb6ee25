/**
 * Manifests, indexes and configs that are malformed, ambiguous or huge (S34, S60 to S62, S36).
 *
 * Guards, each seen red when taken out: `faultOfKey`, `faultOfNumber` and MAX_DEPTH in lib/oci/strict_json.ts, the checks
 * of lib/oci/manifest.ts, FORM in lib/oci/digest.ts, FOR_THE_KERNEL in lib/oci/config.ts, MANIFEST_CAP_BYTES in
 * lib/registry/fetch_manifest.ts, MAX_CONFIG_BYTES and MAX_INDEX_DEPTH in lib/image/pull.ts, and
 * `escapeControlsInJson` in lib/report/json_lines.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { KilnError } from "../../lib/errors.ts";
import { imageState } from "../../lib/instructions/state.ts";
import { formatImageConfig, parseImageConfig } from "../../lib/oci/config.ts";
import { parseManifest } from "../../lib/oci/manifest.ts";
import { flatten } from "../support/environment/flatten.ts";
import { startSite } from "../support/executor_site.ts";
import { errorIn } from "../support/failing_build.ts";
import { addForgedImage, addManifest, OCI } from "../support/forged_image.ts";
import { digestOf, type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
const DESCRIPTOR = { mediaType: OCI.gzip, digest: DIGEST, size: 10 };
const MANIFEST = {
  schemaVersion: 2,
  mediaType: OCI.manifest,
  config: { mediaType: OCI.config, digest: DIGEST, size: 10 },
  layers: [DESCRIPTOR],
};
const INDEX = {
  schemaVersion: 2,
  mediaType: OCI.index,
  manifests: [{ mediaType: OCI.manifest, digest: DIGEST, size: 10, platform: { os: "linux", architecture: "amd64" } }],
};
const CONFIG = {
  architecture: "amd64",
  os: "linux",
  config: {
    User: "1:2",
    ExposedPorts: { "80/tcp": {} },
    Env: ["A=b"],
    Entrypoint: ["/x"],
    Cmd: ["y"],
    Volumes: { "/v": {} },
    WorkingDir: "/w",
    Labels: { k: "v" },
    StopSignal: "9",
    OnBuild: ["RUN x"],
    Shell: ["/bin/sh", "-c"],
    ArgsEscaped: true,
    Healthcheck: {
      Test: ["CMD", "x"],
      Interval: 1_000_000_000,
      Timeout: 1,
      StartPeriod: 1,
      StartInterval: 1,
      Retries: 3,
    },
  },
  rootfs: { type: "layers", diff_ids: [DIGEST] },
  history: [{ created: "2024-01-01T00:00:00Z", created_by: "x", author: "a", comment: "c", empty_layer: true }],
};

const parsers = {
  manifest: (text: string) => parseManifest(new TextEncoder().encode(text), OCI.manifest, "the manifest"),
  index: (text: string) => parseManifest(new TextEncoder().encode(text), OCI.index, "the manifest"),
  config: (text: string) => parseImageConfig(new TextEncoder().encode(text), "the config"),
} as const;
const documents = { manifest: MANIFEST, index: INDEX, config: CONFIG } as const;
type Kind = keyof typeof parsers;

/** The documents as they are, with a part of their text replaced: what it is about, and what is said of it. */
const AMBIGUOUS: readonly (readonly [shows: string, kind: Kind, from: string, to: string, why: RegExp])[] = [
  ["layers twice", "manifest", `"layers":`, `"layers":[],"layers":`, /the key "layers" twice/],
  ["layers twice, one escaped", "manifest", `"layers":`, `"l\\u0061yers":[],"layers":`, /the key "layers" twice/],
  [
    "Layers beside layers",
    "manifest",
    `"layers":`,
    `"Layers":[],"layers":`,
    /"Layers", which some readers take for "layers"/,
  ],
  ["LAYERS alone", "manifest", `"layers":`, `"LAYERS":`, /which some readers take for "layers"/],
  [
    "layers with a long s",
    "manifest",
    `"layers":`,
    `"layer\u017f":[],"layers":`,
    /which some readers take for "layers"/,
  ],
  ["manifests beside layers, in capitals", "manifest", `"layers":`, `"Manifests":[],"layers":`, /take for "manifests"/],
  ["Digest in a layer", "manifest", `"size":10}]`, `"size":10,"Digest":"x"}]`, /take for "digest"/],
  ["digest twice in a layer", "manifest", `"size":10}]`, `"size":10,"digest":"${DIGEST}"}]`, /"digest" twice/],
  ["__proto__", "manifest", `"layers":`, `"__proto__":{"layers":[]},"layers":`, /the key "__proto__"/],
  ["__proto__ in annotations", "manifest", `"layers":`, `"annotations":{"__proto__":"x"},"layers":`, /"__proto__"/],
  ["an annotation twice", "manifest", `"layers":`, `"annotations":{"a":"x","a":"y"},"layers":`, /the key "a" twice/],
  ["a key twice below an unknown field", "manifest", `"layers":`, `"x":[{"y":[{"z":1,"z":2}]}],"layers":`, /"z" twice/],
  [
    "two keys that are half a surrogate pair",
    "manifest",
    `"layers":`,
    `"x":{"\\ud800":1,"\\ud801":2},"layers":`,
    /twice/,
  ],
  ["a size JavaScript rounds", "manifest", `"size":10}]`, `"size":9007199254740993}]`, /9007199254740993 is too large/],
  ["a size with a fraction", "manifest", `"size":10}]`, `"size":9007199254740991.4}]`, /where a whole one belongs/],
  ["a size with an exponent", "manifest", `"size":10}]`, `"size":1e1}]`, /where a whole one belongs/],
  ["a byte order mark", "manifest", `{"schema`, `\ufeff{"schema`, /not valid JSON/],
  ["two documents", "manifest", `}]}`, `}]}{}`, /not valid JSON/],
  ["manifests twice", "index", `"manifests":`, `"manifests":[],"manifests":`, /"manifests" twice/],
  [
    "Platform beside platform",
    "index",
    `"platform":`,
    `"Platform":{"os":"windows"},"platform":`,
    /take for "platform"/,
  ],
  ["Architecture in a platform", "index", `"architecture":`, `"Architecture":"x","architecture":`, /"architecture"/],
  ["config in two cases", "config", `"config":`, `"Config":{},"config":`, /take for "config"/],
  ["env beside Env", "config", `"Env":`, `"env":["A=evil"],"Env":`, /take for "Env"/],
  ["Env twice", "config", `"Env":`, `"Env":["A=evil"],"Env":`, /"Env" twice/],
  ["onbuild", "config", `"OnBuild":`, `"onbuild":[],"OnBuild":`, /take for "OnBuild"/],
  ["a label twice", "config", `"k":"v"`, `"k":"v","k":"w"`, /"k" twice/],
  ["Diff_IDs", "config", `"diff_ids":`, `"Diff_IDs":[],"diff_ids":`, /take for "diff_ids"/],
  [
    "Empty_layer with a Kelvin sign in it",
    "config",
    `"OnBuild":`,
    `"Healthchec\u212a":{},"OnBuild":`,
    /take for "Healthcheck"/,
  ],
];

for (const [shows, kind, from, to, why] of AMBIGUOUS) {
  Deno.test(`S61 ${kind} that readers disagree about, is refused: ${shows}`, () => {
    const right = JSON.stringify(documents[kind]);
    parsers[kind](right);
    assert.ok(right.includes(from));
    assert.throws(() => parsers[kind](right.replace(from, () => to)), integrity(why));
  });
}

Deno.test("S61 keys that are data, may differ by case", () => {
  const labels = { a: "1", A: "2", env: "3", Env: "4", config: "5" };
  const config = parseImageConfig(encode({ ...CONFIG, config: { Labels: labels } }), "the config");
  assert.deepEqual(config.config.Labels, labels);
  const annotations = { layers: "x", Layers: "y" };
  const { manifest } = parseManifest(encode({ ...MANIFEST, annotations }), OCI.manifest, "x") as {
    manifest: { annotations: unknown };
  };
  assert.deepEqual(manifest.annotations, annotations);
});

Deno.test("S61 configs as tools write them, with fields of their own, are read", () => {
  const extra = {
    container: "abc",
    container_config: { Hostname: "x", Cmd: ["a"], Labels: { a: "1" }, Tty: false },
    docker_version: "20.10.1",
    "moby.buildkit.cache.v0": "e30=",
    "moby.buildkit.buildinfo.v1": { size: 1.5, Size: 12345678901234567890 },
  };
  parsers.config(
    JSON.stringify({ ...extra, ...CONFIG, config: { Hostname: "", Domainname: "", Tty: false, ...CONFIG.config } }),
  );
});

/** Manifests that are not what they are taken for. */
const CONFUSED: readonly (readonly [shows: string, kind: Kind, document: unknown, why: RegExp])[] = [
  ["layers and manifests", "manifest", { ...MANIFEST, manifests: INDEX.manifests }, /a manifest with manifests/],
  ["manifests and layers", "index", { ...INDEX, layers: MANIFEST.layers }, /an index with layers/],
  ["an index served as a manifest", "manifest", INDEX, /but was served as/],
  ["schema version 1", "manifest", { ...MANIFEST, schemaVersion: 1 }, /schema version 1/],
  ["schema version 2.0 as text", "manifest", { ...MANIFEST, schemaVersion: "2" }, /schemaVersion is not 2/],
  ["a Helm chart", "manifest", {
    ...MANIFEST,
    config: { ...DESCRIPTOR, mediaType: "application/vnd.cncf.helm.config.v1+json" },
  }, /its config is of the type "application\/vnd.cncf.helm/],
  ["an attestation", "manifest", {
    ...MANIFEST,
    config: { ...DESCRIPTOR, mediaType: "application/vnd.oci.empty.v1+json" },
  }, /its config is of the type/],
  ["no config", "manifest", { ...MANIFEST, config: undefined }, /the config of the manifest/],
  ["null layers inside", "manifest", { ...MANIFEST, layers: [null] }, /layer 0/],
  ["25,000 layers", "manifest", { ...MANIFEST, layers: Array(25_000).fill(DESCRIPTOR) }, /25000 layers, more than 500/],
  ["a negative size", "manifest", { ...MANIFEST, layers: [{ ...DESCRIPTOR, size: -1 }] }, /whole number of bytes/],
  ["an array", "manifest", [MANIFEST], /not a JSON object/],
  ["null", "manifest", null, /not a JSON object/],
];
for (const [shows, kind, document, why] of CONFUSED) {
  Deno.test(`S61 manifest that is something else, is refused: ${shows}`, () => {
    assert.throws(() => parsers[kind](JSON.stringify(document)), integrity(why));
  });
}

for (
  const digest of [
    "sha256:../../x",
    `sha256:${"A".repeat(64)}`,
    "sha256:0123",
    `md5:${"0".repeat(32)}`,
    `sha512:${"0".repeat(128)}`,
    `${DIGEST}/../x`,
    `${DIGEST}\n`,
    `%73ha256:${"0".repeat(64)}`,
    7,
    null,
  ]
) {
  Deno.test(`S62 digest string ${JSON.stringify(digest)?.slice(0, 30)}, is refused wherever it stands`, () => {
    const bad = { ...DESCRIPTOR, digest };
    assert.throws(
      () => parsers.manifest(JSON.stringify({ ...MANIFEST, layers: [bad] })),
      integrity(/Cannot read the digest/),
    );
    assert.throws(
      () => parsers.index(JSON.stringify({ ...INDEX, manifests: [bad] })),
      integrity(/Cannot read the digest/),
    );
    const rootfs = { type: "layers", diff_ids: [digest] };
    assert.throws(() => parsers.config(JSON.stringify({ ...CONFIG, rootfs })), integrity(/Cannot read the digest/));
  });
}

Deno.test("S34 config with any value of a wrong type in any field, is refused or read as absent, never crashes", () => {
  const odd = [
    null,
    [],
    {},
    [null],
    [1],
    [[]],
    { a: null },
    { a: 1 },
    7,
    -1,
    1e308,
    true,
    "",
    "x\0\n\x1b[31m",
    "x".repeat(1e5),
  ];
  let refused = 0;
  const visit = (value: unknown, rebuild: (put: unknown) => unknown): void => {
    for (const put of odd) {
      try {
        const config = parsers.config(JSON.stringify(rebuild(put)));
        // What is accepted is written as something that is accepted and the same.
        const again = formatImageConfig(config);
        assert.deepEqual(formatImageConfig(parseImageConfig(again, "the config")), again);
      } catch (error) {
        if (!(error instanceof KilnError)) throw error;
        assert.equal(error.kind, "integrity", error.message);
        refused++;
      }
    }
    if (typeof value !== "object" || value === null) return;
    for (const [key, inner] of Object.entries(value)) {
      visit(inner, (put) => rebuild(Array.isArray(value) ? [put] : { ...value, [key]: put }));
    }
  };
  visit(CONFIG, (put) => put);
  assert.ok(refused > 200, `${refused}`);
});

for (const name of ["Env", "User", "WorkingDir", "Shell"]) {
  Deno.test(`S34 config with a NUL in ${name}, is refused before a command gets it`, () => {
    const value = name === "Env" || name === "Shell" ? ["a=b", "A=x\0y"] : "x\0y";
    const document = { ...CONFIG, config: { ...CONFIG.config, [name]: value } };
    assert.throws(() => parsers.config(JSON.stringify(document)), integrity(/has a NUL character/));
  });
}

Deno.test("S34 config with a million variables, is read in bounded time", () => {
  const Env = Array.from({ length: 500_000 }, (_, at) => `a${at}=`);
  const text = JSON.stringify({ ...CONFIG, config: { Env: [...Env, "no equals sign", "", "A=line\nbreak"] } });
  const image = parsers.config(text);
  const platform = { os: "linux", architecture: "amd64" };
  const build = { given: new Map(), globals: new Map() };
  const started = performance.now();
  const state = imageState(image, { build, platform });
  assert.equal(Array.from(state.environment).length, 500_004);
  assert.ok(performance.now() - started < 20_000);
});

Deno.test("S60 document that is nested 100,000 deep, is refused at once", () => {
  const deep = JSON.stringify({ ...MANIFEST, x: 0 }).replace(`"x":0`, `"x":${"[".repeat(1e5)}${"]".repeat(1e5)}`);
  assert.throws(() => parsers.manifest(deep), integrity(/nested more than 100 deep|not valid JSON/));
});

Deno.test("S60 document of nothing but keys, takes no more than a few times as long as JSON.parse", () => {
  const keys = Array.from({ length: 100_000 }, (_, at) => `"k${at}":0`).join();
  const text = JSON.stringify({ ...MANIFEST, x: 0 }).replace(`"x":0`, `"x":{${keys}},${keys}`);
  const plain = measured(() => JSON.parse(text));
  const strict = measured(() => parsers.manifest(text));
  assert.ok(strict < 25 * plain, `${strict} ms, JSON.parse ${plain} ms`);
});

/** Registries that serve such images, seen from the outside. */
const SERVED: readonly (readonly [shows: string, arrange: (registry: FaultRegistry) => string, error: RegExp])[] = [
  ["S61 index that names itself", (registry) => {
    // An index cannot hold its own digest, but a registry can answer every digest with it.
    const bytes = encode(INDEX);
    registry.always("GET", /manifests\/sha256/, (_request, response) => {
      response.writeHead(200, { "content-type": OCI.index, "content-length": bytes.length }).end(bytes);
    });
    return addManifest(registry, "evil", { bytes, type: OCI.index });
  }, /what was served has the digest sha256:/],
  ["S61 index in an index, 50 deep", (registry) => {
    let bytes = encode(INDEX);
    for (let depth = 0; depth < 50; depth++) {
      addManifest(registry, "evil", { bytes, type: OCI.index });
      const entry = { ...INDEX.manifests[0], mediaType: OCI.index, digest: digestOf(bytes), size: bytes.length };
      bytes = encode({ ...INDEX, manifests: [entry] });
    }
    return addManifest(registry, "evil", { bytes, type: OCI.index });
  }, /its index is nested more than 4 deep/],
  [
    "S61 layers in two cases",
    (registry) =>
      addForgedImage(registry, "evil", { manifestText: (text) => text.replace(`"layers"`, `"Layers":[],"layers"`) }),
    /Cannot read the manifest of .*: it has the key "Layers", which some readers take for "layers"/,
  ],
  [
    "S34 config without a rootfs",
    (registry) => addForgedImage(registry, "evil", { layers: [new Uint8Array(1024)], image: { rootfs: undefined } }),
    /its manifest has 1 layers, its config 0 diff IDs/,
  ],
  [
    "S60 manifest of 5 MiB",
    (registry) => addManifest(registry, "evil", { bytes: encode({ ...MANIFEST, x: "x".repeat(5 << 20) }) }),
    /it is larger than 4 MiB/,
  ],
  ["S60 manifest without an end", (registry) => {
    registry.always("GET", /manifests/, (_request, response) => {
      response.writeHead(200, { "content-type": OCI.manifest });
      const more = (): void => {
        if (!response.destroyed) response.write(new Uint8Array(1 << 16).fill(0x20), () => setTimeout(more, 0));
      };
      more();
    });
    return `${registry.host}/evil:latest`;
  }, /it is larger than 4 MiB/],
  ["S60 config of 1 GiB", (registry) =>
    addForgedImage(registry, "evil", {
      manifest: { config: { mediaType: OCI.config, digest: DIGEST, size: 1 << 30 } },
    }), /Cannot read an image config of 1073741824 bytes/],
];
for (const [shows, arrange, error] of SERVED) {
  Deno.test(`${shows}, is refused from a registry`, async () => {
    await using registry = await startFaultRegistry();
    await using site = await startSite();
    await site.write({ Dockerfile: `FROM ${arrange(registry)}\nCOPY Dockerfile /\n` });
    const { code, stderr } = await site.run(["--no-push", "--insecure-pull"]);
    assert.equal(code, 78, stderr);
    assert.match(errorIn(stderr), error);
    assert.match(errorIn(stderr), /^ {3}1 \| >>> FROM/m);
    await site.assertNothingLeft();
  });
}

Deno.test("S36 labels, users and signals with control bytes, reach no terminal raw, and the image unchanged", async () => {
  const evil = "x\x1b]0;title\x07\n::set-output name=a::b\r\x9b31m\u202e";
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  const base = addForgedImage(registry, "evil", {
    config: {
      Labels: { [evil]: evil },
      Env: [`A=${evil}`],
      StopSignal: `../../${evil}`,
      OnBuild: [`LABEL b="${evil.replaceAll("\n", "")}"`],
    },
    image: { author: evil },
  });
  await site.write({ Dockerfile: `FROM ${base}\nLABEL c=$A\nENV A=2\n` });
  const run = (args: readonly string[]) => site.run(["--no-push", "--insecure-pull", ...args]);
  for (const args of [["--verbosity=trace"], ["--verbosity=trace", "--log-format=json"]]) {
    const { code, stdout, stderr } = await run([
      ...args,
      `--tar-path=${site.path}/${args.length}.tar`,
      "--destination=a/b:c",
    ]);
    assert.equal(code, 0, stderr);
    // deno-lint-ignore no-control-regex -- control characters are what this is about
    assert.doesNotMatch(stdout + stderr, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]|^::set-output/m);
    const { config } = await flatten(`${site.path}/${args.length}.tar`);
    assert.deepEqual(config.config?.["Labels"], { [evil]: evil, b: evil.replaceAll("\n", ""), c: evil });
  }
});

function measured(action: () => unknown): number {
  const started = performance.now();
  action();
  return performance.now() - started;
}

function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

function integrity(why: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KilnError, String(error));
    assert.equal(error.kind, "integrity");
    assert.match(error.message, why);
    return true;
  };
}
