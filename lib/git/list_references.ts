/**
 * Asking a server for the references a name may stand for.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { MAX_REFERENCES, type RemoteReference } from "./advertisement.ts";
import { isObjectId } from "./object_id.ts";
import { DELIMITER, FLUSH, notGit, packetOf } from "./packet.ts";
import { printable } from "./printable.ts";
import type { GitConversation } from "./server.ts";

/** Returns the references whose names start with one of `prefixes`, and perhaps others. */
export async function listReferences(
  conversation: GitConversation,
  prefixes: readonly string[],
): Promise<readonly RemoteReference[]> {
  const { version, capabilities, references } = conversation.advertisement;
  if (version === 0) return references.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
  if (!capabilities.has("ls-refs")) throw notGit("it cannot list references");
  const packets = await conversation.exchange(Buffer.concat([
    packetOf("command=ls-refs"),
    ...(capabilities.has("object-format") ? [packetOf("object-format=sha1")] : []),
    DELIMITER,
    packetOf("peel"),
    packetOf("symrefs"),
    ...prefixes.map((prefix) => packetOf(`ref-prefix ${prefix}`)),
    FLUSH,
  ]));
  const found: RemoteReference[] = [];
  for (let line = await packets.line(); line !== undefined; line = await packets.line()) {
    if (found.length === MAX_REFERENCES) throw notGit(`it has more than ${MAX_REFERENCES} references`);
    found.push(parseReference(line));
  }
  return found;
}

/** `ID NAME` and attributes such as `peeled:ID`. */
function parseReference(line: string): RemoteReference {
  const [id = "", name = "", ...attributes] = line.split(" ");
  if (!isObjectId(id) || name === "") throw notGit(`a reference "${printable(line)}"`);
  const peeled = attributes.find((attribute) => attribute.startsWith("peeled:"))?.slice("peeled:".length);
  if (peeled !== undefined && !isObjectId(peeled)) throw notGit(`a reference "${printable(line)}"`);
  const target = attributes.find((attribute) => attribute.startsWith("symref-target:"))?.slice("symref-target:".length);
  return { id, name, ...(target === undefined ? {} : { target }), ...(peeled === undefined ? {} : { peeled }) };
}
