/**
 * Fails when `lib/` imports against its map, and when code reaches for what only one place may touch.
 *
 *     deno run -A scripts/check_imports.ts                  checks
 *     deno run -A scripts/check_imports.ts --write-table    also rewrites the table in lib/README.md
 *
 * Files are parsed, not grepped: comments and strings never count, `import type` does as types.
 *
 * @module
 */
import { basename, dirname, join, normalize, relative } from "node:path/posix";
import { BASE, type Edge, formatImportTable, IMPORT_MAP, ROOT_FILES, type Row } from "./import_map.ts";
import ts from "./typescript.ts";

/** The rules to check a tree against; the defaults are this repository's. */
export interface ImportRules {
  readonly rows: readonly Row[];
  readonly base: readonly string[];
  readonly rootFiles: typeof ROOT_FILES;
}

const RULES: ImportRules = { rows: IMPORT_MAP, base: BASE, rootFiles: ROOT_FILES };

/** Where the table stands in `lib/README.md`. */
const TABLE_START = "<!-- import rules: written by scripts/check_imports.ts --write-table -->";
const TABLE_END = "<!-- end of import rules -->";

/** Members of `Deno` that only some files may use, with the files that may. */
const GUARDED: readonly { readonly member: RegExp; readonly may: RegExp; readonly reason: string }[] = [
  { member: /^exit(Code)?$/, may: /^main\.ts$/, reason: "only main.ts ends the process" },
  { member: /^(dlopen|Unsafe\w+)$/, may: /^lib\/sys\//, reason: "only lib/sys calls foreign functions" },
  { member: /^env$/, may: /^(main\.ts|lib\/cli\/host\.ts)$/, reason: "only main.ts and lib/cli/host.ts read it" },
];

/** Checks the tree under `root` (a folder with `lib/` and `main.ts`) and returns one line per violation, sorted. */
export function checkImports(root: string, rules: ImportRules = RULES): readonly string[] {
  const faults: string[] = [];
  const edges = new Map<string, Set<string>>();
  for (const file of typeScriptFiles(root)) {
    const source = ts.createSourceFile(file, Deno.readTextFileSync(join(root, file)), ts.ScriptTarget.Latest, true);
    const place = (node: ts.Node): string =>
      `${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`;
    for (const found of importsOf(source)) {
      const fault = judgeImport({ file, ...found }, rules, edges);
      if (fault !== undefined) faults.push(`${place(found.node)}: ${fault}`);
    }
    if (!isProduct(file)) continue;
    if (isBarrel(source)) faults.push(`${file}:1: a barrel: import from the files themselves`);
    for (const { node, text } of guardedUses(source, file)) faults.push(`${place(node)}: ${text}`);
  }
  faults.push(...unknownFolders(root, rules), ...cycles(edges));
  return faults.sort();
}

/** Compares the table in `lib/README.md` with the map; returns what is wrong, or undefined. */
export function checkTable(readme: string | undefined, rows: readonly Row[] = IMPORT_MAP): string | undefined {
  const fix = 'write it with "deno run -A scripts/check_imports.ts --write-table"';
  if (readme === undefined) return `lib/README.md: missing; ${fix}`;
  const start = readme.indexOf(TABLE_START);
  const end = readme.indexOf(TABLE_END);
  if (start < 0 || end < start) return `lib/README.md: has no table of import rules; ${fix}`;
  const shown = readme.slice(start + TABLE_START.length, end).trim();
  return shown === formatImportTable(rows)
    ? undefined
    : `lib/README.md: its import rules are not those checked; ${fix}`;
}

/** Puts the table into the text of a README, where one stands already or at the end. */
export function withTable(readme: string, rows: readonly Row[] = IMPORT_MAP): string {
  const block = `${TABLE_START}\n\n${formatImportTable(rows)}\n\n${TABLE_END}`;
  const start = readme.indexOf(TABLE_START);
  const end = readme.indexOf(TABLE_END);
  if (start < 0 || end < start) return `${readme.trimEnd()}\n\n## Who may import whom\n\n${block}\n`;
  return readme.slice(0, start) + block + readme.slice(end + TABLE_END.length);
}

interface Found {
  readonly specifier: string;
  readonly edge: Edge;
  readonly node: ts.Node;
}

/** Every module a file names: imports, re-exports, `import()` as a call and as a type. */
function importsOf(source: ts.SourceFile): readonly Found[] {
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      found.push({ specifier: node.moduleSpecifier.text, edge: importEdge(node.importClause), node });
    } else if (
      ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)
    ) {
      found.push({ specifier: node.moduleSpecifier.text, edge: exportEdge(node), node });
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument !== undefined && ts.isStringLiteralLike(argument)) {
        found.push({ specifier: argument.text, edge: "values", node });
      }
    } else if (
      ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)
    ) {
      found.push({ specifier: node.argument.literal.text, edge: "types", node });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function importEdge(clause: ts.ImportClause | undefined): Edge {
  if (clause === undefined) return "values";
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return "types";
  const bindings = clause.namedBindings;
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return "values";
  return bindings.elements.length > 0 && bindings.elements.every((element) => element.isTypeOnly) ? "types" : "values";
}

function exportEdge(declaration: ts.ExportDeclaration): Edge {
  if (declaration.isTypeOnly) return "types";
  const clause = declaration.exportClause;
  if (clause === undefined || !ts.isNamedExports(clause)) return "values";
  return clause.elements.length > 0 && clause.elements.every((element) => element.isTypeOnly) ? "types" : "values";
}

/** Says what is wrong with one import, and notes the edge between two folders. */
function judgeImport(
  found: Found & { readonly file: string },
  rules: ImportRules,
  edges: Map<string, Set<string>>,
): string | undefined {
  const { file, specifier, edge } = found;
  if (/^(jsr:|https?:)/.test(specifier)) return `imports "${specifier}": only npm:, node: and our own files`;
  if (!specifier.startsWith(".")) return undefined;
  const target = normalize(join(dirname(file), specifier));
  if (basename(target).startsWith("_") && dirname(target) !== dirname(file)) {
    return `imports "${specifier}", which is private to ${dirname(target)}/`;
  }
  if (file === "main.ts" || !file.startsWith("lib/")) return undefined;
  if (!target.startsWith("lib/")) return `imports "${specifier}" from outside lib/`;
  const [from, to] = [unitOf(file), unitOf(target)];
  if (from === to) return undefined;
  if (!from.endsWith(".ts") && !to.endsWith(".ts")) edges.set(from, (edges.get(from) ?? new Set()).add(to));
  return judgeEdge({ from, to, edge }, rules);
}

function judgeEdge(
  edge: { readonly from: string; readonly to: string; readonly edge: Edge },
  rules: ImportRules,
): string | undefined {
  if (rules.base.includes(edge.to)) return undefined;
  // Its types say which jobs there are; its values would load the Worker's code into the main thread.
  if (edge.to === "worker.ts") return edge.edge === "types" ? undefined : "imports worker.ts: only a Worker loads it";
  const row = rules.rows.find((candidate) => candidate.folder === edge.from);
  const allowed = row?.imports ?? rules.rootFiles[edge.from] ?? {};
  if (allowed === "everything") return undefined;
  if (allowed === "everything but cli") return edge.to === "cli" ? "imports cli/, which is above it" : undefined;
  const may = allowed[edge.to];
  if (may === undefined) return `${edge.from} may not import from ${edge.to}`;
  return may === "types" && edge.edge === "values" ? `${edge.from} may import only types from ${edge.to}` : undefined;
}

/** The folder directly under `lib/` that a file belongs to, or the file itself when it stands at the root of `lib/`. */
function unitOf(file: string): string {
  const [, unit = ""] = file.split("/");
  return unit;
}

/** Whether a file does nothing but pass on what other files export. */
function isBarrel(source: ts.SourceFile): boolean {
  const passesOn = source.statements.filter(ts.isExportDeclaration).filter((one) => one.moduleSpecifier !== undefined);
  if (passesOn.some((one) => one.exportClause === undefined)) return true;
  return passesOn.length > 0 &&
    source.statements.every((one) => ts.isExportDeclaration(one) || ts.isImportDeclaration(one));
}

/** Uses of guarded members of `Deno`, however they are spelled. */
function guardedUses(source: ts.SourceFile, file: string): readonly { node: ts.Node; text: string }[] {
  const uses: { node: ts.Node; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && node.text === "Deno") {
      const member = memberOf(node);
      if (member === undefined) uses.push({ node, text: 'uses "Deno" as a value: write Deno.<member>' });
      for (const guard of GUARDED) {
        if (member !== undefined && guard.member.test(member) && !guard.may.test(file)) {
          uses.push({ node, text: `uses Deno.${member}: ${guard.reason}` });
        }
      }
    } else if (ts.isPropertyAccessExpression(node) && node.getText(source) === "process.env") {
      uses.push({ node, text: "uses process.env: only main.ts and lib/cli/host.ts read it, through Deno.env" });
    } else if (ts.isPropertyAccessExpression(node) && node.getText(source) === "process.exit") {
      uses.push({ node, text: "uses process.exit: only main.ts ends the process, through Deno.exit" });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return uses;
}

/** The member a mention of `Deno` asks for; undefined when `Deno` itself is passed around. */
function memberOf(node: ts.Identifier): string | undefined {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) return parent.name.text;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node && ts.isPropertyAccessExpression(parent.parent)) {
    return parent.parent.name.text;
  }
  // In a type position (Deno.Command as a type) nothing is used at run time.
  if (ts.isQualifiedName(parent)) return "";
  return undefined;
}

function unknownFolders(root: string, rules: ImportRules): readonly string[] {
  const known = new Set(rules.rows.map((row) => row.folder));
  const found: string[] = [];
  for (const entry of Deno.readDirSync(join(root, "lib"))) {
    if (entry.isDirectory && !known.has(entry.name)) {
      if (containsTypeScript(join(root, "lib", entry.name))) found.push(`lib/${entry.name}/: not in the import map`);
    } else if (entry.isFile && entry.name.endsWith(".ts") && rules.rootFiles[entry.name] === undefined) {
      found.push(`lib/${entry.name}: only ${Object.keys(rules.rootFiles).join(" and ")} stand at the root of lib/`);
    }
  }
  return found;
}

function containsTypeScript(folder: string): boolean {
  return [...walk(folder)].some((path) => path.endsWith(".ts"));
}

/** Cycles between folders, types included: two folders that need each other are one folder. */
function cycles(edges: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const found = new Set<string>();
  const finished = new Set<string>();
  const visit = (folder: string, path: readonly string[]): void => {
    const at = path.indexOf(folder);
    if (at >= 0) found.add(`lib/: the folders ${[...path.slice(at), folder].join(" -> ")} import each other`);
    if (at >= 0 || finished.has(folder)) return;
    for (const next of [...edges.get(folder) ?? []].sort()) visit(next, [...path, folder]);
    finished.add(folder);
  };
  for (const folder of [...edges.keys()].sort()) visit(folder, []);
  return [...found];
}

function isProduct(file: string): boolean {
  return file === "main.ts" || file.startsWith("lib/");
}

function typeScriptFiles(root: string): readonly string[] {
  const files: string[] = [];
  for (const folder of ["lib", "scripts", "tests"]) {
    for (const path of walk(join(root, folder))) if (path.endsWith(".ts")) files.push(relative(root, path));
  }
  for (const entry of Deno.readDirSync(root)) if (entry.isFile && entry.name.endsWith(".ts")) files.push(entry.name);
  return files.sort();
}

function* walk(folder: string): Generator<string> {
  let entries: readonly Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) yield* walk(path);
    else if (entry.isFile) yield path;
  }
}

function main(): void {
  const root = join(import.meta.dirname ?? ".", "..");
  const path = join(root, "lib/README.md");
  let readme: string | undefined;
  try {
    readme = Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (Deno.args.includes("--write-table")) {
    readme = withTable(readme ?? "# lib\n");
    Deno.writeTextFileSync(path, readme);
  }
  const table = checkTable(readme);
  const faults = [...checkImports(root), ...table === undefined ? [] : [table]];
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exitCode = 1;
  else console.log("Imports follow the map");
}

if (import.meta.main) main();
