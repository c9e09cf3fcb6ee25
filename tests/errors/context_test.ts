/**
 * Sources that are not there or not ours to read: exit code 66 and the line.
 *
 * @module
 */
import { testFailures } from "../support/failing_build.ts";

testFailures("COPY", [
  {
    shows: "of a missing source, names it and the line",
    dockerfile: "FROM scratch\nCOPY missing /\n",
    code: 66,
    error: 'Cannot copy "missing": it is not in the build context',
    lines: [2, 2],
  },
  {
    shows: "of one missing source among others, names it",
    dockerfile: "FROM scratch\nCOPY Dockerfile missing /x/\n",
    code: 66,
    error: 'Cannot copy "missing": it is not in the build context',
    lines: [2, 2],
  },
  {
    shows: "of a source that .dockerignore leaves out, says so",
    dockerfile: "FROM scratch\nCOPY secret.txt /\n",
    files: { "secret.txt": "x", ".dockerignore": "secret.*\n" },
    code: 66,
    error: 'Cannot copy "secret.txt": .dockerignore excludes it from the build context',
    lines: [2, 2],
  },
  {
    shows: "of a source above the context, does not reach it",
    dockerfile: "FROM scratch\nCOPY ../home /\n",
    code: 66,
    error: 'Cannot copy "../home": it is not in the build context',
    lines: [2, 2],
    hint: '".." does not lead out of the build context',
  },
  {
    shows: "of an absolute path, does not reach the host's",
    dockerfile: "FROM scratch\nCOPY /etc/passwd /\n",
    code: 66,
    error: 'Cannot copy "/etc/passwd": it is not in the build context',
    lines: [2, 2],
  },
  {
    shows: "through a symlink that leads out, does not follow it",
    dockerfile: "FROM scratch\nCOPY out/passwd /\n",
    files: { out: { link: "/etc" } },
    code: 66,
    error: 'Cannot copy "out/passwd": it is not in the build context',
    lines: [2, 2],
    hint: '"out" is a symlink to "/etc", which is looked for in the build context',
  },
  {
    shows: "through a relative symlink that leads out, does not follow it",
    dockerfile: "FROM scratch\nCOPY up/home /\n",
    files: { up: { link: "../.." } },
    code: 66,
    error: 'Cannot copy "up/home": it is not in the build context',
    lines: [2, 2],
    hint: '"up" is a symlink to "../..", which is looked for in the build context',
  },
  {
    shows: "from a stage that lacks the file, names both",
    dockerfile: "FROM scratch AS one\nCOPY Dockerfile /a\nFROM scratch\nCOPY --from=one /b /\n",
    code: 65,
    error: 'Cannot copy "/b": it is not in the stage "one"',
    lines: [4, 4],
  },
  {
    shows: "of a directory over a file, says so",
    dockerfile: "FROM scratch\nCOPY Dockerfile /x\nCOPY d /x\n",
    files: { "d/e": "" },
    code: 65,
    error: 'Cannot copy the directory "d" to "/x": a file is there',
    lines: [3, 3],
  },
  {
    shows: "below a file, says so",
    dockerfile: "FROM scratch\nCOPY Dockerfile /x\nCOPY Dockerfile /x/y\n",
    code: 65,
    error: 'Cannot copy to "/x/y": something that is not a directory is in the way (ENOTDIR)',
    lines: [3, 3],
  },
]);

testFailures("ADD", [
  {
    shows: "of an archive that is cut off, names it",
    dockerfile: "FROM scratch\nADD a.tar.gz /\n",
    arrange: (_, site) => cutArchive(site.context),
    code: 78,
    error: 'Cannot unpack "a.tar.gz": cannot decompress gzip data: it is truncated',
    lines: [2, 2],
  },
  {
    shows: "of an archive with a damaged member, names it",
    dockerfile: "FROM scratch\nADD a.tar /\n",
    arrange: (_, site) => damagedArchive(site.context),
    code: 78,
    error: 'Cannot unpack "a.tar": cannot read the archive at byte 1024: the checksum of its header is wrong',
    lines: [2, 2],
  },
  {
    shows: "of a missing archive, names it",
    dockerfile: "FROM scratch\nADD a.tar /\n",
    code: 66,
    error: 'Cannot copy "a.tar": it is not in the build context',
    lines: [2, 2],
  },
]);

testFailures("the context", [
  {
    shows: "that is missing, is named",
    onlyArgs: ["--context={SITE}/nope", "--no-push"],
    code: 66,
    error: 'Cannot use the build context "{SITE}/nope": it does not exist',
  },
  {
    shows: "that is a file, is named",
    onlyArgs: ["--context={CONTEXT}/file", "--no-push"],
    files: { file: "" },
    code: 66,
    error: 'Cannot use the build context "{CONTEXT}/file": it is not a directory',
    hint: "an archive is --context=tar://FILE",
  },
  {
    shows: "whose path is not UTF-8, is not said to be missing",
    onlyArgs: ["--no-push"],
    through: [
      "bash",
      "-c",
      `mkdir -p work/$'caf\\xe9'; "$@" --context=work/$'caf\\xe9'; c=$?; rm -r work/caf*; exit $c`,
      "bash",
    ],
    code: 66,
    error: 'Cannot use the build context "{SITE}/work/caf\ufffd": its path is not UTF-8',
    hint: "make a symlink to it and name that",
  },
  {
    shows: "relative to a directory whose path is not UTF-8, is not said to be missing",
    onlyArgs: ["--no-push"],
    through: ["bash", "-c", `mkdir -p work/$'caf\\xe9'; cd work/caf*; "$@"; c=$?; rm -r ../caf*; exit $c`, "bash"],
    code: 64,
    error: "Cannot find the current directory: its path is not UTF-8",
  },
  {
    shows: "with a name that is missing, is called by it",
    args: ["--build-context=x=./nope"],
    dockerfile: "FROM scratch\nCOPY --from=x . /\n",
    code: 66,
    error: 'Cannot use "{SITE}/nope" as the context "x": it does not exist',
  },
  {
    shows: "with a name that is a file, is called by it",
    args: ["--build-context=x={CONTEXT}/file"],
    dockerfile: "FROM scratch\nCOPY --from=x . /\n",
    files: { file: "" },
    code: 66,
    error: 'Cannot use "{CONTEXT}/file" as the context "x": it is not a directory',
    hint: "an archive is --build-context x=tar://FILE",
  },
  {
    shows: "with a missing sub-path, is named",
    onlyArgs: ["--context-sub-path=nope", "--no-push"],
    dockerfile: "FROM scratch\n",
    code: 66,
    error: 'Cannot use the build context "{CONTEXT}/nope": it does not exist',
  },
  {
    shows: "with a sub-path that leads out, is refused",
    onlyArgs: ["--context-sub-path=../home", "--no-push"],
    dockerfile: "FROM scratch\n",
    code: 64,
    error: 'Cannot use --context-sub-path "../home": it leads out of the context',
  },
  {
    shows: "without a Dockerfile, says where it was looked for",
    onlyArgs: ["--no-push"],
    code: 65,
    error: 'Cannot find the Dockerfile "Dockerfile": there is none at {SITE}/Dockerfile or {CONTEXT}/Dockerfile',
    hint: "name it with --dockerfile",
  },
  {
    shows: "with a Dockerfile that is a directory, says so",
    files: { "Dockerfile/x": "" },
    onlyArgs: ["--no-push"],
    code: 65,
    error: 'Cannot read "{CONTEXT}/Dockerfile": it is not a file',
  },
  {
    shows: "without the file of --dockerfile, says where it was looked for",
    onlyArgs: ["--no-push", "--dockerfile=other"],
    code: 65,
    error: 'Cannot find the Dockerfile "other": there is none at {SITE}/other or {CONTEXT}/other',
    hint: "name it with --dockerfile",
  },
]);

async function cutArchive(directory: string): Promise<void> {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  await Deno.writeFile(`${directory}/random`, bytes);
  await archive(directory, ["czf", "a.tar.gz", "random"]);
  await Deno.truncate(`${directory}/a.tar.gz`, 30_000);
}

async function damagedArchive(directory: string): Promise<void> {
  for (const name of ["one", "two"]) await Deno.writeTextFile(`${directory}/${name}`, name);
  await archive(directory, ["cf", "a.tar", "one", "two"]);
  using file = await Deno.open(`${directory}/a.tar`, { write: true });
  await file.seek(1024 + 100, Deno.SeekMode.Start);
  await file.write(new TextEncoder().encode("damage"));
}

async function archive(directory: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("tar", { args: [...args], cwd: directory }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
