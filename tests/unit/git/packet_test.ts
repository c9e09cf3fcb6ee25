import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { CutOff, FLUSH, lineOf, packetOf, PacketReader, ServerRefusal } from "../../../lib/git/packet.ts";
import { requestPack } from "../../../lib/git/request_pack.ts";
import type { GitConversation } from "../../../lib/git/server.ts";
import fc from "../../support/fast_check.ts";

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

Deno.test("PacketReader, reads what packetOf() wrote, however it is cut", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.string({ maxLength: 200, unit: "grapheme" }).map((line) => line.replace(/\n/g, ""))),
    fc.integer({ min: 1, max: 50 }),
    async (lines, size) => {
      const reader = new PacketReader(pieces(Buffer.concat([...lines.map(packetOf), FLUSH]), size));
      const plain = lines.filter((line) => !line.startsWith("ERR "));
      fc.pre(plain.length === lines.length);
      for (const line of lines) {
        const packet = await reader.next();
        assert(packet?.kind === "data");
        assert.equal(lineOf(packet.bytes), line);
      }
      assert.deepEqual(await reader.next(), { kind: "flush" });
      assert.equal(await reader.next(), undefined);
    },
  ));
});

for (const text of ["xxxx", "0003", "fff1", "ffff", "00 4"]) {
  Deno.test(`PacketReader, refuses the length "${text}"`, async () => {
    await assert.rejects(
      new PacketReader(pieces(Buffer.from(`${text}abc`), 99)).next(),
      /^KilnError: Cannot understand/,
    );
  });
}

Deno.test("PacketReader, tells a stream that is cut within a packet", async () => {
  for (const text of ["00", "0009a", "0009abcd"]) {
    await assert.rejects(new PacketReader(pieces(Buffer.from(text), 99)).next(), CutOff);
  }
});

Deno.test("PacketReader, throws what an ERR packet says, fit to print", async () => {
  const reader = new PacketReader(pieces(packetOf("ERR no\x1b[31m way"), 99));
  await assert.rejects(reader.next(), (error) => error instanceof ServerRefusal && error.message === "no\\x1b[31m way");
});

/** A server of version 2 that answers every request with these bytes. */
function answering(answer: AsyncIterable<Uint8Array>): GitConversation {
  return {
    advertisement: { version: 2, capabilities: new Map([["fetch", "shallow"]]), references: [] },
    neighbours: "public",
    exchange: () => Promise.resolve(new PacketReader(answer)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function band(number: number, text: string): Uint8Array {
  const bytes = Buffer.from(`0000${String.fromCharCode(number)}${text}`, "latin1");
  bytes.write(bytes.length.toString(16).padStart(4, "0"), 0, "latin1");
  return bytes;
}

async function packOf(
  ...packets: readonly Uint8Array[]
): Promise<{ readonly pack: string; readonly said: readonly string[] }> {
  const said: string[] = [];
  const answer = pieces(Buffer.concat(packets), 7);
  const request = { wants: ["ab".repeat(20)], depth: 1, onProgress: (line: string) => void said.push(line) };
  const { pack } = await requestPack(answering(answer), request);
  const chunks = await Array.fromAsync(pack, (chunk) => Buffer.from(chunk));
  return { pack: Buffer.concat(chunks).toString("latin1"), said };
}

Deno.test("requestPack(), takes the pack out of the side-band and passes on what the server says", async () => {
  const found = await packOf(
    packetOf("shallow-info"),
    packetOf(`shallow ${"ab".repeat(20)}`),
    Buffer.from("0001"),
    packetOf("packfile"),
    band(2, "counting 1\rcounting 2\nhalf a "),
    band(1, "PA"),
    band(1, ""),
    band(2, "line\x1b\n"),
    band(1, "CK"),
    FLUSH,
  );
  assert.deepEqual(found, { pack: "PACK", said: ["counting 2", "half a line\\x1b"] });
});

Deno.test("requestPack(), ends with the server's words on band 3", async () => {
  const work = packOf(packetOf("packfile"), band(1, "PA"), band(3, "out of memory\n"));
  await assert.rejects(work, (error) => error instanceof ServerRefusal && error.message === "out of memory");
});

Deno.test("requestPack(), takes a pack without a flush at its end for one that was cut", async () => {
  await assert.rejects(packOf(packetOf("packfile"), band(1, "PA")), CutOff);
});

Deno.test("requestPack(), refuses a band that there is not", async () => {
  await assert.rejects(packOf(packetOf("packfile"), band(4, "x")), /band 4 of the side-band$/);
});

Deno.test("S48 git server that talks without end, is cut off", async () => {
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield packetOf("packfile");
    const packet = new Uint8Array(band(2, `${"x".repeat(60_000)}\n`));
    // A reader frees what it has read.
    for (;;) yield await Promise.resolve(packet.slice());
  }
  const request = { wants: ["ab".repeat(20)], depth: 1, onProgress: () => {} };
  const { pack } = await requestPack(answering(endless()), request);
  await assert.rejects(Array.fromAsync(pack), /it has no end of progress$/);
});
