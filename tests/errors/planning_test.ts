/**
 * Stages, triggers, images and options that do not fit together.
 *
 * @module
 */
import { testFaults } from "../support/failing_check.ts";

testFaults("a plan", [
  [
    "RUN x\nFROM scratch\n",
    1,
    "Cannot run RUN: no stage has been started",
    "a stage starts with FROM; only ARG may stand in front of it",
  ],
  ["ARG A\n", undefined, 'Cannot build "Dockerfile": it has no stages', "a stage starts with FROM"],
  [
    "FROM --platform=a/b/c/d scratch\n",
    1,
    'Cannot parse the platform "a/b/c/d": it is not os/architecture[/variant]',
    "for example linux/amd64 or linux/arm/v7",
  ],
  [
    "FROM Not/Valid\n",
    1,
    'Cannot parse the image reference "Not/Valid": "Valid" is not a repository name',
    'repository names are lower case: "Not/valid"',
  ],
  [
    "FROM a@sha256:1\n",
    1,
    'Cannot parse the image reference "a@sha256:1": what follows "@" is not "sha256:" and 64 lower-case hex digits',
  ],
  [
    "FROM a:b!c\n",
    1,
    'Cannot parse the image reference "a:b!c": the tag "b!c" is not 1 to 128 of letters, digits, "_", "." and "-"',
  ],
  ["FROM a..b/c\n", 1, 'Cannot parse the image reference "a..b/c": "a..b" is not a registry host'],
  [
    "FROM localhost:99999/x\n",
    1,
    'Cannot parse the image reference "localhost:99999/x": "localhost:99999" is not a registry host',
  ],
  ["FROM 300.1.1.1/x\n", 1, 'Cannot parse the image reference "300.1.1.1/x": "300.1.1.1" is not a registry host'],
  ["FROM [:::]/x\n", 1, 'Cannot parse the image reference "[:::]/x": "[:::]" is not a registry host'],
  ["FROM http://x/y\n", 1, 'Cannot parse the image reference "http://x/y": "http:" is not a registry host'],
  ["FROM a/\n", 1, 'Cannot parse the image reference "a/": "a/" is not a repository name'],
  ["FROM scratch\nONBUILD\n", 2, "Cannot parse ONBUILD: it needs an instruction"],
  ["FROM scratch\nONBUILD ONBUILD RUN x\n", 2, "Cannot parse ONBUILD: ONBUILD cannot be a trigger"],
  ["FROM scratch\nONBUILD FROM x\n", 2, "Cannot parse ONBUILD: FROM cannot be a trigger"],
  [
    "FROM scratch AS a\nONBUILD RNU x\nFROM a\n",
    3,
    'Cannot fire the trigger "RNU x": cannot run "RNU": there is no such instruction',
    "did you mean RUN?",
  ],
  [
    "FROM scratch AS a\nONBUILD ENV A=${B:?no}\nFROM a\n",
    3,
    'Cannot fire the trigger "ENV A=${B:?no}": cannot expand "${B:?no}": B: no',
  ],
  [
    "FROM scratch AS a\nONBUILD COPY a\nFROM a\n",
    3,
    'Cannot fire the trigger "COPY a": cannot parse COPY: it needs a source and a destination',
  ],
  [
    "FROM scratch AS a\nONBUILD COPY --from=9 a /\nFROM a\n",
    3,
    'Cannot fire the trigger "COPY --from=9 a /": cannot use stage 9 here: only the stages 0 to 0 stand before this one',
  ],
  [
    "FROM scratch AS a\nONBUILD COPY <<EOF /x\n${A:?no}\nEOF\nFROM a\n",
    5,
    'Cannot fire the trigger "COPY <<EOF /x": cannot expand "${A:?no}": A: no',
  ],
  [
    "FROM scratch AS a\nCOPY --from=a x /\n",
    2,
    'Cannot use the stage "a" here: it would be a circular dependency of the stage on itself',
  ],
  [
    "FROM scratch\nCOPY --from=0 x /\n",
    2,
    "Cannot use stage 0 here: it would be a circular dependency of the stage on itself",
  ],
  ["FROM scratch\nCOPY --from=5 x /\n", 2, "Cannot use stage 5 here: no stage stands before this one"],
  [
    "FROM scratch\nFROM scratch\nCOPY --from=2 x /\n",
    3,
    "Cannot use stage 2 here: only the stages 0 to 0 stand before this one",
  ],
  [
    "FROM scratch\nCOPY --from=1 x /\nFROM scratch\n",
    2,
    "Cannot use stage 1 here: it must be defined before it is used",
  ],
  [
    "FROM scratch AS a\nCOPY --from=b x /\nFROM scratch AS b\nCOPY --from=a x /\n",
    2,
    "Cannot use a stage here: lines 2, 4 make stages need each other in a circle",
  ],
  [
    "FROM scratch AS a\nCOPY --from=b x /\nFROM scratch AS b\n",
    2,
    'Cannot use the stage "b" here: it must be defined before it is used',
  ],
  [
    "FROM scratch\nCOPY --from=A/B x /\n",
    2,
    'Cannot parse the image reference "A/B": "B" is not a repository name',
    'repository names are lower case: "A/b"',
  ],
  [
    "FROM scratch\nRUN --mount=from=A/B,target=/m x\n",
    2,
    'Cannot parse the image reference "A/B": "B" is not a repository name',
    'repository names are lower case: "A/b"',
  ],
  ["# check=skip\nFROM scratch\n", 1, 'Cannot read the check options "skip": "skip" has no "="'],
  [
    "# check=eror=true\nFROM scratch\n",
    1,
    'Cannot read the check options "eror=true": there is no option "eror"',
    "did you mean error?",
  ],
  ["# check=error=x\nFROM scratch\n", 1, 'Cannot read the check options "error=x": "x" is neither true nor false'],

  [
    "FROM scratch AS a\nFROM A\n",
    2,
    'Cannot parse the image reference "A": "library/A" is not a repository name',
    'repository names are lower case: "a"',
  ],
  ["FROM scratch\n".repeat(1_001), 1_001, 'Cannot build "Dockerfile": it has more than 1000 stages'],
  [
    `FROM scratch AS a\n${"ONBUILD CMD a\n".repeat(1_001)}FROM a\n`,
    1_003,
    "Cannot fire the triggers: the base has 1001, more than 1000",
  ],
  [
    `FROM scratch AS a\nONBUILD STOPSIGNAL ${"x".repeat(200)}\nFROM a\n`,
    3,
    `Cannot fire the trigger "STOPSIGNAL ${"x".repeat(89)}...": cannot use the signal "${
      "x".repeat(200)
    }": there is no such signal`,
    "give a name such as SIGTERM or a positive number",
  ],
]);
