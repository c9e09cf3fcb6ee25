import assert from "node:assert/strict";
import { type Accounts, lookUpOwner, lookUpRunUser } from "../../../lib/exec/users.ts";
import { findRunUser } from "../../../lib/instructions/run_user.ts";
import { parseOwner } from "../../../lib/dockerfile/values/user.ts";
import { withDirectory } from "../../../lib/sys/file.ts";
import { bytePathOf } from "../../../lib/io/byte_path.ts";
import { faultOf } from "../../support/rows.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
# a comment:x:5:5::/:
app:x:1000:1001:App:/home/app:/bin/sh
app:x:7:7:the second app is never found:/:
nohome:x:1002:1002:::
1003:x:44:45:called like a number:/odd:
twelve:x:1003:1004::/twelve:
short:x:1005
huge:x:4294967296:0::/:
negative:x:-1:0::/:
signed:x:+5:0::/:
nan:x:ten:0::/:
größe:x:1006:1006::/:

:x:1007:1007::/nameless:
last:x:4294967294:4294967294::/last`;

const GROUP = `root:x:0:
app:x:1001:
extra:x:2000:other,app
more:x:2001:app
more:x:2002:app
own:x:1001:app
members:x:2003:app2,xapp
bad:x:ten:app
größe:x:1006:
huge:x:4294967295:app
`;

Deno.test("lookUpRunUser(), ids, groups and home of who is in the image and who is not", async (t) => {
  const rows: readonly (readonly [text: string, user: unknown])[] = [
    ["", { uid: 0, gid: 0, groups: [0], home: "/root" }],
    ["root", { uid: 0, gid: 0, groups: [0], home: "/root" }],
    ["0", { uid: 0, gid: 0, groups: [0], home: "/root" }],
    ["app", { uid: 1000, gid: 1001, groups: [1001, 2000, 2001, 2002], home: "/home/app" }],
    ["1000", { uid: 1000, gid: 1001, groups: [1001, 2000, 2001, 2002], home: "/home/app" }],
    ["app:extra", { uid: 1000, gid: 2000, groups: [2000], home: "/home/app" }],
    ["app:5000", { uid: 1000, gid: 5000, groups: [5000], home: "/home/app" }],
    ["app:", { uid: 1000, gid: 1001, groups: [1001, 2000, 2001, 2002], home: "/home/app" }],
    [":extra", { uid: 0, gid: 2000, groups: [2000], home: "/root" }],
    ["5000", { uid: 5000, gid: 0, groups: [0], home: "/" }],
    ["5000:more", { uid: 5000, gid: 2001, groups: [2001], home: "/" }],
    ["nohome", { uid: 1002, gid: 1002, groups: [1002], home: "" }],
    ["1003", { uid: 1003, gid: 1004, groups: [1004], home: "/twelve" }],
    ["twelve", { uid: 1003, gid: 1004, groups: [1004], home: "/twelve" }],
    ["größe:größe", { uid: 1006, gid: 1006, groups: [1006], home: "/" }],
    ["last", { uid: 4294967294, gid: 4294967294, groups: [4294967294], home: "/last" }],
  ];
  for (const [text, user] of rows) {
    await t.step(`"${text}"`, () => assert.deepEqual(inImage((root) => findRunUser(root, text)), user));
  }
});

Deno.test("lookUpRunUser(), names that are not there and lines libc would skip are errors", async (t) => {
  const users = ["nobody", "short", "huge", "negative", "signed", "nan", "#", "App", "1000app"];
  for (const user of users) {
    await t.step(`user "${user}"`, () => {
      assert.equal(
        faultOf(() => inImage((root) => findRunUser(root, user))),
        `Cannot find the user "${user}": the image's /etc/passwd has no such user ` +
          "(create it in an earlier RUN, or use a numeric id)",
      );
    });
  }
  for (const group of ["none", "bad", "huge"]) {
    await t.step(`group "${group}"`, () => {
      assert.match(faultOf(() => inImage((root) => findRunUser(root, `app:${group}`))), /Cannot find the group/);
    });
  }
  for (const wrong of ["app:extra:more", "4294967295", "a b", "-1"]) {
    await t.step(`"${wrong}"`, () => {
      assert.match(faultOf(() => inImage((root) => findRunUser(root, wrong))), /Cannot use the owner/);
    });
  }
});

Deno.test("lookUpOwner(), a lone number is the group, too; a lone name has its primary group", async (t) => {
  const rows: readonly (readonly [text: string, owner: unknown])[] = [
    ["5000", { uid: 5000, gid: 5000 }],
    ["1000", { uid: 1000, gid: 1000 }],
    ["app", { uid: 1000, gid: 1001 }],
    ["app:", { uid: 1000, gid: 0 }],
    ["app:extra", { uid: 1000, gid: 2000 }],
    ["7:more", { uid: 7, gid: 2001 }],
    ["7:8", { uid: 7, gid: 8 }],
    ["root:root", { uid: 0, gid: 0 }],
    ["4294967294:4294967294", { uid: 4294967294, gid: 4294967294 }],
  ];
  for (const [text, owner] of rows) {
    await t.step(`"${text}"`, () => assert.deepEqual(inImage((root) => lookUpOwner(root, parseOwner(text))), owner));
  }
});

Deno.test("lookUpOwner(), an image without /etc knows only numbers and root", () => {
  const root = Deno.makeTempDirSync();
  try {
    const owner = (text: string): unknown => inRoot(root, (fd) => lookUpOwner(fd, parseOwner(text)));
    assert.deepEqual(owner("root:root"), { uid: 0, gid: 0 });
    assert.deepEqual(owner("7"), { uid: 7, gid: 7 });
    assert.match(faultOf(() => owner("app")), /Cannot find the user "app"/);
    assert.match(faultOf(() => owner("root:app")), /Cannot find the group "app"/);
    assert.deepEqual(inRoot(root, (fd) => lookUpRunUser(fd, {})), { uid: 0, gid: 0, groups: [0], home: "/" });
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

// Guard: openInRoot in lib/tree/read_file_in.ts; with a plain open the host's file is read.
Deno.test("lookUpOwner(), S31: /etc/passwd is a link out of the image", () => {
  const [image, outside] = [Deno.makeTempDirSync(), Deno.makeTempDirSync()];
  try {
    Deno.writeTextFileSync(`${outside}/passwd`, "evil:x:66:66::/:\n");
    Deno.mkdirSync(`${image}/etc`);
    Deno.symlinkSync(`${outside}/passwd`, `${image}/etc/passwd`);
    assert.match(
      faultOf(() => ownerIn(image, { user: { kind: "name", name: "evil" } })),
      /Cannot find the user "evil"/,
    );
    Deno.mkdirSync(`${image}${outside}`, { recursive: true });
    Deno.writeTextFileSync(`${image}${outside}/passwd`, "inner:x:5:6::/:\n");
    assert.deepEqual(ownerIn(image, { user: { kind: "name", name: "inner" } }), { uid: 5, gid: 6 });
  } finally {
    for (const path of [image, outside]) Deno.removeSync(path, { recursive: true });
  }
});

// Guards: isFile, O_NONBLOCK and the limit of lib/tree/read_file_in.ts; without them the test does not end.
Deno.test("lookUpOwner(), S31: /etc/passwd is a device, a pipe, a directory or too large", async (t) => {
  const forms: readonly (readonly [string, (path: string) => void, RegExp])[] = [
    ["device", (path) => Deno.symlinkSync("/dev/zero", path), /no such user/],
    ["pipe", (path) => void new Deno.Command("mkfifo", { args: [path] }).outputSync(), /not a regular file/],
    ["directory", (path) => Deno.mkdirSync(path), /not a regular file/],
    ["too large", (path) => {
      Deno.writeTextFileSync(path, "");
      Deno.truncateSync(path, 10 * 1024 * 1024 + 1);
    }, /larger than 10485760 bytes/],
    ["a circle", (path) => Deno.symlinkSync("passwd", path), /too many levels of symbolic links/],
  ];
  for (const [what, make, expected] of forms) {
    await t.step(what, () => {
      const image = Deno.makeTempDirSync();
      try {
        Deno.mkdirSync(`${image}/etc`);
        make(`${image}/etc/passwd`);
        assert.match(faultOf(() => ownerIn(image, { user: { kind: "name", name: "app" } })), expected);
      } finally {
        Deno.removeSync(image, { recursive: true });
      }
    });
  }
});

function inImage<T>(body: (root: number) => T): T {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${root}/etc`);
    Deno.writeTextFileSync(`${root}/etc/passwd`, PASSWD);
    Deno.writeTextFileSync(`${root}/etc/group`, GROUP);
    return inRoot(root, body);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

function inRoot<T>(root: string, body: (root: number) => T): T {
  return withDirectory(bytePathOf(root), body);
}

function ownerIn(root: string, accounts: Accounts): unknown {
  return inRoot(root, (fd) => lookUpOwner(fd, accounts));
}
