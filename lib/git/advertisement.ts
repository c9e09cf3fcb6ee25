/**
 * What a server says of itself first: its capabilities, and before protocol version 2 all references too.
 *
 * Sources: gitprotocol-v2(5), gitprotocol-pack(5).
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import { isObjectId, isSha256Id, type ObjectId } from "./object_id.ts";
import { notGit, type PacketReader } from "./packet.ts";
import { printable } from "./printable.ts";

/** A reference on the server. */
export interface RemoteReference {
  /** `HEAD` or `refs/...`. */
  readonly name: string;
  readonly id: ObjectId;
  /** What an annotated tag stands for in the end. */
  readonly peeled?: ObjectId;
  /** The reference that HEAD stands for. */
  readonly target?: string;
}

/** What a server said. */
export interface Advertisement {
  readonly version: 0 | 2;
  /** Names with what follows their "=", or "". */
  readonly capabilities: ReadonlyMap<string, string>;
  /** Only of version 0. */
  readonly references: readonly RemoteReference[];
}

/** More references than these are refused where a server cannot be asked for some of them. */
export const MAX_REFERENCES = 1_000_000;
const MAX_CAPABILITIES = 1_000;

/**
 * Reads an advertisement.
 *
 * @throws {KilnError} kind `registry` for what is no advertisement; kind `context` for repositories with SHA-256.
 */
export async function readAdvertisement(packets: PacketReader): Promise<Advertisement> {
  let line = await packets.line();
  if (line?.startsWith("# service=")) {
    // Smart HTTP announces the service first; the flush after it belongs to it.
    line = await packets.line() ?? await packets.line();
  }
  if (line === "version 2") return await readVersion2(packets);
  if (line === "version 1") line = await packets.line();
  return await readVersion0(line, packets);
}

async function readVersion2(packets: PacketReader): Promise<Advertisement> {
  const capabilities = new Map<string, string>();
  for (let line = await packets.line(); line !== undefined; line = await packets.line()) {
    if (capabilities.size === MAX_CAPABILITIES) throw notGit("it has no end of capabilities");
    const { name, value } = split(line);
    capabilities.set(name, value);
  }
  checkHash(capabilities.get("object-format"));
  return { version: 2, capabilities, references: [] };
}

async function readVersion0(first: string | undefined, packets: PacketReader): Promise<Advertisement> {
  const nul = first?.indexOf("\0") ?? -1;
  const capabilities = new Map<string, string>();
  let target: string | undefined;
  if (first !== undefined && nul >= 0) {
    for (const word of first.slice(nul + 1).split(" ").slice(0, MAX_CAPABILITIES)) {
      const { name, value } = split(word);
      if (name === "symref" && value.startsWith("HEAD:")) target = value.slice("HEAD:".length);
      else if (name !== "" && name !== "symref") capabilities.set(name, value);
    }
  }
  checkHash(capabilities.get("object-format"));
  const references: RemoteReference[] = [];
  let line = nul < 0 ? first : first?.slice(0, nul);
  for (; line !== undefined; line = await packets.line()) {
    const [id = "", name = ""] = [line.slice(0, 40), line.slice(41)];
    if (line.startsWith("shallow ")) continue;
    if (isSha256Id(line.slice(0, 64))) throw sha256();
    if (!isObjectId(id) || line[40] !== " ") throw notGit(`it starts with "${printable(line)}"`);
    if (references.length === MAX_REFERENCES) throw notGit(`it has more than ${MAX_REFERENCES} references`);
    addReference(references, { name, id, ...(name === "HEAD" && target !== undefined ? { target } : {}) });
  }
  return { version: 0, capabilities, references };
}

/** An entry `NAME^{}` says what the tag before it stands for; one for `capabilities` stands for an empty repository. */
function addReference(references: RemoteReference[], reference: RemoteReference): void {
  const { name, id } = reference;
  const last = references.at(-1);
  if (name === "capabilities^{}") return;
  if (!name.endsWith("^{}")) references.push(reference);
  else if (last?.name === name.slice(0, -3)) references[references.length - 1] = { ...last, peeled: id };
}

function split(word: string): { readonly name: string; readonly value: string } {
  const equals = word.indexOf("=");
  return equals < 0 ? { name: word, value: "" } : { name: word.slice(0, equals), value: word.slice(equals + 1) };
}

function checkHash(format: string | undefined): void {
  if (format !== undefined && format !== "sha1") throw sha256();
}

function sha256(): KilnError {
  return new KilnError("context", "Cannot use the repository: its objects are named by SHA-256", {
    hint: "Kiln reads repositories with SHA-1, as nearly all servers have; give the context as an archive",
  });
}
