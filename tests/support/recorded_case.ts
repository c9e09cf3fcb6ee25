/**
 * Cases whose expectation was recorded from BuildKit: building one, and rendering what came of it.
 *
 * @module
 */
import { join } from "node:path/posix";
import { type CaseContext, findCases, makeCaseContext } from "./case_context.ts";
import { run } from "./environment/command.ts";
import { prepared } from "./environment/environment.ts";
import { type FlatImage, flatten } from "./environment/flatten.ts";
import { type LocalRegistry, startRegistry } from "./environment/registry_server.ts";
import { EXECUTOR, memoryDirectory } from "./executor_site.ts";
import { officialImages } from "./official_images.ts";
import { renderImage } from "./render_image.ts";

/** The folder of the differential tests. */
export const DIFFERENTIAL = join(import.meta.dirname ?? ".", "../differential");

/** Every case of the differential tests, sorted, but for those whose file `unrecorded` says what is wrong with BuildKit. */
export function recordedCases(): readonly string[] {
  const cases = [...findCases(join(DIFFERENTIAL, "cases")), ...findCases(join(DIFFERENTIAL, "corpus"))];
  return cases.filter((from) => ![...Deno.readDirSync(from)].some(({ name }) => name === "unrecorded"));
}

/** A program that builds cases. */
export interface CaseBuilder {
  /** Whether its layers hold every directory whose date has changed. */
  readonly dates: "exact" | "inexact";
  /** Builds into an OCI layout in an empty folder. */
  build(context: CaseContext, layout: string): Promise<void>;
}

/** What the cases are built with: a registry with the bases, and a folder that goes at the end. */
export class CaseBench implements AsyncDisposable {
  readonly #registry: LocalRegistry;
  readonly #bases: readonly FlatImage[];
  readonly #folder: string;

  private constructor(registry: LocalRegistry, bases: readonly FlatImage[], folder: string) {
    this.#registry = registry;
    this.#bases = bases;
    this.#folder = folder;
  }

  static async start(): Promise<CaseBench> {
    const { layouts } = await prepared({ bases: ["busybox", "debian"] });
    const official = await officialImages();
    const registry = await startRegistry({ bases: ["busybox", "debian"], seeds: [official.seed] });
    const bases = [];
    for (const layout of Object.values(layouts)) bases.push(await flatten(layout));
    // These share their files and differ in their settings, which are shown whole.
    const image = await flatten(official.layout);
    bases.push({ ...image, config: { ...image.config, config: {} } });
    return new CaseBench(
      registry,
      bases,
      await Deno.makeTempDir({ prefix: "kiln-differential-", ...memoryDirectory() }),
    );
  }

  /** Makes a case's context, has it built into an OCI layout, and returns the image as text. */
  async build(from: string, { build, dates }: CaseBuilder): Promise<string> {
    return await this.#inFolder(async (to) => {
      const started = Math.floor(Date.now() / 1000);
      const context = await makeCaseContext({ from, to, registry: this.#registry.host, rootIsNew: true });
      const layout = join(to, "layout");
      await Deno.mkdir(layout);
      await build(context, layout);
      const text = await renderImage(layout, { bases: this.#bases, started, comparable: dates });
      return text.replaceAll(`${this.#registry.host}/`, "REGISTRY/");
    });
  }

  /** Makes a context from what the folder `shared` has for it, and has a Dockerfile built that may fail. */
  async tryBuild<T>(
    { dockerfile, shared }: { readonly dockerfile: string; readonly shared: string },
    builder: (context: CaseContext, layout: string) => Promise<T>,
  ): Promise<T> {
    return await this.#inFolder(async (to) => {
      const from = join(to, "case");
      await run(["cp", "-a", shared, from]);
      await Deno.writeTextFile(join(from, "Dockerfile"), dockerfile);
      const made = join(to, "made");
      const layout = join(to, "layout");
      for (const folder of [made, layout]) await Deno.mkdir(folder);
      return await builder(await makeCaseContext({ from, to: made, registry: this.#registry.host }), layout);
    });
  }

  async #inFolder<T>(body: (to: string) => Promise<T>): Promise<T> {
    const to = await Deno.makeTempDir({ dir: this.#folder });
    try {
      return await body(to);
    } finally {
      await run(["rm", "-rf", "--one-file-system", to]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#registry[Symbol.asyncDispose]();
    await run(["rm", "-rf", "--one-file-system", this.#folder]);
  }
}

/** The executor. */
export const OURS: CaseBuilder = {
  dates: "exact",
  async build(context, layout): Promise<void> {
    await run([
      ...EXECUTOR,
      ...[`--context=${context.context}`, `--dockerfile=${context.dockerfile}`, `--work-dir=${layout}-work`],
      ...["--no-push", "--insecure-pull", "--log-format=text", `--oci-layout-path=${layout}`],
      ...context.flags,
    ], { env: context.environment });
  },
};

/** As many builds at a time as there are cores on a small machine; other test files run meanwhile. */
const BUILDS = 2;

/** Starts `body` for every item, two at a time in their order; a failure is heard where its promise is awaited. */
export function sideBySide<Item, Result>(
  items: readonly Item[],
  body: (item: Item) => Promise<Result>,
): ReadonlyMap<Item, Promise<Result>> {
  const results = new Map(items.map((item) => [item, Promise.withResolvers<Result>()]));
  const waiting = results.entries();
  const work = async (): Promise<void> => {
    for (const [item, { promise, resolve, reject }] of waiting) {
      promise.catch(() => {});
      await body(item).then(resolve, reject);
    }
  };
  for (let worker = 0; worker < BUILDS; worker++) void work();
  return new Map([...results].map(([item, { promise }]) => [item, promise]));
}

/** What was recorded for a case, or undefined if nothing was. */
export async function recorded(from: string): Promise<string | undefined> {
  return await read(join(from, "expected"));
}

/**
 * What our image is expected to be: what was recorded, but for the lines that the case's file `deviations` replaces:
 *
 *     # decisions 3: a directory whose date alone has changed is in the layer
 *     - a line of BuildKit's image
 *     + a line of ours
 */
export function expectedOfUs(text: string, deviations: string | undefined): string {
  let expected = text;
  for (const block of (deviations ?? "").split(/^(?=#)/m).filter((part) => part !== "")) {
    const [rule = "", ...lines] = block.trimEnd().split("\n");
    if (!/^# (dockerfile|decisions) \d+(\.\d+)*: ./.test(rule)) throw new Error(`"${rule}" names no rule`);
    const [theirs, ours] = ["- ", "+ "].map((sign) =>
      lines.filter((line) => line.startsWith(sign)).map((line) => `${line.slice(2)}\n`).join("")
    );
    const at = expected.indexOf(theirs ?? "");
    if (theirs === undefined || ours === undefined || at < 0) {
      throw new Error(`BuildKit's image has no line\n${theirs}`);
    }
    expected = expected.slice(0, at) + ours + expected.slice(at + theirs.length);
  }
  return expected;
}

/** Makes dates that BuildKit's image does not tell, `at ?`, the same in ours. */
export function withUnknownDates(ours: string, expected: string): string {
  const unknown = new Set(
    expected.split("\n").flatMap((line) => / at \?$/.test(line) ? [line.slice(0, -" at ?".length)] : []),
  );
  return ours.split("\n").map((line) => {
    const undated = line.replace(/ at -?[0-9]+$/, "");
    return unknown.has(undated) ? `${undated} at ?` : line;
  }).join("\n");
}

/** The deviations a case lists. */
export async function deviationsOf(from: string): Promise<string | undefined> {
  return await read(join(from, "deviations"));
}

async function read(path: string): Promise<string | undefined> {
  return await Deno.readTextFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}
