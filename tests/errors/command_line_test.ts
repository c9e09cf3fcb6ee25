/**
 * Command lines that cannot be carried out: exit code 64 with the flag and a suggestion, before anything is read or
 * asked for.
 *
 * @module
 */
import { testFailures } from "../support/failing_build.ts";

const dockerfile = "FROM scratch\nCOPY Dockerfile /\n";

testFailures("a command line", [
  {
    shows: "with an unknown flag, suggests the nearest one",
    dockerfile,
    args: ["--no-puhs"],
    code: 64,
    error: 'Cannot parse "--no-puhs": there is no such flag',
    hint: 'did you mean "--no-push"?',
  },
  {
    shows: "with an unknown flag unlike any, points to the help",
    dockerfile,
    args: ["--quux=1"],
    code: 64,
    error: 'Cannot parse "--quux": there is no such flag',
    hint: '"executor --help" lists the flags',
  },
  {
    shows: "with a stray word, names it",
    dockerfile,
    args: ["stray"],
    code: 64,
    error: 'Cannot run "stray": there is no such command',
    hint: '"executor --help" lists commands and flags',
  },
  {
    shows: "with a flag of kaniko that is not supported yet, names it",
    dockerfile,
    args: ["--cache=true"],
    code: 64,
    error: "Cannot use --cache: Kiln does not support it yet",
  },
  {
    shows: "with a flag of kaniko that is not supported yet and takes a value, names it",
    dockerfile,
    args: ["--cache-repo=x/y"],
    code: 64,
    error: "Cannot use --cache-repo: Kiln does not support it yet",
  },
  {
    shows: "with a bad choice, suggests the nearest one",
    dockerfile,
    args: ["--log-format=jsno"],
    code: 64,
    error: 'Cannot parse --log-format "jsno": it is not one of text, color, json',
  },
  {
    shows: "with a bad boolean, names flag and value",
    dockerfile,
    args: ["--insecure=maybe"],
    code: 64,
    error: 'Cannot parse --insecure "maybe": it is neither true nor false',
  },
  {
    shows: "with a bad number, names flag and value",
    dockerfile,
    args: ["--compression-level=high"],
    code: 64,
    error: 'Cannot parse --compression-level "high": it is not an integer',
  },
  {
    shows: "with a number out of range, names the range",
    dockerfile,
    args: ["--compression-level=99"],
    code: 64,
    error: 'Cannot use --compression-level "99": gzip accepts 1 to 9, or -1 for the default',
  },
  {
    shows: "with a flag whose value is missing, names it",
    dockerfile,
    args: ["--tar-path"],
    code: 64,
    error: 'Cannot parse "--tar-path": its value is missing',
  },
  {
    shows: "with a bad destination, names the reference",
    dockerfile,
    args: ["--destination={HOST}/UPPER:1"],
    code: 64,
    error: 'Cannot parse the image reference "{HOST}/UPPER:1": "UPPER" is not a repository name',
    hint: 'repository names are lower case: "{HOST}/upper:1"',
  },
  {
    shows: "with a destination that has a digest, refuses it",
    dockerfile,
    args: ["--destination={HOST}/a@sha256:1234"],
    code: 64,
    error:
      'Cannot parse the image reference "{HOST}/a@sha256:1234": what follows "@" is not "sha256:" and 64 lower-case hex digits',
  },
  {
    shows: "with an impossible platform, names it",
    dockerfile,
    args: ["--custom-platform=linux/amd64/v8/extra"],
    code: 64,
    error: 'Cannot parse the platform "linux/amd64/v8/extra": it is not os/architecture[/variant]',
    hint: "for example linux/amd64 or linux/arm/v7",
  },
  {
    shows: "with a secret without an id, names the part",
    dockerfile,
    args: ["--secret=src=/a"],
    code: 64,
    error: 'Cannot use --secret "src=/a": it has no id',
    hint: "write it as id=ID,src=FILE or id=ID,env=NAME",
  },
  {
    shows: "with a label without a value, says how one is written",
    dockerfile,
    args: ["--label=novalue"],
    code: 64,
    error: 'Cannot use --label "novalue": it has no "="',
  },
  {
    shows: "with a bad count of retries, names flag and value",
    dockerfile,
    args: ["--push-retry=-1"],
    code: 64,
    error: "Cannot use --push-retry: Kiln does not support it yet",
  },
  {
    shows: "with an unknown isolation, names the choices",
    dockerfile,
    args: ["--isolation=vm"],
    code: 64,
    error: 'Cannot parse --isolation "vm": it is not one of auto, overlay, userns, chroot, in-place',
  },
  {
    shows: "with a context of an unknown kind, names it",
    dockerfile,
    args: ["--context=ftp://host/a"],
    code: 64,
    error: 'Cannot use a --context with "ftp://": there is no such kind of context',
    hint: "one of dir://, tar://, https://, http://, git://, ssh://, s3://, gs://, oci:// and oci-layout://",
  },
  {
    shows: "without any output, says which flags give one",
    dockerfile,
    onlyArgs: ["--insecure"],
    code: 64,
    error: "Cannot build: no --destination says where to push the image",
    hint: "use --no-push to push nothing",
  },
]);
