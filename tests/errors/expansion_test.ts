/**
 * Variables, quotes and substitutions that cannot be expanded, and values that are empty for want of them.
 *
 * @module
 */
import { testFaults } from "../support/failing_check.ts";

testFaults("a variable", [
  [
    "FROM --platform=$NONE scratch\n",
    1,
    'Cannot use the platform "$NONE": it expands to nothing',
    "declare it in front of the first FROM: ARG NONE=...",
  ],
  [
    "FROM --platform=$BULDPLATFORM scratch\n",
    1,
    'Cannot use the platform "$BULDPLATFORM": it expands to nothing',
    "did you mean $BUILDPLATFORM?",
  ],
  [
    "ARG P\nFROM --platform=$P scratch\n",
    2,
    'Cannot use the platform "$P": it expands to nothing',
    "give it a value: --build-arg P=...",
  ],
  [
    "FROM $NONE\n",
    1,
    'Cannot start a stage from "$NONE": the name is empty',
    "declare it in front of the first FROM: ARG NONE=...",
  ],
  [
    "ARG BASE\nFROM $BASE\n",
    2,
    'Cannot start a stage from "$BASE": the name is empty',
    "give it a value: --build-arg BASE=...",
  ],
  ["ARG BASE=scratch\nFROM $BSAE\n", 2, 'Cannot start a stage from "$BSAE": the name is empty', "did you mean $BASE?"],
  [
    "ARG X\nFROM ${X:?}\n",
    2,
    'Cannot expand "${X:?}": X: is not allowed to be unset',
    "give it a value: --build-arg X=...",
  ],
  ["FROM ${X\n", 1, 'Cannot expand "${X": a "}" is missing'],
  [
    "ARG A=${B:?no}\nFROM scratch\n",
    1,
    'Cannot expand "${B:?no}": B: no',
    "declare it in front of the first FROM: ARG B=...",
  ],
  ["FROM scratch\nCOPY <<EOF /a\n${X:?no}\nEOF\n", [2, 4], 'Cannot expand "${X:?no}": X: no'],
  ["FROM scratch\nCOPY <<EOF /a\none\ntwo ${X\nEOF\n", [2, 5], 'Cannot expand "two ${X": a "}" is missing'],
  ["FROM scratch\nENV A=${B:?why}\n", 2, 'Cannot expand "${B:?why}": B: why'],
  ["FROM scratch\nENV A=${B\n", 2, 'Cannot expand "${B": a "}" is missing'],
  ["FROM scratch\nENV A=${}\n", 2, 'Cannot expand "${}": "${}" is not a substitution'],
  ["FROM scratch\nENV A=${B!x}\n", 2, 'Cannot expand "${B!x}": "!" is not an operator in "${B!"'],
  ["FROM scratch\nENV A=${B:x}\n", 2, 'Cannot expand "${B:x}": ":x" is not an operator in "${B:x"'],
  ["FROM scratch\nENV A=${B:\n", 2, 'Cannot expand "${B:": a "}" is missing'],
  ['FROM scratch\nENV A="x\n', 2, 'Cannot expand ""x": a double quote is not closed'],
  ["FROM scratch\nENV A='x\n", 2, 'Cannot expand "\'x": a single quote is not closed'],
  [
    "FROM scratch\nENV A=${B#\\q}\n",
    2,
    'Cannot expand "${B#\\q}": the pattern "\\q" has the unknown escape "\\q"',
    "a backslash may stand before *, ?, \\, / and }",
  ],
  ["FROM scratch\nENV A=${B/x}\n", 2, 'Cannot expand "${B/x}": it ends where "/" is missing'],
  ["FROM scratch\nENV A=${:x}\n", 2, 'Cannot expand "${:x}": "${:" is not a substitution'],
  [
    "FROM scratch\nENV VERSION=1\nENV A=${VERSOIN:?}\n",
    3,
    'Cannot expand "${VERSOIN:?}": VERSOIN: is not allowed to be unset',
    "did you mean $VERSION?",
  ],
  [
    "FROM scratch\nARG VERSION\nENV A=${VERSION:?}\n",
    3,
    'Cannot expand "${VERSION:?}": VERSION: is not allowed to be unset',
    "give it a value: --build-arg VERSION=...",
  ],
  [
    "ARG VERSION=1\nFROM scratch\nENV A=${VERSION:?}\n",
    3,
    'Cannot expand "${VERSION:?}": VERSION: is not allowed to be unset',
    "a stage sees it behind a line of its own: ARG VERSION",
  ],
  ["FROM scratch\nARG A=${B:?}\n", 2, 'Cannot expand "${B:?}": B: is not allowed to be unset'],
  ["FROM scratch\nEXPOSE ${P:?}\n", 2, 'Cannot expand "${P:?}": P: is not allowed to be unset'],
  ["FROM scratch\nVOLUME $X\n", 2, 'Cannot use the volume "$X": it expands to nothing'],
  ["FROM scratch\nSTOPSIGNAL $X\n", 2, 'Cannot use the signal "$X": it expands to nothing'],
  [
    "ARG B=x\nFROM scratch\nCOPY <<a <<b /d/\n${A}\na\nok\n${B:?B is needed}\nb\n",
    [3, 8],
    'Cannot expand "${B:?B is needed}": B: B is needed',
    "a stage sees it behind a line of its own: ARG B",
  ],
  ["# escape=`\nFROM scratch\nENV A=${B`\n", 3, 'Cannot expand "${B": a "}" is missing'],
  ["FROM scratch\nENV A=$B${C\n", 2, 'Cannot expand "$B${C": a "}" is missing'],
  ["FROM scratch\nSTOPSIGNAL ${SIG:?}\n", 2, 'Cannot expand "${SIG:?}": SIG: is not allowed to be unset'],
  ["FROM scratch\nUSER ${U:?no user}\n", 2, 'Cannot expand "${U:?no user}": U: no user'],
  ["FROM scratch\nWORKDIR ${W}/${X?}\n", 2, 'Cannot expand "${W}/${X?}": X: is not allowed to be unset'],
  ["FROM scratch\nLABEL a=${L:?}\n", 2, 'Cannot expand "${L:?}": L: is not allowed to be unset'],
  ["FROM scratch\nVOLUME ${V:?}\n", 2, 'Cannot expand "${V:?}": V: is not allowed to be unset'],
  [
    "ARG VERSION=1\nARG TAG=${VERSOIN:?}\nFROM scratch\n",
    2,
    'Cannot expand "${VERSOIN:?}": VERSOIN: is not allowed to be unset',
    "did you mean $VERSION?",
  ],

  ["FROM scratch\nENV A=${B:%x}\n", 2, 'Cannot expand "${B:%x}": ":%" is not an operator in "${B:%"'],
  [
    "FROM scratch\nENV CACHE=/x\nRUN --mount=type=cache,target=$CAHCE x\n",
    3,
    'Cannot mount on "": it is empty',
    "did you mean $CACHE?",
  ],
  [
    "FROM scratch AS a\nENV X=1\nFROM a\nLABEL ${XX:?}=\n",
    4,
    'Cannot expand "${XX:?}": XX: is not allowed to be unset',
    "did you mean $X?",
  ],
  [
    `FROM scratch\nENV A=${"${A:-".repeat(201)}${"}".repeat(201)}\n`,
    2,
    `Cannot expand "${"${A:-".repeat(20)}...": "\${" is nested more than 200 deep`,
  ],
  [
    `FROM scratch\nENV A=${"x".repeat(60_000)}\nENV B=${"$A".repeat(20)}\n`,
    3,
    `Cannot expand "${"$A".repeat(20)}": it becomes longer than 1048576 characters`,
  ],
  [
    `FROM scratch\nENV A=${"x".repeat(60_000)}\nENV B=${"$A".repeat(10)}\nENV C=\${B#*${"?".repeat(10_000)}y}\n`,
    4,
    `Cannot expand "\${B#*${
      "?".repeat(95)
    }...": to match 10001 characters with "?" in a value of 600000 takes too long`,
  ],
]);
