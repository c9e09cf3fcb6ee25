/**
 * The denort that Deno downloaded for `deno compile`, as a file of its own: to be changed before it is compiled in.
 *
 * @module
 */
import { join } from "node:path/posix";
import { inflateRawSync } from "node:zlib";
import type { Architecture } from "./compile.ts";
import { runDeno } from "./run_deno.ts";

/** Unpacks it to `output`. A compilation for that architecture must have succeeded before. */
export async function unpackDownloadedDenort(architecture: Architecture, output: string): Promise<void> {
  const { success, said } = await runDeno(["info", "--json"], { cwd: "/" });
  if (!success) throw new Error(`Cannot find Deno's folder:\n${said}`);
  const { denoDir, denoVersion } = JSON.parse(said);
  const archive = join(denoDir, `dl/release/v${denoVersion}/denort-${architecture}-unknown-linux-gnu.zip`);
  await Deno.writeFile(output, unzip(await Deno.readFile(archive), "denort"), { mode: 0o755 });
}

const END = 0x06054b50;
const ENTRY = 0x02014b50;

/** Returns a file of a zip archive; no comment behind the archive, no encryption, nothing beyond 4 GiB. */
export function unzip(archive: Uint8Array<ArrayBuffer>, name: string): Uint8Array {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = archive.length - 22;
  if (end < 0 || view.getUint32(end, true) !== END) throw new Error("Cannot read the zip archive: it has no end");
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  for (let index = 0; index < count; index++) {
    if (view.getUint32(at, true) !== ENTRY) throw new Error("Cannot read the zip archive: its directory is damaged");
    const method = view.getUint16(at + 10, true);
    const size = view.getUint32(at + 20, true);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const entryName = new TextDecoder().decode(archive.subarray(at + 46, at + 46 + (nameBytes ?? 0)));
    if (entryName === name) {
      const local = view.getUint32(at + 42, true);
      const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const content = archive.subarray(start, start + size);
      if (method === 0) return content;
      if (method === 8) return inflateRawSync(content);
      throw new Error(`Cannot read the zip archive: "${name}" is packed by method ${method}`);
    }
    at += 46 + (nameBytes ?? 0) + (extraBytes ?? 0) + (commentBytes ?? 0);
  }
  throw new Error(`Cannot read the zip archive: it does not hold "${name}"`);
}
