/**
 * Refusing a layer, or a document of the image, that has a secret of the build in it (S65): the last place where it can
 * still be kept out of the image.
 *
 * The tar of the layer is read entry by entry on its way to the compressor, so the file can be named. Only whole
 * secrets are looked for, as they are and as the usual tools encode them; short ones would be found everywhere.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { KilnError } from "../errors.ts";
import { displayPath } from "../io/byte_path.ts";
import { byteStringOf } from "../report/redactor.ts";
import type { TarEntry } from "../tar/entry.ts";
import { TarReader } from "../tar/reader.ts";

/** A secret and the byte strings that give it away; see `guardedForms` of report/secret_forms.ts. */
export interface GuardedSecret {
  readonly id: string;
  readonly forms: readonly string[];
}

/** Reads a tar as it is written. */
export class SecretGuard {
  readonly #secrets: readonly GuardedSecret[];
  /** Bytes kept from one chunk to the next: a secret may lie across both. */
  readonly #overlap: number;
  readonly #reader: TarReader;
  #name = "";
  #kept = "";

  constructor(secrets: readonly GuardedSecret[]) {
    this.#secrets = secrets;
    this.#overlap = Math.max(...secrets.flatMap(({ forms }) => forms.map((form) => form.length))) - 1;
    this.#reader = new TarReader({
      entry: (entry) => this.#entry(entry),
      data: (bytes) => this.#data(bytes),
      entryEnd: () => {},
    });
  }

  /** Takes the next bytes of the tar. @throws {KilnError} kind `denied`, naming file and secret */
  write(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  #entry({ name, linkName, xattrs }: TarEntry): void {
    this.#name = name;
    this.#kept = "";
    const attributes = [...xattrs ?? []].flatMap(([key, value]) => [key, byteStringOf(value)]);
    for (const text of [name, linkName, ...attributes]) this.#search(text);
  }

  #data(bytes: Uint8Array): void {
    const text = this.#kept + byteStringOf(bytes);
    this.#search(text);
    this.#kept = this.#overlap > 0 ? text.slice(-this.#overlap) : "";
  }

  #search(text: string): void {
    const id = secretIn(text, this.#secrets);
    if (id === undefined) return;
    const path = displayPath(`/${this.#name.replace(/^\.?\//, "")}`);
    throw new KilnError("denied", `Cannot put "${path}" into a layer: it contains the secret "${id}"`, {
      hint:
        "whoever has the image could read it: do not write the secret to a file, or remove that file in the same RUN",
    });
  }
}

/**
 * Refuses a document of an image, config or manifest, that has a secret in it: a variable, a label, the text of a command.
 *
 * @param inherited the document of the base image: what it has as well is no secret of this build.
 * @throws {KilnError} kind `denied`, naming place and secret
 */
export function refuseSecretsIn(
  document: { readonly what: string; readonly value: unknown; readonly inherited?: unknown },
  secrets: readonly GuardedSecret[],
): void {
  if (secrets.length === 0) return;
  const known = new Set([...textsIn(document.inherited, "")].map(({ text }) => text));
  for (const { place, text } of textsIn(document.value, "")) {
    if (known.has(text)) continue;
    const id = secretIn(Buffer.from(text, "utf8").toString("latin1"), secrets);
    if (id === undefined) continue;
    throw new KilnError("denied", `Cannot write the image: its ${document.what} has the secret "${id}" in "${place}"`, {
      hint: "whoever has the image could read it: give it to the RUN that needs it by --mount=type=secret alone",
    });
  }
}

/** The keys and texts of a document, and where each is; a key is in its object. */
function* textsIn(value: unknown, place: string): Generator<{ readonly place: string; readonly text: string }> {
  if (typeof value === "string") yield { place, text: value };
  if (Array.isArray(value)) { for (const part of value) yield* textsIn(part, place); }
  else if (typeof value === "object" && value !== null) {
    for (const [key, part] of Object.entries(value)) {
      yield { place, text: key };
      yield* textsIn(part, place === "" ? key : `${place}.${key}`);
    }
  }
}

/** The id of a secret that a byte string has in it. */
function secretIn(text: string, secrets: readonly GuardedSecret[]): string | undefined {
  return secrets.find(({ forms }) => forms.some((form) => text.includes(form)))?.id;
}
