/**
 * @module
 */
import assert from "node:assert/strict";
import { mountOverlay, TooManyLowers } from "../../../lib/rootfs/overlay_mount.ts";
import { unmount } from "../../../lib/sys/mount.ts";
import { memoryDirectory } from "../../support/executor_site.ts";
import { enterPrivateMounts } from "../../support/private_mounts.ts";

enterPrivateMounts();

/** Mounts `count` layers, of which each has one file, and returns the names in the merged directory. */
function mergedNames(count: number): readonly string[] {
  const root = Deno.makeTempDirSync({ prefix: "kiln-overlay-", ...memoryDirectory() });
  try {
    const make = (name: string): string => {
      Deno.mkdirSync(`${root}/${name}`);
      return `${root}/${name}`;
    };
    const lowers = Array.from({ length: count }, (_, number) => make(`lower${number}`));
    lowers.forEach((path, number) => Deno.writeTextFileSync(`${path}/file${number}`, ""));
    lowers.forEach((path, number) => Deno.writeTextFileSync(`${path}/same`, String(number)));
    const target = make("target");
    mountOverlay({ lowers, writable: { upper: make("upper"), work: make("work") } }, target);
    try {
      assert.equal(Deno.readTextFileSync(`${target}/same`), String(count - 1), "the last layer is on top");
      return [...Deno.readDirSync(target)].map(({ name }) => name);
    } finally {
      unmount(target);
    }
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("mountOverlay(), takes more layers than fit into the options of mount(2)", () => {
  assert.equal(mergedNames(3).length, 3 + 1);
  assert.equal(mergedNames(400).length, 400 + 1);
});

Deno.test("mountOverlay(), says that there are more layers than the kernel takes", () => {
  assert.throws(() => mergedNames(501), TooManyLowers);
});

Deno.test("mountOverlay(), stacks an upper directory that another mount namespace still has mounted", async () => {
  const root = Deno.makeTempDirSync({ prefix: "kiln-overlay-", ...memoryDirectory() });
  const make = (name: string): string => {
    Deno.mkdirSync(`${root}/${name}`);
    return `${root}/${name}`;
  };
  const [base, upper, target] = [make("base"), make("upper"), make("target")];
  mountOverlay({ lowers: [base], writable: { upper, work: make("work") } }, target);
  // A command of another stage that is being started: it has a copy of all mounts until it has left them.
  const holding = new Deno.Command("unshare", {
    args: ["--mount", "sh", "-c", "echo; exec sleep 30"],
    stdout: "piped",
  }).spawn();
  const reader = holding.stdout.getReader();
  await reader.read();
  try {
    Deno.writeTextFileSync(`${target}/file`, "x");
    unmount(target);
    mountOverlay({ lowers: [base, upper], writable: { upper: make("next"), work: make("next-work") } }, target);
    assert.equal(Deno.readTextFileSync(`${target}/file`), "x");
    unmount(target);
  } finally {
    holding.kill("SIGKILL");
    await holding.status;
    await reader.cancel();
    Deno.removeSync(root, { recursive: true });
  }
});
