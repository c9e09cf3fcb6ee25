/**
 * A second, independent reader of tar streams, for checking what the product writes. It shares no code with `lib/tar`
 * and accepts only what an image layer should hold: ustar, PAX and GNU long names, no sparse files.
 *
 * @module
 */

/** One entry; names are byte strings as they stand in the archive. */
export interface OracleEntry {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Seconds with nine decimals. */
  readonly mtime: string;
  readonly linkName: string;
  readonly device: readonly [major: number, minor: number];
  /** Extended attributes, values in hexadecimal. */
  readonly xattrs: Readonly<Record<string, string>>;
  /** Must be read to its end before the next entry. */
  readonly content: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;

/** Yields the entries of an uncompressed archive; throws an `Error` that says what is malformed. */
export async function* tarEntries(stream: AsyncIterable<Uint8Array>): AsyncGenerator<OracleEntry> {
  const bytes = byteReader(stream);
  let extended: ReadonlyMap<string, Uint8Array> = new Map();
  let longName: string | undefined;
  let longLink: string | undefined;
  for (;;) {
    const header = await bytes.take(BLOCK);
    if (header.every((byte) => byte === 0)) return await checkEnd(bytes);
    checkSum(header);
    const type = latin1(header.subarray(156, 157));
    const size = extended.has("size") ? Number(latin1(extended.get("size"))) : number(header.subarray(124, 136));
    if ("xgLK".includes(type)) {
      const body = await bytes.take(size);
      await bytes.take(padding(size));
      if (type === "g") throw new Error("global PAX header: layers have none");
      if (type === "x") extended = paxRecords(body);
      if (type === "L") longName = field(body);
      if (type === "K") longLink = field(body);
      continue;
    }
    const hasBody = "0\0".includes(type) || type === "7";
    if (!hasBody && !"123456".includes(type)) throw new Error(`entry type "${type}"`);
    const body = content(bytes, hasBody ? size : 0);
    yield entry(header, { type, size: hasBody ? size : 0, extended, longName, longLink, content: body.stream });
    if (!body.finished()) throw new Error("the content of an entry was not read");
    [extended, longName, longLink] = [new Map(), undefined, undefined];
  }
}

function entry(
  header: Uint8Array,
  known: {
    readonly type: string;
    readonly size: number;
    readonly extended: ReadonlyMap<string, Uint8Array>;
    readonly longName: string | undefined;
    readonly longLink: string | undefined;
    readonly content: AsyncIterable<Uint8Array>;
  },
): OracleEntry {
  const { extended } = known;
  const text = (key: string): string | undefined => extended.has(key) ? latin1(extended.get(key)) : undefined;
  const prefix = latin1(header.subarray(257, 262)) === "ustar" && header[262] === 0
    ? field(header.subarray(345, 500))
    : "";
  const short = field(header.subarray(0, 100));
  const xattrs: Record<string, string> = {};
  for (const [key, value] of extended) {
    if (key.startsWith("SCHILY.xattr.")) xattrs[key.slice("SCHILY.xattr.".length)] = hex(value);
  }
  return {
    name: text("path") ?? known.longName ?? (prefix === "" ? short : `${prefix}/${short}`),
    type: known.type,
    mode: number(header.subarray(100, 108)) & 0o7777,
    uid: Number(text("uid") ?? number(header.subarray(108, 116))),
    gid: Number(text("gid") ?? number(header.subarray(116, 124))),
    size: known.size,
    mtime: decimals(text("mtime") ?? String(number(header.subarray(136, 148)))),
    linkName: text("linkpath") ?? known.longLink ?? field(header.subarray(157, 257)),
    device: [number(header.subarray(329, 337)), number(header.subarray(337, 345))],
    xattrs,
    content: known.content,
  };
}

/** Octal text, or GNU's big-endian binary when the first bit is set. */
function number(bytes: Uint8Array): number {
  const [first = 0] = bytes;
  if ((first & 0x80) === 0) {
    const digits = field(bytes).trim();
    if (!/^[0-7]*$/.test(digits)) throw new Error(`"${digits}" where an octal number belongs`);
    return digits === "" ? 0 : parseInt(digits, 8);
  }
  let value = first === 0xff ? -1n : BigInt(first & 0x7f);
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
  return Number(value);
}

/** Pads or cuts a decimal number of seconds to nine decimals; negative ones too. */
function decimals(seconds: string): string {
  const match = /^(-?\d+)(?:\.(\d+))?$/.exec(seconds);
  if (match === null) throw new Error(`"${seconds}" where a time belongs`);
  return `${match[1]}.${(match[2] ?? "").padEnd(9, "0").slice(0, 9)}`;
}

function checkSum(header: Uint8Array): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== number(header.subarray(148, 156))) throw new Error("wrong checksum in a header");
}

function paxRecords(body: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const records = new Map<string, Uint8Array>();
  for (let at = 0; at < body.length;) {
    const space = body.indexOf(32, at);
    const length = Number(latin1(body.subarray(at, space)));
    if (
      space < 0 || !Number.isInteger(length) || length < 5 || at + length > body.length || body[at + length - 1] !== 10
    ) {
      throw new Error("malformed PAX record");
    }
    const equals = body.indexOf(61, space);
    const key = latin1(body.subarray(space + 1, equals));
    if (key.startsWith("GNU.sparse.")) throw new Error("sparse file");
    if (records.has(key)) throw new Error(`PAX record "${key}" twice`);
    records.set(key, body.slice(equals + 1, at + length - 1));
    at += length;
  }
  return records;
}

async function checkEnd(bytes: ByteReader): Promise<void> {
  if (!(await bytes.take(BLOCK)).every((byte) => byte === 0)) throw new Error("one zero block before the end, not two");
  for (;;) {
    const rest = await bytes.some(65_536);
    if (rest === undefined) return;
    if (!rest.every((byte) => byte === 0)) throw new Error("data after the end of the archive");
  }
}

function content(
  bytes: ByteReader,
  size: number,
): { readonly stream: AsyncIterable<Uint8Array>; finished(): boolean } {
  let finished = size === 0;
  async function* read(): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0;) {
      const chunk = await bytes.some(left);
      if (chunk === undefined) throw new Error("the archive ends inside a file");
      left -= chunk.length;
      yield chunk;
    }
    await bytes.take(padding(size));
    finished = true;
  }
  return { stream: read(), finished: () => finished };
}

interface ByteReader {
  /** Exactly that many bytes. */
  take(count: number): Promise<Uint8Array>;
  /** At least one and at most that many bytes; undefined at the end. */
  some(most: number): Promise<Uint8Array | undefined>;
}

function byteReader(stream: AsyncIterable<Uint8Array>): ByteReader {
  const source = stream[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  const some = async (most: number): Promise<Uint8Array | undefined> => {
    while (held.length === 0) {
      const next = await source.next();
      if (next.done === true) return undefined;
      held = next.value;
    }
    const chunk = held.subarray(0, most);
    held = held.subarray(chunk.length);
    return chunk;
  };
  const take = async (count: number): Promise<Uint8Array> => {
    const whole = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const chunk = await some(count - at);
      if (chunk === undefined) throw new Error("the archive is cut off");
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  };
  return { take, some };
}

function padding(size: number): number {
  return (BLOCK - size % BLOCK) % BLOCK;
}

/** Text up to the first NUL. */
function field(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return latin1(end < 0 ? bytes : bytes.subarray(0, end));
}

function latin1(bytes: Uint8Array | undefined): string {
  return Array.from(bytes ?? [], (byte) => String.fromCharCode(byte)).join("");
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
