/**
 * One entry of every kind, with everything a file system can say about it at its extreme: what must come through each
 * way into and out of an image byte for byte.
 *
 * @module
 */
import { block, character, dir, fifo, file, link, symlink, type Tree } from "./tree.ts";

/** CAP_NET_RAW, permitted and effective. */
export const CAPABILITY = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00";

/** Beyond what octal digits of a tar header hold (2^21 - 1), and the largest there is. */
const [BIG_ID, LARGEST_ID] = [2_097_152, 4_294_967_294];

/** A directory path of 3,900 bytes: components as long as they may be. */
const DEEP = Array.from({ length: 15 }, (_, at) => `${at.toString(36)}${"p".repeat(254)}`).join("/");

/** Rows of the matrix: what is special about it, and the entries that show it. */
export const EVERY_KIND: readonly (readonly [what: string, tree: Tree])[] = [
  ["files, empty and not", { "kinds/empty": "", "kinds/text": "text\n", "kinds/large": "0123456789".repeat(30_000) }],
  ["directories, empty and not", { "dirs": dir(), "dirs/empty": dir(), "dirs/full": dir(), "dirs/full/f": "" }],
  ["symlinks", {
    "links/to": "x",
    "links/relative": symlink("to"),
    "links/absolute": symlink("/links/to"),
    "links/dangling": symlink("../../nowhere/\xff"),
    "links/long": symlink(`${"x/".repeat(2000)}end`),
  }],
  ["devices with large numbers", {
    "dev/null": character(1, 3, { mode: 0o666 }),
    "dev/large": character(4095, 1_048_575, { mode: 0o600, uid: 3 }),
    "dev/disk": block(7, 300, { mode: 0o660, gid: 6 }),
  }],
  ["pipes", { "pipe": fifo({ mode: 0o622 }) }],
  ["setuid, setgid and sticky bits, and no bits", {
    "modes/suid": file("x", { mode: 0o4755, uid: 1000 }),
    "modes/sgid": file("x", { mode: 0o2755, gid: 50 }),
    "modes/all": file("x", { mode: 0o7777 }),
    "modes/none": file("x", { mode: 0 }),
    "modes/tmp": dir({ mode: 0o1777 }),
    "modes/group": dir({ mode: 0o2775, gid: 50 }),
    "modes/group/inside": file("", { gid: 0 }),
    "modes/closed": dir({ mode: 0 }),
    "modes/closed/inside": "",
  }],
  ["ids beyond 2^21", {
    "ids/big": file("", { uid: BIG_ID, gid: BIG_ID + 1 }),
    "ids/largest": file("", { uid: LARGEST_ID, gid: LARGEST_ID }),
    "ids/directory": dir({ uid: LARGEST_ID, gid: BIG_ID }),
    "ids/link": symlink("big", { uid: BIG_ID, gid: LARGEST_ID }),
    "ids/pipe": fifo({ uid: BIG_ID }),
    "ids/device": character(1, 5, { uid: LARGEST_ID }),
  }],
  ["nanoseconds, times before 1970 and far ones", {
    "times/first": file("", { mtime: "1600000000.000000001" }),
    "times/last": file("", { mtime: "1600000000.999999999" }),
    "times/zero": file("", { mtime: "0.000000000" }),
    "times/whole": file("", { mtime: "-3.000000000" }),
    "times/negative": file("", { mtime: "-1.500000000" }),
    "times/tiny": file("", { mtime: "-0.000000001" }),
    "times/far": file("", { mtime: "4294967296.250000000" }),
    "times/link": symlink("x", { mtime: "-2.750000000" }),
    "times/directory": dir({ mtime: "1234567890.123456789" }),
    "times/pipe": fifo({ mtime: "1.000000001" }),
  }],
  ["extended attributes and capabilities", {
    "xattrs/ping": file("\x7fELF", { mode: 0o4755, uid: 1000, xattrs: { "security.capability": CAPABILITY } }),
    "xattrs/bytes": file("", { xattrs: { "trusted.bytes": "\x00\xff=\n\x01", "trusted.empty": "" } }),
    "xattrs/large": file("", { xattrs: { "trusted.large": "v".repeat(3000) } }),
    "xattrs/directory": dir({ xattrs: { "trusted.on": "dir" } }),
    "xattrs/link": symlink("ping", { xattrs: { "trusted.on": "link" } }),
  }],
  ["hard links of every kind", {
    "hard/a": file("linked", { mode: 0o600 }),
    "hard/b": link("hard/a"),
    "hard/deep/c": link("hard/a"),
    "hard/s": symlink("a"),
    "hard/s2": link("hard/s"),
    "hard/p": fifo(),
    "hard/p2": link("hard/p"),
    "hard/d": character(1, 3),
    "hard/d2": link("hard/d"),
  }],
  ["names that are not UTF-8, look odd or are as long as may be", {
    "names/caf\xe9": "latin",
    "names/caf\xc3\xa9": "utf8",
    "names/cafe\xcc\x81": "decomposed",
    "names/\xff\xfe": symlink("\xff"),
    "names/a\nb": "new line",
    "names/ \t\x1b[31m": "control",
    "names/back\\slash": "",
    "names/-rf": "",
    "names/wh.not": "",
    [`names/${"n".repeat(255)}`]: "255 bytes",
    [`names/${"\xe4".repeat(255)}`]: dir(),
  }],
  ["paths of 4,000 bytes", { [`${DEEP}/file`]: "deep", [`${DEEP}/link`]: symlink("file") }],
];
