/**
 * What is timed: four Dockerfiles and their contexts, made once and kept in the cache of the test environment.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { type BaseName, debianTree } from "../../tests/support/environment/bases.ts";
import { cached } from "../../tests/support/environment/cache.ts";
import { run } from "../../tests/support/environment/command.ts";

/** One thing to build. */
export interface Workload {
  readonly name: string;
  readonly what: string;
  readonly bases: readonly BaseName[];
  /** The Dockerfile; `base` gives the reference of a base image. */
  dockerfile(base: (name: BaseName) => string): string;
  /** The folder to build from, made when it is not in the cache. */
  context(): Promise<string>;
  /** What kaniko took where it was measured, for machines that have none: medians on two quiet cores. */
  readonly kaniko?: { readonly wallSeconds: number; readonly peakMiB: number };
  /** Says what is wrong with the names in the layers on top of the base, or undefined. */
  wrong(names: ReadonlySet<string>): string | undefined;
}

/** The workloads by name. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  w1: {
    name: "w1",
    what: "tiny: busybox, COPY 1 file, RUN echo",
    bases: ["busybox"],
    dockerfile: (base) =>
      `FROM ${base("busybox")}
COPY hello.txt /hello.txt
RUN echo hello > /run.txt
CMD ["cat", "/hello.txt"]
`,
    context: () => textContext("w1", { "hello.txt": "hello\n" }),
    kaniko: { wallSeconds: 0.17, peakMiB: 11 },
    wrong: (names) => missing(names, ["hello.txt", "run.txt"]),
  },
  w2: {
    name: "w2",
    what: "20 small RUNs on a base of 97,000 files",
    bases: ["fat"],
    dockerfile: (base) =>
      `FROM ${base("fat")}\n${numbers(20).map((n) => `RUN echo step${n} > /step${n}.txt\n`).join("")}`,
    context: () => textContext("w2", {}),
    wrong: (names) => missing(names, numbers(20).map((n) => `step${n}.txt`)),
  },
  w5: {
    name: "w5",
    what: "COPY 50,000 files, 500 MiB, then RUN",
    bases: ["debian"],
    dockerfile: (base) => `FROM ${base("debian")}\nCOPY . /srv/app\nRUN ls /srv/app > /listing.txt\n`,
    context: manyFiles,
    wrong: (names) => {
      const copied = [...names].filter((name) => name.startsWith("srv/app/")).length;
      return copied < FILES ? `${copied} files of ${FILES}` : missing(names, ["listing.txt"]);
    },
  },
  w6: {
    name: "w6",
    what: "4 independent stages of about 5 s, COPY --from each",
    bases: ["debian"],
    dockerfile: fourStages,
    context: () => textContext("w6", Object.fromEntries(STAGES.map((stage) => [`${stage}.txt`, `${stage}\n`]))),
    wrong: (names) => missing(names, STAGES.map((stage) => `opt/${stage}/blob`)),
  },
};

const STAGES = ["a", "b", "c", "d"];

/** About 2.5 s of processor and 2.5 s of waiting per stage, then 8 MiB of output that does not compress. */
function fourStages(base: (name: BaseName) => string): string {
  const work =
    "head -c 1000000000 /dev/zero | sha256sum > /out/sum && sleep 2.5 && head -c 8388608 /dev/urandom > /out/blob";
  const stages = STAGES.map((stage) =>
    `FROM ${base("debian")} AS s${stage}\nCOPY ${stage}.txt /in.txt\nRUN mkdir /out && ${work}\n`
  );
  const copies = STAGES.map((stage) => `COPY --from=s${stage} /out /opt/${stage}\n`);
  return `${stages.join("")}FROM ${base("debian")}\n${copies.join("")}`;
}

const FILES = 50_000;
const TOTAL_BYTES = 500 * 2 ** 20;

/** Real files of Debian over and over, then generated text up to the count, then random bytes up to the size. */
async function manyFiles(): Promise<string> {
  const tree = await debianTree();
  return await cached({
    name: "bench-w5",
    inputs: ["1", tree],
    what: "the context of w5 (50,000 files, 500 MiB)",
    make: async (folder) => {
      const select = "find . -type f -size -200k -print0 | LC_ALL=C sort -z";
      for (const copy of ["s0", "s1", "s2", "s3", "s4"]) {
        await Deno.mkdir(join(folder, copy));
        const pack = `cd "$1/usr" && ${select} | tar --null --no-recursion --mode=u=rw,go=r -T - -cf -`;
        await run(["sh", "-ec", `${pack} | tar -C "$2" --no-same-owner -xf -`, "sh", tree, join(folder, copy)]);
      }
      let { count, bytes } = await size(folder);
      const random = 400;
      for (; count < FILES - random; count++) {
        const text = `${createHash("sha256").update(String(count)).digest("hex").repeat(40)}\n`;
        bytes += text.length;
        await write(join(folder, `generated/${count % 97}`), `f${count}.txt`, new TextEncoder().encode(text));
      }
      const each = Math.max(1024, Math.floor((TOTAL_BYTES - bytes) / random));
      for (; count < FILES; count++) {
        await write(join(folder, `assets/${count % 13}`), `a${count}.bin`, pseudoRandom(each, count));
      }
    },
  });
}

async function size(folder: string): Promise<{ count: number; bytes: number }> {
  const { stdout } = await run(["find", folder, "-type", "f", "-printf", "%s\\n"]);
  const sizes = stdout.trim().split("\n").map(Number);
  return { count: sizes.length, bytes: sizes.reduce((sum, one) => sum + one, 0) };
}

async function write(folder: string, name: string, content: Uint8Array): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(join(folder, name), content);
}

/** Bytes that do not compress and are the same every time (xorshift). */
function pseudoRandom(length: number, seed: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = seed + 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer).subarray(0, length);
}

async function textContext(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  return await cached({
    name: `bench-${name}`,
    inputs: ["1", JSON.stringify(files)],
    what: `the context of ${name}`,
    make: async (folder) => {
      for (const [path, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, path), text);
    },
  });
}

function missing(names: ReadonlySet<string>, wanted: readonly string[]): string | undefined {
  const gone = wanted.filter((name) => !names.has(name));
  return gone.length === 0 ? undefined : `no ${gone.slice(0, 3).join(", ")}`;
}

function numbers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => String(index + 1).padStart(2, "0"));
}
