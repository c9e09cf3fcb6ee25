/** @module */
import assert from "node:assert/strict";
import { redirect } from "../../../../scripts/image/private_libc.ts";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);
const text = (content: Uint8Array): string => new TextDecoder().decode(content);

Deno.test("the private loader reads files of its own in the place of preload and cache, every time it names them", () => {
  const loader = "\x7fELF\0/etc/ld.so.cache\0/etc/ld.so.preload\0x\0/etc/ld.so.preload\0";
  assert.equal(
    text(redirect("ld-linux-x86-64.so.2", bytes(loader))),
    "\x7fELF\0/kaniko/lib/cac\0\0/kaniko/lib/pre\0\0\0\0x\0/kaniko/lib/pre\0\0\0\0",
  );
});

Deno.test("texts that only mention the files stay", () => {
  const loader = "\0Do not use /etc/ld.so.cache\0/etc/ld.so.cache\0/etc/ld.so.preload\0";
  assert.match(text(redirect("ld-linux-aarch64.so.1", bytes(loader))), /Do not use \/etc\/ld\.so\.cache\0/);
});

Deno.test("a loader that does not name the files is refused: it would read them under another name", () => {
  assert.throws(
    () => redirect("ld-linux-x86-64.so.2", bytes("\0/etc/other\0")),
    /does not name \/etc\/ld\.so\.preload/,
  );
  assert.throws(() => redirect("libc.so.6", bytes("\0/etc/other\0")), /does not name \/etc\/nsswitch\.conf/);
});

Deno.test("other libraries stay as they are", () => {
  const library = "\0/etc/ld.so.preload\0/etc/nsswitch.conf\0";
  assert.equal(text(redirect("libm.so.6", bytes(library))), library);
});
