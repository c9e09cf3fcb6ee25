import assert from "node:assert/strict";
import { parseMountInfo, readMounts } from "../../../lib/sys/mount_info.ts";

Deno.test("parseMountInfo(), reads points and types, with and without optional fields", () => {
  const text = "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n" +
    "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:2 - overlay overlay rw,lowerdir=/a\n" +
    "40 22 0:5 / /proc rw - proc proc rw\n";
  assert.deepEqual(parseMountInfo(text), [
    { id: 22, point: "/", type: "ext4", content: "254:0 /" },
    { id: 36, point: "/mnt2", type: "overlay", content: "98:0 /mnt1" },
    { id: 40, point: "/proc", type: "proc", content: "0:5 /" },
  ]);
});

Deno.test("parseMountInfo(), decodes octal escapes and keeps other bytes", () => {
  const text = "36 35 98:0 / /a\\040b\\134c\\011d\\012e\xff rw - tmpfs none rw\n";
  assert.deepEqual(parseMountInfo(text).map(({ point }) => point), ["/a b\\c\td\ne\xff"]);
});

Deno.test("parseMountInfo(), passes over lines that are none", () => {
  assert.deepEqual(parseMountInfo("\n36 35\nx 1 0:0 / / rw - a b c\n"), []);
});

Deno.test("readMounts(), finds the root and /proc", () => {
  const points = readMounts().map(({ point }) => point);
  assert.ok(points.includes("/proc"));
  assert.ok(points.includes("/"));
});
