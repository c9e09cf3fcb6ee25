/**
 * The promise check must catch what `deno lint` and `deno check` let pass.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { checkPromises } from "../../../scripts/check_promises.ts";

const ROOT = join(import.meta.dirname ?? ".", "../../..");

/** What a careless file looks like; the lines marked BAD leave a promise behind. */
const FIXTURE = `
import { rm } from "node:fs/promises";
import fc from "npm:fast-check@4.10.2";
import { later } from "./later.ts";

export async function good(): Promise<void> {
  await later();
  await rm("x");
  const both = [later(), later()];
  await Promise.all(both);
  later().catch(() => {});
}

export function bad(): void {
  later(); // BAD
  rm("x"); // BAD
  Deno.remove("x"); // BAD
  later().then(() => 1); // BAD
  fc.assert(fc.asyncProperty(fc.nat(), async () => await later())); // BAD
  [1].map(() => later()); // BAD
  if (later()) return; // BAD
  new Deno.Command("true").output(); // BAD
}
`;

Deno.test("checkPromises() finds every promise left behind and no other", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "fixture.ts");
    await Deno.writeTextFile(join(folder, "later.ts"), "export async function later(): Promise<void> {}\n");
    await Deno.writeTextFile(file, FIXTURE);
    const faults = await checkPromises({ root: ROOT, files: [file] });
    const found = faults.map((fault) => Number(/:(\d+):\d+: /.exec(fault)?.[1]));
    const wanted = FIXTURE.split("\n").flatMap((line, index) => line.includes("BAD") ? [index + 1] : []);
    assert.deepEqual(found, wanted);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("checkPromises() does not accept an import it has no types for", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "fixture.ts");
    const imports = ["npm:no-such-package-in-the-lock@1.0.0", "./nothing.ts", "node:nothing"];
    const text = imports.map((name, index) => `import { f${index} } from "${name}";\nf${index}();\n`).join("");
    await Deno.writeTextFile(file, text);
    const faults = await checkPromises({ root: ROOT, files: [file] });
    assert.equal(faults.filter((fault) => fault.includes("Cannot find the types of")).length, 3, faults.join("\n"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
