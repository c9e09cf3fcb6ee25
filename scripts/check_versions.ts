/**
 * Fails when a command in a document names another Deno than `.dvmrc` pins, or when another Deno runs this.
 *
 *     deno run -A scripts/check_versions.ts
 *
 * @module
 */
import { join, relative } from "node:path/posix";

/** Returns one line per `deno@X.Y.Z` or `deno:bin-X.Y.Z` in `text` that is not `pinned`; `file` only names the place. */
export function checkVersions(text: string, pinned: string, file: string): readonly string[] {
  return text.split("\n").flatMap((line, index) =>
    [...line.matchAll(/\bdeno(?:@|:bin-)(\d[\w.-]*\w)/g)]
      .filter(([, version]) => version !== pinned)
      .map(([named]) => `${file}:${index + 1}: names ${named}, but .dvmrc pins ${pinned}`)
  );
}

/** The version of Deno this repository is developed, tested and shipped with. */
export function pinnedDeno(root: string): string {
  return Deno.readTextFileSync(join(root, ".dvmrc")).trim();
}

function documents(root: string): readonly string[] {
  const found = ["README.md", "tests/README.md", "lib/README.md", ".ci/run", "Dockerfile"].map((name) =>
    join(root, name)
  );
  for (const entry of Deno.readDirSync(join(root, "docs"))) {
    if (entry.isFile && /\.(md|ya?ml)$/.test(entry.name)) found.push(join(root, "docs", entry.name));
  }
  return found;
}

if (import.meta.main) {
  const root = join(import.meta.dirname ?? ".", "..");
  const pinned = pinnedDeno(root);
  const faults = documents(root).flatMap((path) =>
    checkVersions(Deno.readTextFileSync(path), pinned, relative(root, path))
  );
  if (Deno.version.deno !== pinned) {
    faults.push(`this is Deno ${Deno.version.deno}, but .dvmrc pins ${pinned}: run it as "npx -y deno@${pinned} ..."`);
  }
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) Deno.exitCode = 1;
  else console.log(`Deno ${pinned} everywhere`);
}
