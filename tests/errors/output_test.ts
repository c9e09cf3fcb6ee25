/**
 * Outputs that cannot be written, and file systems that are full.
 *
 * @module
 */
import { type FailureRow, testFailures } from "../support/failing_build.ts";

const dockerfile = "FROM scratch\nCOPY Dockerfile /\n";

testFailures("an output", [
  {
    shows: "below a file, is named",
    dockerfile,
    onlyArgs: ["--no-push", "--oci-layout-path={CONTEXT}/Dockerfile/layout"],
    code: 73,
    error: 'Cannot write the OCI layout "{CONTEXT}/Dockerfile/layout": a part of its path is not a directory',
  },
  {
    shows: "that is a file where a layout is to be, is named",
    dockerfile,
    onlyArgs: ["--no-push", "--oci-layout-path={CONTEXT}/Dockerfile"],
    code: 73,
    error: 'Cannot write the OCI layout "{CONTEXT}/Dockerfile": a part of its path is not a directory',
  },
  {
    shows: "that is a directory where an archive is to be, is named",
    dockerfile,
    onlyArgs: ["--no-push", "--tar-path={CONTEXT}", "--destination=a/b:1"],
    code: 73,
    error: 'Cannot write the docker archive "{CONTEXT}": it is a directory',
  },
  {
    shows: "that is a directory where the digest is to be, is named",
    dockerfile,
    onlyArgs: ["--no-push", "--digest-file={CONTEXT}"],
    code: 73,
    error: 'Cannot write the file "{CONTEXT}": it is a directory',
  },
  {
    shows: "for the digest below a file, is named",
    dockerfile,
    onlyArgs: ["--no-push", "--digest-file={CONTEXT}/Dockerfile/digest"],
    code: 73,
    error: 'Cannot write the file "{CONTEXT}/Dockerfile/digest": a part of its path is not a directory',
  },
  {
    shows: "for name and digest below a file, is named",
    dockerfile,
    onlyArgs: ["--no-push", "--destination=a/b:1", "--image-name-with-digest-file={CONTEXT}/Dockerfile/digest"],
    code: 73,
    error: 'Cannot write the file "{CONTEXT}/Dockerfile/digest": a part of its path is not a directory',
  },
]);

/**
 * In a mount namespace of its own, {SITE}/small is a disk made with these options and {SITE}/fixed one that cannot be
 * written. Nobody but the shell sees them afterwards: it tells which files are left on the small one.
 */
function disk(options: string): readonly string[] {
  const shell = `
    mkdir small fixed
    mount -t tmpfs -o mode=755,${options} small small
    mount -t tmpfs -o ro fixed fixed
    "$@" && code=0 || code=$?
    find small ! -type d >&2
    if [ -d small/work/builds ]; then find small/work/builds -mindepth 1 >&2; fi
    exit $code
  `;
  return ["unshare", "--mount", "--propagation=private", "sh", "-euc", shell, "sh"];
}

const disks = disk("size=3m");
const made = ["small", "fixed"];
const large = crypto.getRandomValues(new Uint8Array(65_536));

function many(count: number): Record<string, Uint8Array> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`many/${at}`, large]));
}

const full: readonly FailureRow[] = [
  {
    shows: "as work directory of a COPY, is named",
    through: disks,
    made,
    dockerfile: "FROM scratch\nCOPY many /\n",
    files: many(100),
    args: ["--work-dir={SITE}/small/work"],
    code: 73,
    error: 'Cannot copy to "/": the file system is full (or out of inodes) (ENOSPC)',
    lines: [2, 2],
    hint: "free some space, or point --work-dir at a file system that has more",
  },
  {
    shows: "as work directory of a RUN, is told by the command, and its exit code passed on",
    through: disks,
    made,
    dockerfile: "FROM {BASE}\nRUN head -c 9000000 /dev/urandom > /large\n",
    args: ["--work-dir={SITE}/small/work"],
    code: 1,
    error: 'Cannot complete "/bin/sh -c head -c 9000000 /dev/urandom > /large": it returned exit code 1',
    lines: [2, 2],
  },
  {
    shows: "as work directory of a layer, is named",
    through: disks,
    made,
    dockerfile: "FROM scratch\nCOPY many /\n",
    files: many(30),
    args: ["--work-dir={SITE}/small/work"],
    code: 73,
    error: "Cannot pack the layer: the file system is full (or out of inodes) (ENOSPC)",
    lines: [2, 2],
    hint: "free some space, or point --work-dir at a file system that has more",
  },
  {
    shows: "as work directory of a base image, is named",
    through: disk("size=600k"),
    made,
    dockerfile: "FROM {BASE}\nCOPY Dockerfile /\n",
    args: ["--work-dir={SITE}/small/work"],
    code: 73,
    error: "Cannot store a layer of the base image: the file system is full",
    lines: [1, 1],
    hint: "free some space, or point --work-dir at a file system that has more",
  },
  {
    shows: "with no inode left, is named",
    through: disk("nr_inodes=100"),
    made,
    dockerfile: "FROM scratch\nCOPY many /\n",
    files: many(100),
    args: ["--work-dir={SITE}/small/work"],
    code: 73,
    error: 'Cannot copy to "/": the file system is full (or out of inodes) (ENOSPC)',
    lines: [2, 2],
    hint: "free some space, or point --work-dir at a file system that has more",
  },
  {
    shows: "for an OCI layout, is named",
    through: disks,
    made,
    dockerfile: "FROM scratch\nCOPY many /\n",
    files: many(100),
    args: ["--oci-layout-path={SITE}/small/layout"],
    code: 73,
    error: 'Cannot write the OCI layout "{SITE}/small/layout": the file system is full',
    hint: "free some space or choose another place",
  },
  {
    shows: "for an archive, is named",
    through: disks,
    made,
    dockerfile: "FROM scratch\nCOPY many /\n",
    files: many(100),
    args: ["--tar-path={SITE}/small/image.tar"],
    code: 73,
    error: 'Cannot write the docker archive "{SITE}/small/image.tar": the file system is full',
    hint: "free some space or choose another place",
  },
];

for (const isolation of ["overlay", "chroot"]) {
  testFailures(
    "a full disk",
    full.map((row) => ({
      ...row,
      shows: `${row.shows} (${isolation})`,
      args: [...row.args ?? [], `--isolation=${isolation}`],
    })),
  );
}

testFailures("a full disk", [{
  shows: "before a RUN, for which overlayfs without an index has files with several names copied, is named (userns)",
  through: disks,
  made,
  dockerfile: "FROM {BASE}\nRUN true\n",
  args: ["--work-dir={SITE}/small/work", "--isolation=userns"],
  code: 73,
  error: "Cannot copy files with several names, which a command may change: the file system is full " +
    "(or out of inodes) (ENOSPC)",
  lines: [2, 2],
  hint: "free some space, or point --work-dir at a file system that has more",
}]);

testFailures("a disk that is read-only", [
  {
    shows: "as work directory, is named with the flag",
    through: disks,
    made,
    dockerfile,
    args: ["--work-dir={SITE}/fixed/work"],
    code: 73,
    error: 'Cannot use the work directory "{SITE}/fixed/work": the file system is read-only (EROFS)',
    hint: "name a directory that can be written with --work-dir",
  },
  {
    shows: "where an OCI layout is to be, is named",
    through: disks,
    made,
    dockerfile,
    args: ["--oci-layout-path={SITE}/fixed/layout"],
    code: 73,
    error: 'Cannot write the OCI layout "{SITE}/fixed/layout": the file system is read-only',
  },
  {
    shows: "where an archive is to be, is named",
    through: disks,
    made,
    dockerfile,
    args: ["--tar-path={SITE}/fixed/image.tar"],
    code: 73,
    error: 'Cannot write the docker archive "{SITE}/fixed/image.tar": the file system is read-only',
  },
  {
    shows: "for the digest, is named",
    through: disks,
    made,
    dockerfile,
    args: ["--digest-file={SITE}/fixed/digest"],
    code: 73,
    error: 'Cannot write the file "{SITE}/fixed/digest": the file system is read-only',
  },
]);

testFailures("a limit of open files", [
  {
    shows: "below what a build takes, is told at once",
    through: ["prlimit", "--nofile=199:199"],
    dockerfile,
    code: 75,
    error: "Cannot build: this process may open 199 files, and needs 200",
    hint: "raise the limit (ulimit -n)",
  },
]);
