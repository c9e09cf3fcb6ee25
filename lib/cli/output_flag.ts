/**
 * `--output`: BuildKit's way of saying where the result of a build goes (dockerfile.md 6.3).
 *
 * One CSV record each: `type=TYPE,key=value,...`; a path alone is `type=local`, `-` alone is `type=tar` to stdout. There is
 * no image store here, and layers are compressed once for all outputs: what that makes impossible is refused by name.
 *
 * @module
 */
import { resolve } from "node:path/posix";
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import { didYouMean } from "../dockerfile/suggest.ts";
import { KilnError } from "../errors.ts";
import type { Family } from "../oci/media_type.ts";
import { parseReference, type Reference } from "../oci/reference.ts";
import type { BuildFlags } from "./flags.ts";
import { parseGoCsv } from "./go_values.ts";
import { namesStream } from "./standard_streams.ts";

/** Where an archive goes: an absolute path, or stdout. */
export type ArchiveDestination = { readonly kind: "file"; readonly path: string } | { readonly kind: "stdout" };

/** A name for the image. */
export interface ImageName {
  readonly reference: Reference;
  /** As the user wrote it. */
  readonly written: string;
}

/** One `--output`. */
export type OutputSpec =
  | { readonly type: "local"; readonly path: string; readonly split: boolean; readonly mirror: boolean }
  | { readonly type: "tar"; readonly to: ArchiveDestination }
  | { readonly type: "oci" | "docker"; readonly to: ArchiveDestination; readonly names: readonly ImageName[] }
  | { readonly type: "layout"; readonly path: string; readonly names: readonly ImageName[] }
  | { readonly type: "image"; readonly names: readonly ImageName[]; readonly push: boolean; readonly byDigest: boolean }
  | { readonly type: "cacheonly" };

/** What an output says about the image itself, which is one for all outputs. Absent: nothing. */
export interface OutputWishes {
  readonly format?: Family;
  readonly compression?: "gzip" | "zstd";
  readonly level?: number;
  readonly annotations: ReadonlyMap<string, string>;
  /** Registries to be spoken to by plain http. */
  readonly insecure: readonly string[];
}

/** A parsed flag. */
export interface ParsedOutput {
  /** As written. */
  readonly text: string;
  readonly spec: OutputSpec;
  readonly wishes: OutputWishes;
}

const IMAGE_KEYS = [
  ...["name", "annotation", "compression", "compression-level", "oci-mediatypes", "rewrite-timestamp"],
  ...["force-compression", "prefer-nondist-layers", "attestation-inline", "oci-artifact", "name-canonical", "unpack"],
  ...["source-date-epoch"],
];

/** The keys of each type. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  local: ["dest", "platform-split", "mode", "attestation-prefix", "source-date-epoch"],
  tar: ["dest", "platform-split", "attestation-prefix", "source-date-epoch"],
  oci: ["dest", "tar", ...IMAGE_KEYS],
  docker: ["dest", "tar", ...IMAGE_KEYS],
  image: ["push", "push-by-digest", "registry.insecure", "store", "dangling-name-prefix", ...IMAGE_KEYS],
  registry: ["push", "push-by-digest", "registry.insecure", "store", "dangling-name-prefix", ...IMAGE_KEYS],
  cacheonly: [],
};

/** Keys that only ask for something when they are true, and why it cannot be had. */
const IMPOSSIBLE: Readonly<Record<string, string>> = {
  "force-compression": "layers of the base image stay as they are",
  "prefer-nondist-layers": "all layers are distributed",
  "attestation-inline": "there are no attestations",
  "oci-artifact": "there are no attestations",
  "name-canonical": "there is no image store",
  "unpack": "there is no image store",
};

/** Texts for what cannot be had whatever the value. */
const NEVER: Readonly<Record<string, string>> = {
  "attestation-prefix": "there are no attestations",
  "dangling-name-prefix": "there is no image store",
  "source-date-epoch": "one time holds for all outputs: set the build argument SOURCE_DATE_EPOCH",
};

/** Returns where an archive goes that is named by a path. Stdout is written to, never replaced by a file. */
export function archiveDestination(path: string, cwd: string): ArchiveDestination {
  const absolute = resolve(cwd, path);
  return namesStream(absolute, "stdout") ? { kind: "stdout" } : { kind: "file", path: absolute };
}

/** Parses all flags. @throws {KilnError} kind `usage`, naming the key at fault */
export function parseOutputFlags(texts: readonly string[], world: { readonly cwd: string }): readonly ParsedOutput[] {
  return texts.map((text) => new OutputParser(text, world.cwd).parse());
}

/** Tells whether something that is no text is going to be written to stdout; never fails. */
export function writesToStdout(flags: Pick<BuildFlags, "output" | "tar-path">): boolean {
  const destinations = flags.output.map((text) =>
    /(?:^|,)"?dest=([^",]*)"?(?:,|$)/.exec(text.trim())?.[1] ?? text.trim()
  );
  return [...destinations, flags["tar-path"] ?? ""].some((path) => path === "-" || namesStream(path, "stdout"));
}

class OutputParser {
  readonly #text: string;
  readonly #cwd: string;
  readonly #fields: ReadonlyMap<string, string>;
  readonly #type: string;

  constructor(text: string, cwd: string) {
    this.#text = text;
    this.#cwd = cwd;
    this.#fields = this.#parseFields();
    this.#type = this.#fields.get("type") ?? "";
    this.#checkKeys();
  }

  parse(): ParsedOutput {
    const spec = this.#spec();
    return { text: this.#text, spec, wishes: this.#wishes(spec) };
  }

  #parseFields(): ReadonlyMap<string, string> {
    const text = this.#text;
    if (!text.includes("=")) return new Map([["type", text === "-" ? "tar" : "local"], ["dest", text]]);
    const records = parseGoCsv(text);
    if (records === undefined) throw this.#refuse("its quotes do not pair up");
    const fields = new Map<string, string>();
    for (const record of records) {
      const equals = record.indexOf("=");
      if (equals < 0) throw this.#refuse(`"${record}" has no "="`);
      const key = record.slice(0, equals).trim().toLowerCase();
      if (fields.has(key)) throw this.#refuse(`"${key}" is given twice`);
      fields.set(key, record.slice(equals + 1));
    }
    return fields;
  }

  #checkKeys(): void {
    const known = KEYS[this.#type];
    if (known === undefined) {
      throw this.#refuse(this.#type === "" ? "it has no type" : `there is no type "${this.#type}"`, {
        hint: `one of ${Object.keys(KEYS).join(", ")}`,
        ...didYouMean(this.#type, Object.keys(KEYS)),
      });
    }
    for (const [key, value] of this.#fields) {
      if (key === "type" || (known.includes("annotation") && ANNOTATION.test(key))) continue;
      if (!known.includes(key) || key === "annotation") {
        throw this.#refuse(`"${key}" is no key of the type ${this.#type}`, didYouMean(key, known));
      }
      const never = NEVER[key];
      if (never !== undefined) throw this.#refuse(`"${key}" cannot be done: ${never}`);
      const impossible = IMPOSSIBLE[key];
      if (impossible !== undefined && this.#boolean(key, false)) {
        throw this.#refuse(`"${key}=${value}" cannot be done: ${impossible}`);
      }
    }
  }

  #spec(): OutputSpec {
    switch (this.#type) {
      case "local":
        return {
          type: "local",
          path: this.#directory(),
          split: this.#boolean("platform-split", false),
          mirror: this.#oneOf("mode", ["copy", "delete"], "copy") === "delete",
        };
      case "tar":
        if (this.#boolean("platform-split", false)) throw this.#refuse("there is one platform");
        return { type: "tar", to: this.#archive() };
      case "oci":
        return this.#boolean("tar", true)
          ? { type: "oci", to: this.#archive(), names: this.#names() }
          : { type: "layout", path: this.#directory(), names: this.#names() };
      case "docker":
        if (!this.#boolean("tar", true)) throw this.#refuse('"tar=false" is for the type oci');
        return { type: "docker", to: this.#archive(), names: this.#names() };
      case "image":
      case "registry":
        return this.#image();
      default:
        return { type: "cacheonly" };
    }
  }

  #image(): OutputSpec {
    const byDigest = this.#boolean("push-by-digest", false);
    const push = this.#boolean("push", this.#type === "registry" || byDigest);
    if (this.#boolean("store", false)) throw this.#refuse('"store" cannot be done: there is no image store');
    const names = this.#names();
    if (push && names.length === 0) throw this.#refuse("it has no name to push to");
    if (!push) {
      throw this.#refuse("it keeps nothing: there is no image store", {
        hint: "push=true pushes; type=oci and type=docker write archives; type=cacheonly keeps nothing on purpose",
      });
    }
    return { type: "image", names, push, byDigest };
  }

  #wishes(spec: OutputSpec): OutputWishes {
    const format = this.#fields.get("oci-mediatypes");
    const algorithm = this.#fields.get("compression");
    const level = this.#fields.get("compression-level");
    const rewrite = this.#fields.get("rewrite-timestamp");
    if (rewrite !== undefined && !this.#boolean("rewrite-timestamp", true)) {
      throw this.#refuse("times of layers are always those of SOURCE_DATE_EPOCH where it is set");
    }
    const insecure = this.#boolean("registry.insecure", false) && "names" in spec
      ? spec.names.map(({ reference }) => reference.registry)
      : [];
    return {
      ...(format === undefined ? {} : { format: this.#boolean("oci-mediatypes", true) ? "oci" : "docker" }),
      ...(algorithm === undefined ? {} : { compression: this.#compression(algorithm) }),
      ...(level === undefined ? {} : { level: this.#integer("compression-level", level) }),
      annotations: this.#annotations(),
      insecure,
    };
  }

  #compression(text: string): "gzip" | "zstd" {
    if (text === "gzip" || text === "zstd") return text;
    if (text === "uncompressed" || text === "estargz") throw this.#refuse(`layers cannot be written as ${text}`);
    throw this.#refuse(`there is no compression "${text}"`, didYouMean(text, ["gzip", "zstd"]));
  }

  #annotations(): ReadonlyMap<string, string> {
    const annotations = new Map<string, string>();
    for (const [key, value] of this.#fields) {
      const [found, level = "manifest", platform, name = ""] = ANNOTATION.exec(key) ?? [];
      if (found === undefined) continue;
      if (level !== "manifest" || platform !== undefined) {
        throw this.#refuse(`"${key}" cannot be done: there is one manifest and no index`);
      }
      annotations.set(name, value);
    }
    return annotations;
  }

  #names(): readonly ImageName[] {
    const texts = (this.#fields.get("name") ?? "").split(",").map((name) => name.trim()).filter((name) => name !== "");
    return texts.map((written) => {
      const reference = parseReference(written);
      if (reference.digest !== undefined) throw this.#refuse(`the name "${written}" has a digest`);
      return { reference, written };
    });
  }

  #archive(): ArchiveDestination {
    const dest = this.#dest("there is no daemon to load it into: dest=FILE, or dest=- for stdout");
    return dest === "-" ? { kind: "stdout" } : archiveDestination(resolve(this.#cwd, dest), this.#cwd);
  }

  #directory(): string {
    const dest = this.#dest("say where: dest=DIR");
    if (dest === "-") throw this.#refuse("a directory cannot be written to stdout");
    return resolve(this.#cwd, dest);
  }

  #dest(hint: string): string {
    const dest = this.#fields.get("dest") ?? "";
    if (dest === "") throw this.#refuse("it has no dest", { hint });
    return dest;
  }

  #boolean(key: string, initial: boolean): boolean {
    const text = this.#fields.get(key);
    if (text === undefined) return initial;
    const value = parseBoolean(text);
    if (value === undefined) throw this.#refuse(`${key}="${text}" is neither true nor false`);
    return value;
  }

  #integer(key: string, text: string): number {
    if (/^[0-9]{1,2}$/.test(text)) return Number(text);
    throw this.#refuse(`${key}="${text}" is not a level`);
  }

  #oneOf(key: string, words: readonly string[], initial: string): string {
    const text = this.#fields.get(key) ?? initial;
    if (words.includes(text)) return text;
    throw this.#refuse(`${key}="${text}" is not one of ${words.join(", ")}`);
  }

  #refuse(why: string, options: { readonly hint?: string } = {}): KilnError {
    return new KilnError("usage", `Cannot use --output "${this.#text}": ${why}`, options);
  }
}

/** `annotation[-level][[platform]].key`; keys are in lower case by then, as in BuildKit. */
const ANNOTATION = /^annotation(?:-([a-z-]+))?(?:\[([^\]]+)\])?\.(.+)$/;
