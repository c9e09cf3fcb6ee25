import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { CdiDevices } from "../../../lib/exec/devices/cdi_devices.ts";
import { type CdiEdits, parseCdiSpec } from "../../../lib/exec/devices/cdi_spec.ts";
import { KilnError } from "../../../lib/errors.ts";

const NONE: CdiEdits = { environment: [], nodes: [], mounts: [], groups: [], refused: [] };
const edits = (containerEdits: unknown): CdiEdits =>
  parseCdiSpec({ cdiVersion: "0.6.0", kind: "a.b/c", devices: [], containerEdits }, '"x.json"').edits;

const EDITS: readonly (readonly [shows: string, containerEdits: unknown, expected: Partial<CdiEdits> | RegExp])[] = [
  ["nothing", undefined, {}],
  ["variables", { env: ["A=b=c", "D="] }, { environment: ["A=b=c", "D="] }],
  ["a variable without a name", { env: ["=b"] }, /"=b" is not NAME=VALUE/],
  ["a node like the host's", { deviceNodes: [{ path: "/dev/a" }] }, {
    nodes: [{ path: "/dev/a", hostPath: "/dev/a" }],
  }],
  ["a node with everything", {
    deviceNodes: [{
      path: "/dev/a",
      hostPath: "/h/b",
      type: "u",
      major: 5,
      minor: 6,
      fileMode: 0o100640,
      uid: 7,
      gid: 8,
    }],
  }, {
    nodes: [{ path: "/dev/a", hostPath: "/h/b", type: "character", major: 5, minor: 6, mode: 0o640, uid: 7, gid: 8 }],
  }],
  ["a node outside of /dev", { deviceNodes: [{ path: "/dev/../a" }] }, {
    nodes: [{ path: "/dev/../a", hostPath: "/dev/../a" }],
    refused: ['"/dev/../a", a device node outside of /dev'],
  }],
  ["a node of no type", { deviceNodes: [{ path: "/dev/a", type: "x" }] }, /"x" is no type of a device/],
  ["a node with a negative number", { deviceNodes: [{ path: "/dev/a", major: -1 }] }, /"major" is out of range/],
  ["a node without a path", { deviceNodes: [{}] }, /"path" is missing/],
  ["a mount", { mounts: [{ hostPath: "/h", containerPath: "/c", options: ["ro", "rbind", "rprivate"] }] }, {
    mounts: [{ hostPath: "/h", containerPath: "/c", readOnly: true }],
  }],
  ["mounts that are not made", {
    mounts: [
      { hostPath: "tmpfs", containerPath: "/c", type: "tmpfs" },
      { hostPath: "/h", containerPath: "/d", options: ["noexec"] },
    ],
  }, { refused: ['a mount on "/c" of the type "tmpfs"', 'a mount on "/d" with the option "noexec"'] }],
  ["a relative mount", { mounts: [{ hostPath: "h", containerPath: "/c" }] }, /"h" is not an absolute path/],
  ["groups", { additionalGids: [5, 0, 6] }, { groups: [5, 6] }],
  ["a group by name", { additionalGids: ["video"] }, /a group is not a number/],
  ["what is not done", { hooks: [{}], netDevices: [{}], intelRdt: {} }, {
    refused: [
      "hooks, which are not run",
      "network devices, which are not moved",
      "settings of Intel RDT, which are not made",
    ],
  }],
];
for (const [shows, containerEdits, expected] of EDITS) {
  Deno.test(`parseCdiSpec(), ${shows}`, () => {
    if (expected instanceof RegExp) assert.throws(() => edits(containerEdits), isFault(expected));
    else assert.deepEqual(edits(containerEdits), { ...NONE, ...expected });
  });
}

const SPECS: readonly (readonly [shows: string, spec: unknown, error: RegExp])[] = [
  ["a list", [], /Cannot read "x": it is not a JSON object/],
  ["no version", { kind: "a/b" }, /"cdiVersion" is missing/],
  ["a kind without a class", { cdiVersion: "1", kind: "a" }, /its kind "a" is not of the form VENDOR\/CLASS/],
  ["a device without a name", { cdiVersion: "1", kind: "a/b", devices: [{}] }, /"name" is missing/],
  ["a device's name", { cdiVersion: "1", kind: "a/b", devices: [{ name: "a=b" }] }, /"a=b" is no name of a device/],
];
for (const [shows, spec, error] of SPECS) {
  Deno.test(`parseCdiSpec(), refuses ${shows}`, () => assert.throws(() => parseCdiSpec(spec, '"x"'), isFault(error)));
}

const device = (name: string, annotations = {}): unknown => ({
  name,
  annotations,
  containerEdits: { env: [`N=${name}`] },
});
const spec = (kind: string, ...devices: readonly unknown[]): string =>
  JSON.stringify({ cdiVersion: "0.6.0", kind, annotations: { k: "of all" }, devices });
const CLASS = "org.mobyproject.buildkit.device.class";

async function withDevices(
  files: Readonly<Record<string, string>>,
  body: (devices: CdiDevices, faults: readonly string[]) => void,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kiln-cdi-" });
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(join(root, name, ".."), { recursive: true });
      await Deno.writeTextFile(join(root, name), text);
    }
    const faults: string[] = [];
    const directories = ["missing", "first", "second"].map((name) => join(root, name));
    body(await CdiDevices.load(directories, (fault) => void faults.push(fault.replaceAll(root, ""))), faults);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("CdiDevices, finds by name, all or the first of a kind, and by class", () =>
  withDevices({
    "first/a.json": spec("v/gpu", device("b"), device("a", { [CLASS]: "fast" })),
    "first/b.yaml": "cdiVersion: 0.6.0\nkind: v/other\ndevices:\n- {name: x, annotations: {" + CLASS + ": fast}}\n",
    "first/c.yml": "ignored",
    "second/d.json": spec("w/gpu", device("c", { [CLASS]: "v/none" })),
  }, (devices, faults) => {
    const names = (name: string): readonly string[] => devices.find(name).map(({ name }) => name);
    assert.deepEqual(faults, []);
    assert.deepEqual(names("v/gpu=b"), ["v/gpu=b"]);
    assert.deepEqual(names("v/gpu=*"), ["v/gpu=a", "v/gpu=b"]);
    assert.deepEqual(names("v/gpu"), ["v/gpu=a"]);
    assert.deepEqual(names("fast"), ["v/gpu=a", "v/other=x"]);
    assert.deepEqual(names("v/none"), ["w/gpu=c"]);
    assert.deepEqual([names("gpu"), names("v/gp"), names("v/gpu=x")], [[], [], []]);
  }));

Deno.test("CdiDevices, takes what a later directory has, and leaves out what it cannot tell or read", () =>
  withDevices({
    "first/a.json": spec("v/gpu", device("a"), device("b")),
    "first/broken.yaml": "a: [",
    "second/b.json": spec("v/gpu", device("a"), device("twice")),
    "second/c.json": spec("v/gpu", device("twice")),
  }, (devices, faults) => {
    assert.deepEqual(devices.find("v/gpu=*").map(({ name, file }) => `${name} ${file.replace(/.*\/(.*\/)/, "$1")}`), [
      "v/gpu=a second/b.json",
      "v/gpu=b first/a.json",
    ]);
    assert.equal(faults.length, 2);
    assert.match(faults[0] ?? "", /^Cannot read "\/first\/broken.yaml": /);
    assert.match(faults[1] ?? "", /"\/second\/b.json" and "\/second\/c.json" both have the device v\/gpu=twice/);
  }));

function isFault(error: RegExp): (thrown: unknown) => boolean {
  return (thrown) => {
    assert.ok(thrown instanceof KilnError, String(thrown));
    assert.match(thrown.message, error);
    return true;
  };
}
