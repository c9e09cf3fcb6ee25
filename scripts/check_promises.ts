/**
 * Fails on promises nobody waits for, with the rule of typescript-eslint (`deno lint` has none).
 *
 *     deno run -A scripts/check_promises.ts [FILE.ts ...]      default: every .ts file of the repository
 *
 * The rule needs types, so a TypeScript program is made as Deno sees the code: its own type library, the types of
 * Node's modules, and the packages of `deno.lock`, found in Deno's cache through a throw-away `node_modules` of links.
 *
 * @module
 */
import { join, relative } from "node:path/posix";
import plugin from "npm:@typescript-eslint/eslint-plugin@8.73.0";
import * as parser from "npm:@typescript-eslint/parser@8.73.0";
import { Linter } from "npm:eslint@10.15.0";
// The types of Node's modules: Deno has its own, which a plain TypeScript program cannot reach.
import type {} from "npm:@types/node@26.6.6";
import ts from "./typescript.ts";

/** What to check and where the repository is. */
export interface PromiseCheck {
  /** The folder with `deno.json` and `deno.lock`. */
  readonly root: string;
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** Returns one line per floating promise, or per import whose types cannot be found. */
export async function checkPromises(check: PromiseCheck): Promise<readonly string[]> {
  const scratch = await Deno.makeTempDir({ prefix: "kiln-promises-" });
  try {
    const program = await makeProgram(check, scratch);
    return check.files.flatMap((file) => [...lint(file, program, check.root), ...untyped(file, program, check.root)]);
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function lint(file: string, program: ts.Program, root: string): readonly string[] {
  const linter = new Linter({ configType: "flat", cwd: "/" });
  const messages = linter.verify(
    Deno.readTextFileSync(file),
    [{
      files: ["**/*.ts"],
      // The two packages type their plugins apart from ESLint's own types.
      languageOptions: { parser: parser as Linter.Parser, parserOptions: { programs: [program] } },
      plugins: { ts: plugin as unknown as NonNullable<Linter.Config["plugins"]>[string] },
      // Comments for deno lint mean nothing to ESLint, and those for ESLint must not silence this.
      linterOptions: { noInlineConfig: true },
      rules: {
        "ts/no-floating-promises": ["error", { checkThenables: true, ignoreVoid: true }],
        "ts/no-misused-promises": ["error", { checksConditionals: true, checksSpreads: true, checksVoidReturn: false }],
      },
    }],
    { filename: file },
  );
  return messages.map((found) => `${relative(root, file)}:${found.line}:${found.column}: ${found.message}`);
}

/** An import without types would make its promises invisible, so it is a fault of its own. */
function untyped(file: string, program: ts.Program, root: string): readonly string[] {
  const source = program.getSourceFile(file);
  if (source === undefined) return [`${relative(root, file)}: not in the program`];
  const checker = program.getTypeChecker();
  return source.statements.filter((one) => ts.isImportDeclaration(one) || ts.isExportDeclaration(one)).flatMap(
    (one) => {
      const specifier = one.moduleSpecifier;
      if (specifier === undefined || checker.getSymbolAtLocation(specifier) !== undefined) return [];
      return ts.isImportDeclaration(one) && namesNothing(one.importClause)
        ? []
        : [`${relative(root, file)}: Cannot find the types of ${specifier.getText(source)}`];
    },
  );
}

/** Whether an import is there for its effects, be they only global types. */
function namesNothing(clause: ts.ImportClause | undefined): boolean {
  const bindings = clause?.namedBindings;
  return clause === undefined ||
    bindings !== undefined && ts.isNamedImports(bindings) && bindings.elements.length === 0;
}

async function makeProgram(check: PromiseCheck, scratch: string): Promise<ts.Program> {
  const library = join(scratch, "deno.d.ts");
  await Deno.writeFile(library, await deno(["types"]));
  const configuration = JSON.parse(await Deno.readTextFile(join(check.root, "deno.json")));
  const aliases = stringEntries(configuration.imports);
  const packages = await linkPackages(check.root, scratch);
  const builtIn = aliases.filter(([, target]) => target.startsWith("node:"));
  const declarations = join(scratch, "aliases.d.ts");
  await Deno.writeTextFile(
    declarations,
    builtIn.map(([alias, target]) => `declare module "${alias}" { export * from "${target}"; }\n`).join(""),
  );
  const options: ts.CompilerOptions = {
    allowImportingTsExtensions: true,
    lib: ["lib.esnext.d.ts"],
    module: ts.ModuleKind.Preserve,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noEmit: true,
    preserveSymlinks: true,
    skipLibCheck: true,
    strict: true,
    target: ts.ScriptTarget.ESNext,
    types: [],
  };
  const host = ts.createCompilerHost(options);
  const inScratch = join(scratch, "resolve.ts");
  host.resolveModuleNameLiterals = (literals, containing, _redirected, compilerOptions) =>
    literals.map(({ text }) => {
      const target = aliases.find(([alias]) => alias === text)?.[1] ?? text;
      const npm = /^npm:\/?((?:@[^/]+\/)?[^@/]+)(?:@[^/]+)?(\/.*)?$/.exec(target);
      const name = npm === null ? text : `${npm[1]}${npm[2] ?? ""}`;
      const from = npm === null ? containing : inScratch;
      return ts.resolveModuleName(name, from, compilerOptions, host);
    });
  return ts.createProgram([...check.files, library, declarations, ...packages.nodeTypes], options, host);
}

/** Links every package of `deno.lock` from Deno's cache into `scratch/node_modules`. */
async function linkPackages(root: string, scratch: string): Promise<{ readonly nodeTypes: readonly string[] }> {
  // Fills the cache with what only type checks need; nothing is written but the cache and a missing lock entry.
  await deno(["cache", ...sourceFiles(root)], root);
  const lock = JSON.parse(await Deno.readTextFile(join(root, "deno.lock")));
  const { npmCache } = JSON.parse(new TextDecoder().decode(await deno(["info", "--json"])));
  // Direct dependencies come first: where two versions share a name, theirs is the one our imports mean.
  const direct = stringEntries(lock.specifiers).flatMap(([specifier, version]) => {
    const name = /^npm:((?:@[^/]+\/)?[^@/]+)@/.exec(specifier)?.[1];
    return name === undefined ? [] : [`${name}@${version}`];
  });
  const nodeTypes: string[] = [];
  for (const id of [...direct, ...Object.keys(lock.npm ?? {})]) {
    const [, name, version] = /^((?:@[^/]+\/)?[^@/]+)@([^_]+)/.exec(id) ?? [];
    if (name === undefined || version === undefined) continue;
    const folder = cachedPackage(npmCache, name, version);
    const link = join(scratch, "node_modules", name);
    if (folder === undefined || exists(link)) continue;
    await Deno.mkdir(join(link, ".."), { recursive: true });
    await Deno.symlink(folder, link);
    if (name === "@types/node") nodeTypes.push(join(link, "index.d.ts"));
  }
  if (nodeTypes.length === 0) throw new Error('Cannot check promises: "@types/node" is not in deno.lock and the cache');
  return { nodeTypes };
}

/** The cache has one folder per registry; the name of the registry does not matter. */
function cachedPackage(npmCache: string, name: string, version: string): string | undefined {
  for (const registry of Deno.readDirSync(npmCache)) {
    const folder = join(npmCache, registry.name, name, version);
    if (Deno.statSync(join(npmCache, registry.name)).isDirectory && exists(join(folder, "package.json"))) {
      return folder;
    }
  }
  return undefined;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function stringEntries(record: unknown): readonly (readonly [string, string])[] {
  if (typeof record !== "object" || record === null) return [];
  return Object.entries(record).filter((entry): entry is [string, string] => typeof entry[1] === "string");
}

async function deno(args: readonly string[], cwd?: string): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    ...cwd === undefined ? {} : { cwd },
  }).output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
  return stdout;
}

function sourceFiles(root: string): readonly string[] {
  const files: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of Deno.readDirSync(folder)) {
      const path = join(folder, entry.name);
      if (entry.isDirectory && !entry.name.startsWith(".") && entry.name !== "dist") visit(path);
      else if (entry.isFile && entry.name.endsWith(".ts")) files.push(path);
    }
  };
  visit(root);
  return files.sort();
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..");
  const named = Deno.args.map((file) => join(Deno.cwd(), file));
  const faults = await checkPromises({ root, files: named.length > 0 ? named : sourceFiles(root) });
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exitCode = 1;
  else console.log("No promise is left floating");
}
