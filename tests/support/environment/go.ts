/**
 * The go command: the one in PATH if it is new enough, else Go's own release, as the module proxy has it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { cached } from "./cache.ts";
import { findProgram, type Finished, run, SEARCH_PATH } from "./command.ts";
import { ensureTools } from "./tools.ts";

/** What the servers of the suite want. */
const LEAST: readonly [major: number, minor: number] = [1, 26];

const RELEASE = "1.26.8";

/** SHA-256 of the module `golang.org/toolchain`, by architecture. */
const RELEASES: Readonly<Record<typeof Deno.build.arch, readonly [name: string, digest: string]>> = {
  x86_64: ["amd64", "30c2b1bf7dcc88d3eb0a1364e47ddd9128edb3110a30e8a0ef61cd5856b31de7"],
  aarch64: ["arm64", "02b36b6787b3ac767668f630e2998df45a3b1f9ffee08d1bf3ef6487cd658d99"],
};

/** Runs the go command, which never fetches another Go by itself. */
export async function runGo(
  args: readonly string[],
  { env, cwd }: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Finished> {
  const program = await ensureGo();
  const base = { GOFLAGS: "-buildvcs=false", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
  const options = cwd === undefined ? {} : { cwd };
  return await run([program, ...args], { env: { ...base, ...env, PATH: SEARCH_PATH }, ...options });
}

/** Makes sure that there is a go command that is new enough, and returns its path. */
export async function ensureGo(): Promise<string> {
  const own = findProgram("go");
  if (own !== undefined && isNewEnough((await run([own, "env", "GOVERSION"])).stdout)) return own;
  return await downloadGo();
}

/** Tells whether the answer of `go env GOVERSION`, `go1.26.8`, is at least what the suite wants. */
export function isNewEnough(answer: string): boolean {
  const [, major = "", minor = ""] = /^go(\d+)\.(\d+)/.exec(answer) ?? [];
  return Number(major) > LEAST[0] || Number(major) === LEAST[0] && Number(minor) >= LEAST[1];
}

/** Puts Go's release into the cache, whatever is in PATH, and returns the path of its go command. */
export async function downloadGo(): Promise<string> {
  const [architecture, digest] = RELEASES[Deno.build.arch];
  const folder = await cached({
    name: "go-release",
    inputs: [RELEASE, digest],
    what: `Go ${RELEASE}, by download (72 MB)`,
    async make(folder): Promise<void> {
      await ensureTools(["python3"]);
      const version = `v0.0.1-go${RELEASE}.linux-${architecture}`;
      const archive = join(folder, "go.zip");
      await download(`${proxy()}/golang.org/toolchain/@v/${version}.zip`, archive, digest);
      // The names of go.mod are changed in the archive, and it has no modes.
      await run(["python3", "-m", "zipfile", "-e", archive, folder]);
      const tree = join(folder, `golang.org/toolchain@${version}`);
      const mend = 'find . -name _go.mod | while read -r f; do mv "$f" "${f%_go.mod}go.mod"; done';
      await run(["sh", "-ec", `${mend}\nchmod -R +x bin pkg/tool`], { cwd: tree });
      await Deno.rename(tree, join(folder, "go"));
      await Deno.remove(archive);
    },
  });
  return join(folder, "go/bin/go");
}

/** The first proxy of GOPROXY that is one. */
function proxy(): string {
  const named = (Deno.env.get("GOPROXY") ?? "").split(/[,|]/).find((entry) => /^https?:/.test(entry));
  return (named ?? "https://proxy.golang.org").replace(/\/+$/, "");
}

async function download(url: string, path: string, digest: string): Promise<void> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new Error(`Cannot download "${url}": status ${response.status}`);
  const hash = createHash("sha256");
  using file = await Deno.open(path, { write: true, createNew: true });
  for await (const chunk of response.body) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
  }
  const found = hash.digest("hex");
  if (found !== digest) throw new Error(`Cannot use "${url}": its SHA-256 is ${found}, not ${digest}`);
}
