/**
 * The import rules of `lib/` as data: which folder may import from which (architecture.md 3.1 was the start).
 *
 * The folders stand in bands; the base band may be imported by every folder, its own included. An edge marked "types" allows
 * `import type` only. `lib/README.md` shows the same table; `check_imports.ts` compares the two.
 *
 * @module
 */

/** How far one folder may import from another. */
export type Edge = "values" | "types";

/** One row: a folder of `lib/`, its band, and the folders it may import from besides its own and the base band. */
export interface Row {
  readonly folder: string;
  readonly band: string;
  readonly purpose: string;
  readonly imports: Readonly<Record<string, Edge>> | "everything but cli" | "everything";
}

/** The folders (and root files) any folder may import from. */
export const BASE: readonly string[] = ["async", "io", "report", "errors.ts"];

/** Edges out of the base band and the root files of `lib/`; anything else is refused. */
export const ROOT_FILES: Readonly<Record<string, Readonly<Record<string, Edge>> | "everything but cli">> = {
  // A KilnError carries its position in the Dockerfile; a type, so nothing is loaded.
  "errors.ts": { dockerfile: "types" },
  "worker.ts": "everything but cli",
};

/** The rows in reading order, top band first. */
export const IMPORT_MAP: readonly Row[] = [
  row("driving", "cli", "flags -> small option records -> wiring -> exit code", "everything"),
  row("driving", "build", "plan, schedule, build stages, finish", "everything but cli"),
  row("driving", "outputs", "one file per destination", {
    image: "values",
    registry: "types",
    store: "values",
    tar: "values",
    oci: "values",
  }),
  row("language", "dockerfile", "text -> logical lines -> stages; words", { oci: "values" }),
  row("language", "instructions", "one file per instruction", {
    dockerfile: "values",
    oci: "values",
    tree: "values",
    rootfs: "types",
    exec: "values",
    sys: "values",
  }),
  row("language", "checks", "what is legal and should not be written so: one file per rule", {
    dockerfile: "values",
    instructions: "values",
    oci: "values",
    tree: "values",
  }),
  row("language", "contexts", "one file per context source", {
    http: "values",
    registry: "types",
    image: "values",
    store: "types",
    git: "values",
    tree: "values",
    tar: "values",
    sys: "values",
    oci: "values",
  }),
  row("language", "git", "fetching one commit of a repository, without git", {
    http: "values",
    tree: "values",
    sys: "values",
    oci: "values",
  }),
  row("files", "rootfs", "the backends behind one interface", {
    tree: "values",
    sys: "values",
    exec: "values",
    image: "types",
    store: "values",
    oci: "values",
  }),
  row("files", "exec", "running a process in a rootfs", { sys: "values", tree: "values", oci: "values" }),
  row("files", "tree", "directories on disk: walk, index, diff, copy, extract, archive", {
    sys: "values",
    tar: "values",
    oci: "values",
  }),
  row("files", "tar", "tar codec", {}),
  row("files", "sys", "the only FFI", {}),
  row("images", "image", "pull, layers, packing, assembling, converting", {
    oci: "values",
    store: "values",
    registry: "types",
    tree: "values",
    tar: "values",
    sys: "values",
  }),
  row("images", "registry", "the distribution API; credentials", { http: "values", oci: "values", store: "types" }),
  row("images", "store", "content-addressed blobs on disk; the work directory", {
    oci: "values",
    tree: "values",
    sys: "values",
  }),
  row("images", "oci", "the spec's vocabulary: types and parsers, no I/O", {}),
  row("images", "http", "requests over HTTP: connections, proxies, reach; no policy", {}),
  row("base", "async", "concurrency words", {}),
  row("base", "io", "byte streams", {}),
  row("base", "report", "what happened; who prints it is a choice", {}),
];

/** The table as `lib/README.md` shows it, its columns aligned as `deno fmt` wants them. */
export function formatImportTable(rows: readonly Row[]): string {
  const head = ["band", "folder", "what it is", "may import"];
  const cells = [head, ...rows.map((row) => [row.band, `\`${row.folder}/\``, row.purpose, formatImports(row)])];
  const widths = head.map((_, column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const lines = cells.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  lines.splice(1, 0, widths.map((width) => "-".repeat(width)));
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}

function formatImports(row: Row): string {
  if (typeof row.imports === "string") return row.imports;
  const names = Object.entries(row.imports).map(([folder, edge]) => edge === "types" ? `${folder} (types)` : folder);
  return names.length === 0 ? "base" : `base, ${names.join(", ")}`;
}

function row(band: string, folder: string, purpose: string, imports: Row["imports"]): Row {
  return { band, folder, purpose, imports };
}
