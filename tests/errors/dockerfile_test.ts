/**
 * Dockerfiles that cannot be built: exit code 65 and the line. What their text alone tells is in the tables beside.
 *
 * @module
 */
import { testFailures } from "../support/failing_build.ts";

testFailures("a Dockerfile", [
  {
    shows: "with an unknown instruction, suggests the nearest one",
    dockerfile: "FROM scratch\nCOPPY a /\n",
    code: 65,
    error: 'Cannot run "COPPY": there is no such instruction',
    lines: [2, 2],
    hint: "did you mean COPY?",
  },
  {
    shows: "with a name in --chown of a linked layer, asks for numbers",
    dockerfile: "FROM {BASE}\nCOPY --link --chown=app a /\n",
    files: { a: "a" },
    code: 65,
    error: 'Cannot use --chown="app" with --link: the layer has no users to look it up among',
    lines: [2, 2],
    hint: "give numbers, or leave out --link",
  },
  {
    shows: "with a stage that does not exist in --target, suggests the nearest one",
    dockerfile: "FROM scratch AS one\nFROM scratch AS two\n",
    args: ["--target=tow"],
    code: 64,
    error: 'Cannot build the target "tow": there is no such stage',
    hint: 'did you mean "two"?',
  },
  {
    shows: "that is empty, says so",
    dockerfile: "",
    code: 65,
    error: 'Cannot read "Dockerfile": it is empty',
  },
  {
    shows: "with a fault in a continued instruction, marks all its lines",
    dockerfile: "FROM scratch\nCOPPY a \\\n  b \\\n  /\n",
    code: 65,
    error: 'Cannot run "COPPY": there is no such instruction',
    lines: [2, 4],
    hint: "did you mean COPY?",
  },
  {
    shows: "with an unknown user in USER, names the file it is missing from",
    dockerfile: "FROM {BASE}\nUSER nobody2\nRUN true\n",
    code: 65,
    error: 'Cannot find the user "nobody2": the image\'s /etc/passwd has no such user',
    lines: [3, 3],
    hint: "create it in an earlier RUN, or use a numeric id",
  },
  {
    shows: "with an unknown group in USER, names the file it is missing from",
    dockerfile: "FROM {BASE}\nUSER app:nogroup2\nRUN true\n",
    code: 65,
    error: 'Cannot find the group "nogroup2": the image\'s /etc/group has no such group',
    lines: [3, 3],
    hint: "create it in an earlier RUN, or use a numeric id",
  },
  {
    shows: "with an unknown user in --chown, names it",
    dockerfile: "FROM {BASE}\nCOPY --chown=nobody2 Dockerfile /\n",
    code: 65,
    error: 'Cannot find the user "nobody2": the image\'s /etc/passwd has no such user',
    lines: [2, 2],
    hint: "create it in an earlier RUN, or use a numeric id",
  },
  {
    shows: "with an unknown group in --chown, names it",
    dockerfile: "FROM {BASE}\nCOPY --chown=app:more2 Dockerfile /\n",
    code: 65,
    error: 'Cannot find the group "more2": the image\'s /etc/group has no such group',
    lines: [2, 2],
    hint: "create it in an earlier RUN, or use a numeric id",
  },
  {
    shows: "with an unknown user in --chown on scratch, says that there are no users",
    dockerfile: "FROM scratch\nCOPY --chown=app Dockerfile /\n",
    code: 65,
    error: 'Cannot find the user "app": the image\'s /etc/passwd has no such user',
    lines: [2, 2],
    hint: "create it in an earlier RUN, or use a numeric id",
  },
  {
    shows: "that wants its warnings to be errors, names the first",
    dockerfile: "# check=error=true\nFROM scratch\nMAINTAINER me\n",
    code: 65,
    error: 'Cannot build: the check "MaintainerDeprecated" found a fault: ' +
      "Maintainer instruction is deprecated in favor of using label",
    lines: [3, 3],
    hint: '"# check=error=true" makes an error of every warning; "# check=skip=RULE" silences one',
  },
]);
