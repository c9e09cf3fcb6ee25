/**
 * Asking for a pack: the request in protocol version 2 and 0, and its answer up to the bytes of the pack.
 *
 * Only whole packs of a few commits are asked for, nothing is negotiated: we have nothing.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { isObjectId, type ObjectId } from "./object_id.ts";
import { CutOff, DELIMITER, FLUSH, lineOf, notGit, packetOf, type PacketReader, ServerRefusal } from "./packet.ts";
import { printable } from "./printable.ts";
import type { GitConversation } from "./server.ts";

/** What to ask for. */
export interface PackRequest {
  readonly wants: readonly ObjectId[];
  /** Commits of history, from 1; absent: all of it. */
  readonly depth?: number;
  /** Told what the server says while it works. */
  readonly onProgress: (line: string) => void;
}

/** An answer, read as far as the pack. */
export interface PackAnswer {
  /** Commits whose parents are left out. */
  readonly shallow: readonly ObjectId[];
  /** The bytes of the pack, to be verified. */
  readonly pack: AsyncIterable<Uint8Array>;
}

/** Progress beyond this is not work any more (S48: endless side-band). */
const MAX_PROGRESS_BYTES = 16 * 1024 ** 2;
const MAX_PACKET_TEXT = 65_536;
const MAX_SHALLOW = 1_000_000;

/**
 * Asks for a pack. A server that cannot leave out history sends all of it.
 *
 * @throws {ServerRefusal} if the server will not give it
 */
export async function requestPack(conversation: GitConversation, request: PackRequest): Promise<PackAnswer> {
  const { version, capabilities } = conversation.advertisement;
  const { depth, ...whole } = request;
  const features = version === 2 ? capabilities.get("fetch")?.split(" ") ?? [] : [...capabilities.keys()];
  const isPart = depth !== undefined && features.includes("shallow");
  if (depth !== undefined && !isPart) request.onProgress("it gives only the whole history");
  const possible = isPart ? request : whole;
  if (version === 2) {
    const packets = await conversation.exchange(requestOfVersion2(capabilities, possible));
    return await readVersion2(packets, possible);
  }
  const packets = await conversation.exchange(requestOfVersion0(capabilities, possible));
  return await readVersion0(packets, possible);
}

function requestOfVersion2(capabilities: ReadonlyMap<string, string>, { wants, depth }: PackRequest): Uint8Array {
  if (!capabilities.has("fetch")) throw notGit("it cannot send packs");
  return Buffer.concat([
    packetOf("command=fetch"),
    ...(capabilities.has("object-format") ? [packetOf("object-format=sha1")] : []),
    DELIMITER,
    packetOf("ofs-delta"),
    packetOf("no-progress"),
    ...(depth === undefined ? [] : [packetOf(`deepen ${depth}`)]),
    ...wants.map((id) => packetOf(`want ${id}`)),
    packetOf("done"),
    FLUSH,
  ]);
}

function requestOfVersion0(capabilities: ReadonlyMap<string, string>, { wants, depth }: PackRequest): Uint8Array {
  if (!capabilities.has("side-band-64k")) throw notGit("it has no side-band-64k");
  const asked = ["side-band-64k", ...["ofs-delta", "no-progress", "shallow"].filter((name) => capabilities.has(name))]
    .join(" ");
  return Buffer.concat([
    ...wants.map((id, at) => packetOf(at === 0 ? `want ${id} ${asked}` : `want ${id}`)),
    ...(depth === undefined ? [] : [packetOf(`deepen ${depth}`)]),
    FLUSH,
    packetOf("done"),
  ]);
}

async function readVersion2(packets: PacketReader, request: PackRequest): Promise<PackAnswer> {
  const shallow: ObjectId[] = [];
  for (;;) {
    const section = await packets.line();
    switch (section) {
      case "packfile":
        return { shallow, pack: demultiplex(packets, request) };
      case undefined:
        throw notGit("it sends no pack");
      case "shallow-info":
        break;
      case "acknowledgments":
      case "wanted-refs":
        break;
      default:
        throw notGit(`a section "${printable(section)}"`);
    }
    // Up to the delimiter that ends the section.
    for (let line = await packets.line(); line !== undefined; line = await packets.line()) addShallow(shallow, line);
  }
}

async function readVersion0(packets: PacketReader, request: PackRequest): Promise<PackAnswer> {
  const shallow: ObjectId[] = [];
  if (request.depth !== undefined) {
    for (let line = await packets.line(); line !== undefined; line = await packets.line()) addShallow(shallow, line);
  }
  const answer = await packets.line();
  if (answer !== "NAK") throw notGit(`"${printable(answer ?? "")}" where NAK is due`);
  return { shallow, pack: demultiplex(packets, request) };
}

function addShallow(shallow: ObjectId[], line: string): void {
  const id = line.startsWith("shallow ") ? line.slice("shallow ".length) : undefined;
  if (id === undefined || !isObjectId(id)) return;
  if (shallow.length === MAX_SHALLOW) throw notGit("it has no end of shallow commits");
  shallow.push(id);
}

/** Takes the pack out of the side-band: band 1 is the pack, 2 progress, 3 the end by an error. */
async function* demultiplex(packets: PacketReader, { onProgress }: PackRequest): AsyncGenerator<Uint8Array> {
  let progressBytes = 0;
  let said = "";
  try {
    for (;;) {
      const packet = await packets.next();
      if (packet === undefined) throw new CutOff("the pack ends in the middle");
      if (packet.kind !== "data") break;
      const { bytes } = packet;
      switch (bytes[0]) {
        case 1:
          if (bytes.length > 1) yield bytes.subarray(1);
          break;
        case 2:
          progressBytes += bytes.length;
          if (progressBytes > MAX_PROGRESS_BYTES) throw notGit("it has no end of progress");
          said = (said + Buffer.from(bytes).toString("utf8", 1)).slice(-MAX_PACKET_TEXT);
          for (let end = said.indexOf("\n"); end >= 0; end = said.indexOf("\n")) {
            onProgress(printable(lastState(said.slice(0, end))));
            said = said.slice(end + 1);
          }
          break;
        case 3:
          throw new ServerRefusal(printable(lineOf(bytes.subarray(1))));
        default:
          throw notGit(`band ${bytes[0] ?? "none"} of the side-band`);
      }
    }
    if (said !== "") onProgress(printable(lastState(said)));
  } finally {
    await packets[Symbol.asyncDispose]();
  }
}

/** Of a line that was written over itself, what stood there in the end. */
function lastState(line: string): string {
  return line.split("\r").findLast((part) => part.trim() !== "") ?? "";
}
