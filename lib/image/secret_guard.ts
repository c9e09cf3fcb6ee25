/**
 * Refusing a layer that has a secret of the build in it (S65): the last place where it can still be kept out of the
 * image.
 *
 * The tar of the layer is read entry by entry on its way to the compressor, so the file can be named. Only whole
 * secrets are looked for, as they are and as the usual tools encode them; short ones would be found everywhere.
 *
 * @module
 */
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
    const values = [...xattrs?.values() ?? []].map(byteStringOf);
    for (const text of [name, linkName, ...values]) this.#search(text);
  }

  #data(bytes: Uint8Array): void {
    const text = this.#kept + byteStringOf(bytes);
    this.#search(text);
    this.#kept = this.#overlap > 0 ? text.slice(-this.#overlap) : "";
  }

  #search(text: string): void {
    for (const { id, forms } of this.#secrets) {
      if (!forms.some((form) => text.includes(form))) continue;
      const path = displayPath(`/${this.#name.replace(/^\.?\//, "")}`);
      throw new KilnError("denied", `Cannot put "${path}" into a layer: it contains the secret "${id}"`, {
        hint:
          "whoever has the image could read it: do not write the secret to a file, or remove that file in the same RUN",
      });
    }
  }
}
