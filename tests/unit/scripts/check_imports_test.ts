/**
 * The import check must see every way of breaking the map; each test plants one.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { checkImports, checkTable, type ImportRules, withTable } from "../../../scripts/check_imports.ts";
import { IMPORT_MAP, type Row } from "../../../scripts/import_map.ts";

const RULES: ImportRules = {
  rows: [
    row("cli", "everything"),
    row("build", "everything but cli"),
    row("tree", { sys: "values", oci: "types" }),
    row("oci", {}),
    row("sys", {}),
    row("io", {}),
  ],
  base: ["io", "errors.ts"],
  rootFiles: { "errors.ts": { oci: "types" }, "worker.ts": "everything but cli" },
};

function row(folder: string, imports: Row["imports"]): Row {
  return { folder, band: "a band", purpose: "a purpose", imports };
}

/** Checks a tree given as data. */
function check(files: Readonly<Record<string, string>>): readonly string[] {
  const root = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(join(root, "lib"));
    for (const [path, text] of Object.entries(files)) {
      Deno.mkdirSync(dirname(join(root, path)), { recursive: true });
      Deno.writeTextFileSync(join(root, path), text);
    }
    return checkImports(root, RULES);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

Deno.test("checkImports() accepts what the map allows", () => {
  const faults = check({
    "main.ts": 'import { run } from "./lib/cli/main.ts";\nDeno.exit(run(Deno.env.get("A")));\n',
    "lib/cli/main.ts": 'import "../build/a.ts";\nimport "../sys/a.ts";\n',
    "lib/build/a.ts": 'import "../tree/a.ts";\nimport "npm:x@1";\n',
    "lib/tree/a.ts": 'import { a } from "../sys/a.ts";\nimport type { B } from "../oci/b.ts";\nimport "../io/a.ts";\n',
    "lib/sys/a.ts": 'export const a = Deno.dlopen("x", {});\n',
    "lib/errors.ts": 'import type { B } from "./oci/b.ts";\n',
  });
  assert.deepEqual(faults, []);
});

Deno.test("checkImports() refuses an edge that is not in the map", () => {
  const faults = check({ "lib/oci/a.ts": '\nimport { a } from "../sys/a.ts";\n' });
  assert.deepEqual(faults, ["lib/oci/a.ts:2: oci may not import from sys"]);
});

Deno.test("checkImports() tells values from types", () => {
  assert.deepEqual(check({ "lib/tree/a.ts": 'import { B } from "../oci/b.ts";\n' }), [
    "lib/tree/a.ts:1: tree may import only types from oci",
  ]);
  assert.deepEqual(check({ "lib/tree/a.ts": 'import { type B, c } from "../oci/b.ts";\n' }).length, 1);
  assert.deepEqual(check({ "lib/tree/a.ts": 'import { type B, type C } from "../oci/b.ts";\n' }), []);
  assert.deepEqual(check({ "lib/tree/a.ts": 'export type X = import("../oci/b.ts").B;\n' }), []);
  assert.deepEqual(check({ "lib/tree/a.ts": 'export { b } from "../oci/b.ts";\nexport const x = 1;\n' }).length, 1);
});

Deno.test("checkImports() sees imports made while running", () => {
  const faults = check({ "lib/oci/a.ts": 'export const a = await import("../sys/a.ts");\n' });
  assert.deepEqual(faults, ["lib/oci/a.ts:1: oci may not import from sys"]);
});

Deno.test("checkImports() lets nobody import cli", () => {
  assert.deepEqual(check({ "lib/build/a.ts": 'import "../cli/a.ts";\n' }), [
    "lib/build/a.ts:1: imports cli/, which is above it",
  ]);
});

Deno.test("checkImports() lets nobody load the entry of the Workers", () => {
  assert.equal(check({ "lib/tree/a.ts": 'import "../worker.ts";\n' }).length, 1);
  assert.deepEqual(check({ "lib/tree/a.ts": 'import type { Jobs } from "../worker.ts";\n' }), []);
});

Deno.test("checkImports() refuses imports from other hosts, in tests and scripts too", () => {
  const faults = check({
    "scripts/a.ts": 'import "jsr:@std/fs";\n',
    "tests/a_test.ts": 'import "https://deno.land/x/a.ts";\n',
  });
  assert.equal(faults.length, 2);
});

Deno.test("checkImports() keeps private files private to their folder", () => {
  const files = { "lib/build/a.ts": 'import "../oci/_secret.ts";\n', "lib/oci/b.ts": 'import "./_secret.ts";\n' };
  assert.deepEqual(check(files), ['lib/build/a.ts:1: imports "../oci/_secret.ts", which is private to lib/oci/']);
});

Deno.test("checkImports() refuses barrels", () => {
  assert.equal(check({ "lib/oci/a.ts": 'export { b } from "./b.ts";\nexport type { C } from "./c.ts";\n' }).length, 1);
  assert.equal(check({ "lib/oci/a.ts": 'export * from "./b.ts";\nexport const a = 1;\n' }).length, 1);
});

Deno.test("checkImports() finds folders that import each other, types included", () => {
  const rows = [row("a", { b: "values" }), row("b", { a: "types" })];
  const root = Deno.makeTempDirSync();
  try {
    for (const [folder, other] of [["a", "b"], ["b", "a"]] as const) {
      Deno.mkdirSync(join(root, "lib", folder), { recursive: true });
      Deno.writeTextFileSync(join(root, "lib", folder, "x.ts"), `import type { Y } from "../${other}/x.ts";\n`);
    }
    assert.deepEqual(checkImports(root, { ...RULES, rows }), ["lib/: the folders a -> b -> a import each other"]);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("checkImports() guards the members of Deno that one place owns, however they are spelled", () => {
  const guarded = [
    "Deno.exit(1);",
    "globalThis.Deno.exit(1);",
    "Deno.exitCode = 1;",
    'Deno.dlopen("libc.so.6", {});',
    "Deno.UnsafePointer.create(0n);",
    'Deno.env.get("HOME");',
    "const { env } = Deno;",
    'Deno["exit"](1);',
    'import process from "node:process";\nprocess.env.HOME;',
  ];
  for (const text of guarded) assert.equal(check({ "lib/oci/a.ts": `${text}\n` }).length, 1, text);
});

Deno.test("checkImports() ignores comments and strings", () => {
  assert.deepEqual(check({ "lib/oci/a.ts": '// Deno.exit(1)\nexport const a = "Deno.exit(1)";\n' }), []);
});

Deno.test("checkImports() refuses a folder the map does not know", () => {
  assert.deepEqual(check({ "lib/util/a.ts": "export const a = 1;\n" }), ["lib/util/: not in the import map"]);
});

Deno.test("checkTable() accepts the table it writes and refuses any other", () => {
  const readme = withTable("# lib\n");
  assert.equal(checkTable(readme), undefined);
  assert.equal(withTable(readme), readme);
  assert.notEqual(checkTable(readme.replace("`sys/`", "`system/`")), undefined);
  assert.notEqual(checkTable("# lib\n"), undefined);
  assert.notEqual(checkTable(undefined), undefined);
});

Deno.test("the import map has no cycle of its own", () => {
  const above = new Set<string>();
  const visit = (folder: string, path: readonly string[]): void => {
    assert.ok(!path.includes(folder), [...path, folder].join(" -> "));
    const imports = IMPORT_MAP.find((one) => one.folder === folder)?.imports;
    if (typeof imports === "object") { for (const next of Object.keys(imports)) visit(next, [...path, folder]); }
    above.add(folder);
  };
  for (const { folder } of IMPORT_MAP) visit(folder, []);
  assert.equal(above.size, IMPORT_MAP.length);
});
