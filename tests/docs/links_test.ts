/**
 * Links between the documents lead somewhere: to files that are there, and to headings that are in them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { dirname, join, relative } from "node:path/posix";

const ROOT = join(import.meta.dirname ?? ".", "../..");

/** All documents of the repository. */
function documents(): readonly string[] {
  const pages = [...Deno.readDirSync(join(ROOT, "docs"))].filter(({ name }) => name.endsWith(".md")).map(({ name }) =>
    `docs/${name}`
  );
  return ["README.md", "lib/README.md", "tests/README.md", ...pages.sort()];
}

/** The text without code, where brackets are no links. */
function prose(text: string): string {
  return text.replaceAll(/^ *(```+)[^]*?^ *\1$/gm, "").replaceAll(/(`+)[^]*?\1/g, "code");
}

/** Where the links of a text lead, those to the web left out. */
function linksOf(text: string): readonly string[] {
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)].map(([, inline, reference]) =>
    inline ?? reference ?? ""
  );
  return links.filter((link) => !/^(https?|mailto):/.test(link));
}

/** The anchors of a text's headings, as GitHub and GitLab make them. */
function anchorsOf(text: string): readonly string[] {
  const body = text.replaceAll(/^ *(```+)[^]*?^ *\1$/gm, "");
  return [...body.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

/** What is wrong with the links of a document. */
function faults(document: string, text: string): readonly string[] {
  return linksOf(text).flatMap((link) => {
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? join(ROOT, document) : join(ROOT, dirname(document), path);
    try {
      const isFile = Deno.statSync(target).isFile;
      if (anchor === undefined) return [];
      if (isFile && anchorsOf(Deno.readTextFileSync(target)).includes(anchor)) return [];
      return [`${document}: "${link}": ${relative(ROOT, target)} has no such heading`];
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return [`${document}: "${link}": there is no ${relative(ROOT, target)}`];
    }
  });
}

for (const document of documents()) {
  Deno.test(`${document}, has links that lead somewhere`, () => {
    assert.deepEqual(faults(document, Deno.readTextFileSync(join(ROOT, document))), []);
  });
}

Deno.test("links, a file and a heading that are not there are found", () => {
  const text = "[a](flags.md) [b](none.md) [c](flags.md#none)\n[d]: other.md\n`[e](code.md)`\n[f](flags.md#commands)\n";
  assert.deepEqual(faults("docs/page.md", text).map((fault) => fault.split('"')[1]), [
    "none.md",
    "flags.md#none",
    "other.md",
  ]);
});

Deno.test("README.md, leads to every page, by way of others at most", () => {
  const reached = new Set(["README.md"]);
  for (const document of reached) {
    for (const link of linksOf(Deno.readTextFileSync(join(ROOT, document)))) {
      const target = join(dirname(document), link.split("#")[0] ?? "");
      if (target.endsWith(".md")) reached.add(target);
    }
  }
  assert.deepEqual(documents().filter((page) => !reached.has(page)), []);
});
