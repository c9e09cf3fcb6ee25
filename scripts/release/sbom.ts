/**
 * A software bill of materials for one executor, as CycloneDX 1.6 JSON: the program, the Deno runtime in it and every
 * package of npm whose code is in it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { BundledPackage } from "./bundled_packages.ts";

/** What is in a file. */
export interface Contents {
  readonly name: string;
  readonly version: string;
  /** `amd64`, `arm64`. */
  readonly architecture: string;
  readonly sha256: string;
  readonly runtime: Runtime;
  readonly packages: readonly BundledPackage[];
  /** When it was made, in seconds since 1970. */
  readonly epoch: number;
}

/** The runtime in it. */
export interface Runtime {
  readonly version: string;
  /** Where it came from: a package URL. */
  readonly purl: string;
  /** Of the file that went in; a compiler's own download has none here. */
  readonly sha256?: string;
}

/** Identifiers of the SPDX list that packages of ours have used; others are given by name. */
const SPDX = new Set(["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "Unlicense"]);

/** Returns the document's text; the same contents give the same text. */
export function cycloneDx(contents: Contents): string {
  const { name, version, architecture, sha256, runtime, packages, epoch } = contents;
  const root = `pkg:generic/${name}@${version}?arch=${architecture}`;
  const runtimeRef = `deno@${runtime.version}`;
  const document = {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(sha256)}`,
    version: 1,
    metadata: {
      timestamp: new Date(epoch * 1000).toISOString().replace(".000Z", "Z"),
      component: {
        "type": "application",
        "bom-ref": root,
        name,
        version,
        "licenses": [{ license: { id: "Apache-2.0" } }],
        "hashes": [{ alg: "SHA-256", content: sha256 }],
        "purl": root,
      },
    },
    components: [
      {
        "type": "platform",
        "bom-ref": runtimeRef,
        "name": "deno",
        "version": runtime.version,
        "licenses": [{ license: { id: "MIT" } }],
        ...runtime.sha256 === undefined ? {} : { hashes: [{ alg: "SHA-256", content: runtime.sha256 }] },
        "purl": runtime.purl,
      },
      ...packages.map((bundled) => ({
        "type": "library",
        "bom-ref": refOf(bundled),
        ...nameOf(bundled.name),
        "version": bundled.version,
        "licenses": [{ license: SPDX.has(bundled.license) ? { id: bundled.license } : { name: bundled.license } }],
        "hashes": [{ alg: "SHA-512", content: hexOf(bundled.integrity) }],
        "purl": npmPurl(bundled),
      })),
    ],
    dependencies: [
      { ref: root, dependsOn: [runtimeRef, ...packages.map(refOf)] },
      { ref: runtimeRef, dependsOn: [] },
      ...packages.map((bundled) => ({ ref: refOf(bundled), dependsOn: [...bundled.dependencies] })),
    ],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** The package URL of a package of npm: the `@` of a scope is escaped, its slash is not. */
export function npmPurl({ name, version }: { readonly name: string; readonly version: string }): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

function refOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name}@${version}`;
}

/** A scope is a group. */
function nameOf(name: string): { readonly group?: string; readonly name: string } {
  const [scope = "", rest] = name.split("/");
  return rest === undefined ? { name } : { group: scope, name: rest };
}

function hexOf(integrity: string): string {
  const [algorithm, base64 = ""] = integrity.split("-", 2);
  if (algorithm !== "sha512") throw new Error(`Cannot write the digest "${integrity}": it is not sha512`);
  return Uint8Array.fromBase64(base64).toHex();
}

/** A UUID (version 8: of our own making) that names the document by what it describes. */
function uuidOf(sha256: string): string {
  const digest = createHash("sha256").update(`sbom of ${sha256}`).digest("hex");
  const variant = ((Number.parseInt(digest.slice(16, 17), 16) & 3) | 8).toString(16);
  const parts = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`, variant + digest.slice(17, 20)];
  return [...parts, digest.slice(20, 32)].join("-");
}
