/**
 * What a build does to the machine around it: nothing outside its work directory and outputs is written, and builds
 * that run at the same time do not disturb each other.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import type { Isolation } from "../../lib/rootfs/isolation.ts";
import { addBase } from "../support/registry_base.ts";
import { digestOf, type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { ISOLATIONS, placeOf } from "../support/isolations.ts";

/** Of everything a bit: a base, commands with mounts, copies between stages, a working directory, an archive. */
const LINES = [
  "ENV MARK={MARK}",
  "WORKDIR /work/dir",
  "COPY . .",
  "RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/scratch --mount=type=secret,id=s " +
  "cp -r /work /scratch && echo new > /new && rm /etc/group && cat /run/secrets/s | wc -c",
  "FROM scratch",
  "COPY --from=0 /new /work /",
  "ADD <<EOF /heredoc",
  "text",
  "EOF",
];

interface Place extends AsyncDisposable {
  readonly site: Site;
  readonly registry: FaultRegistry;
  readonly args: readonly string[];
  /** Goes in front of the command line. */
  readonly through: readonly string[];
}

async function place(isolation: Isolation): Promise<Place> {
  const registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  const site = await startSite({
    "Dockerfile": `${[`FROM ${registry.host}/base/busybox:latest`, ...LINES].join("\n")}\n`,
    "a/b": "content",
    "link": { link: "a/b" },
    ".dockerignore": "secret\n",
    "secret": "hunter2hunter2",
  });
  const args = [
    "--insecure",
    "--insecure-pull",
    `--isolation=${isolation}`,
    `--secret=id=s,src=${site.context}/secret`,
  ];
  return {
    site,
    registry,
    args,
    through: await placeOf(isolation, site),
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

for (const isolation of ISOLATIONS) {
  Deno.test(`a build, leaves home, current directory, context and temporary directory as they were (${isolation})`, async () => {
    await using built = await place(isolation);
    const { site, registry, args, through } = built;
    for (const name of ["cwd", "tmp"]) await Deno.mkdir(join(site.path, name));
    const before = listing(site.path);
    const { code, stderr } = await site.run([...args, `--destination=${registry.host}/out/image:1`], {
      cwd: join(site.path, "cwd"),
      env: { TMPDIR: join(site.path, "tmp") },
      through,
    });
    assert.equal(code, 0, stderr);
    await site.assertNothingLeft();
    assert.deepEqual(listing(site.path), before);
  });

  Deno.test(`builds at the same time in one work directory, make what each makes alone (${isolation})`, async () => {
    await using built = await place(isolation);
    const { site, registry, args, through } = built;
    const build = (name: string): Promise<Outcome> =>
      site.run([...args, `--destination=${registry.host}/out/${name}:1`, `--build-arg=NAME=${name}`], {
        env: { SOURCE_DATE_EPOCH: "1700000000" },
        through,
      });
    const outcomes = [await build("alone"), ...await Promise.all(["one", "two", "three"].map(build))];
    for (const { code, stderr } of outcomes) assert.equal(code, 0, stderr);
    const digests = ["alone", "one", "two", "three"].map((name) => digestIn(registry, name));
    assert.deepEqual(digests, Array(4).fill(digests[0]));
    await site.assertNothingLeft();
  });
}

// In place the root is written to as well.
for (const isolation of ISOLATIONS.filter((isolation) => isolation !== "in-place")) {
  Deno.test(`a build, needs no file system that can be written but that of its work directory (${isolation})`, async () => {
    await using built = await place(isolation);
    const { site, registry, args } = built;
    await Deno.mkdir(site.work);
    const { code, stderr } = await site.run([...args, `--destination=${registry.host}/out/image:1`], {
      through: ["unshare", "--mount", "--propagation=private", "sh", "-euc", ALL_READ_ONLY, "sh", site.work],
    });
    assert.equal(code, 0, stderr);
    await site.assertNothingLeft();
  });
}

/** Binds the work directory to itself, then makes everything read-only but that and what the kernel provides. */
const ALL_READ_ONLY = `
  mount --bind "$1" "$1"
  while read -r _ _ _ _ target options _; do
    case $target in "$1"|/proc*|/sys*|/dev|/dev/pts*|/dev/mqueue*) continue ;; esac
    mount -o remount,bind,ro "$target" 2> /dev/null || true
  done < /proc/self/mountinfo
  for place in "$1/.." "$HOME" /tmp /var/tmp /; do
    if touch "$place/probe" 2> /dev/null; then echo "$place can be written" >&2; exit 99; fi
  done
  shift
  exec "$@"
`;

function digestIn(registry: FaultRegistry, name: string): string {
  const manifest = registry.manifests.get(`out/${name}:1`);
  if (manifest === undefined) throw new Error(`"${name}" was not pushed`);
  return digestOf(manifest.bytes);
}

/** Everything below a directory but the work directory: kind, owner, size and times. */
function listing(path: string, at = ""): readonly string[] {
  return [...Deno.readDirSync(join(path, at))].map(({ name }) => join(at, name)).toSorted()
    .filter((name) => name !== "work")
    .flatMap((name) => {
      const stat = Deno.lstatSync(join(path, name));
      const line = [
        name,
        stat.mode,
        stat.uid,
        stat.gid,
        stat.size,
        stat.mtime?.toISOString(),
        stat.ctime?.toISOString(),
      ];
      return [line.join(" "), ...(stat.isDirectory ? listing(path, name) : [])];
    });
}
