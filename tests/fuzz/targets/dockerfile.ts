/**
 * The parser of Dockerfiles.
 *
 * @module
 */
import { readChecked } from "../../../lib/checks/checked_dockerfile.ts";
import type { FuzzTarget } from "../target.ts";

const SEEDS = [
  "# syntax=docker/dockerfile:1\n# escape=`\nARG V=1\nFROM --platform=$BUILDPLATFORM base:${V:-2} AS b\nRUN x `\n  y\n",
  'FROM a\nRUN <<EOF bash\necho "$x"\nEOF\nCOPY --chown=1:2 --chmod=u+x <<-"A" <<B /x/\n\tone\n\tA\ntwo\nB\n',
  'FROM a\nENV a=b c="d e" f=\\"g\nENV old style value\nLABEL "k"=\'v\' \\\n\n# comment\n  k2=v2\n',
  'FROM a\nRUN --mount=type=cache,id=x,sharing=locked,target=/c --mount=type=secret,env=T,id=t --network=none ["a", "b"]\n',
  'FROM a\nHEALTHCHECK --interval=1m30s --retries=3 CMD ["x"]\nEXPOSE 80/tcp 1000-1010/udp\nSTOPSIGNAL SIGRTMIN+3\n',
  'FROM a\nONBUILD COPY --from=b ["x", "y"]\nSHELL ["/bin/sh", "-c"]\nVOLUME ["/a"] \nUSER 0:0\nWORKDIR c\\ d\nMAINTAINER me\n',
  "\ufeffFROM scratch\r\nADD --checksum=sha256:00 --keep-git-dir=true https://x/y.tar#main:dir /\r\nCMD echo ${a:?no} ${b#*x} ${c//y/z}\r\n",
];

/** The target. */
export const DOCKERFILE: FuzzTarget = {
  name: "dockerfile",
  seeds: SEEDS.map((text) => new TextEncoder().encode(text)),
  words: [
    ..."FROM RUN COPY ADD ENV ARG LABEL ONBUILD HEALTHCHECK SHELL".split(" ").map((word) => `\n${word} `),
    ..."<<EOF <<-'E' ${ :- :+ :? ## %% // \\\n `\n --mount= --from= --chmod= --parents=false [\" \"] # AS".split(" "),
    "\0",
    "\r\n",
    "\xff\xfe",
    "\n# escape=`\n",
    "\n# check=skip=all;error=true\n",
  ],
  run(input): string {
    let warnings = 0;
    const { dockerfile } = readChecked(input, "Dockerfile", { onWarning: () => void warnings++ });
    return dockerfile.stages.flatMap(({ nodes }) => nodes.map(({ line }) => line.keyword)).join(" ") + warnings;
  },
};
