import assert from "node:assert/strict";
import { instructionOf } from "../../../lib/instructions/table.ts";
import { evaluateDockerfile, evaluateStage } from "../../support/evaluate_dockerfile.ts";
import { type Row, testRows } from "../../support/rows.ts";

/** Instructions, and the last line of the history. */
const TEXTS: readonly Row<string, string | undefined>[] = [
  ["3.0/9", "RUN as text", "RUN echo  a", "RUN /bin/sh -c echo  a # buildkit"],
  ["3.0/9", "RUN as JSON", 'RUN ["a","b c"]', "RUN a b c # buildkit"],
  ["3.0/9", "RUN with a shell", 'SHELL ["bash","-c"]\nRUN a', "RUN bash -c a # buildkit"],
  ["3.0/9", "RUN without variables replaced", "ENV a=b\nRUN echo $a", "RUN /bin/sh -c echo $a # buildkit"],
  ["3.0/9", "RUN without its flags", "RUN --network=none a", "RUN /bin/sh -c a # buildkit"],
  ["3.0/9", "RUN with an argument", "ARG a=1\nRUN b", "RUN |1 a=1 /bin/sh -c b # buildkit"],
  [
    "3.0/9",
    "RUN with arguments in the order first seen",
    "ARG b=1\nARG a=2\nARG b=3\nRUN c",
    "RUN |2 b=3 a=2 /bin/sh -c c # buildkit",
  ],
  ["3.0/9", "RUN with an argument without value", "ARG a\nRUN b", "RUN |1 a= /bin/sh -c b # buildkit"],
  ["3.0/9", "RUN with an argument that ENV replaced", "ARG a=1\nENV a=2\nRUN b", "RUN |1 a=2 /bin/sh -c b # buildkit"],
  ["3.0/9", "RUN as JSON with an argument", 'ARG a=1\nRUN ["b"]', "RUN |1 a=1 b # buildkit"],
  ["1.7/8", "RUN of one heredoc", "RUN <<E\na\nb\nE", "RUN /bin/sh -c a\nb\n # buildkit"],
  ["1.7/8", "RUN of one heredoc with tabs stripped", "RUN <<-E\n\ta\n\tE", "RUN /bin/sh -c a\n # buildkit"],
  ["1.7/8", "RUN of a script", "RUN <<E\n#!/bin/x\na\nE", "RUN /bin/sh -c /dev/pipes/E # buildkit"],
  ["1.7/9", "RUN of a command with heredoc", "RUN cat <<E\na\nE", "RUN /bin/sh -c cat <<E\na\nE # buildkit"],
  ["3.0/9", "RUN of nothing", "RUN", "RUN /bin/sh -c  # buildkit"],
  ["3.0/9", "COPY", "COPY a b /c/", "COPY a b /c/ # buildkit"],
  ["3.0/9", "COPY with variables replaced", "ENV a=x\nCOPY $a ${a}y /c", "COPY x xy /c # buildkit"],
  [
    "3.0/9",
    "COPY with some of its flags",
    "COPY --from=0 --chmod=755 --chown=1:2 a b",
    "COPY --chown=1:2 --chmod=755 a b # buildkit",
  ],
  ["3.0/9", "COPY with flags expanded", "ENV o=5\nCOPY --chown=$o a b", "COPY --chown=5 a b # buildkit"],
  ["3.0/9", "COPY without a flag that is false", "COPY --link=false --parents=false a b", "COPY a b # buildkit"],
  ["3.0/9", "COPY with heredocs behind paths", "COPY <<A b <<'C' /d/\na\nA\nc\nC", "COPY b <<A <<C /d/ # buildkit"],
  ["3.0/9", "COPY as JSON", 'COPY ["a b", "/c"]', "COPY a b /c # buildkit"],
  ["3.0/9", "ADD", "ADD --chown=1 a.tar /b", "ADD --chown=1 a.tar /b # buildkit"],
  ["3.0/9", "ADD without unpacking", "ADD --unpack=false a.tar /b", "ADD a.tar /b # buildkit"],
  ["3.0/9", "WORKDIR", "WORKDIR /a\nWORKDIR b", "WORKDIR /a/b"],
  ["3.0/9", "ENV", 'ENV a="b c" d=e', "ENV a=b c d=e"],
  ["3.0/9", "ENV in the old form", "ENV a b c", "ENV a=b c"],
  ["3.0/9", "ENV expanded", "ENV a=1\nENV b=$a", "ENV b=1"],
  ["3.0/9", "LABEL", "LABEL a=b c=d", "LABEL a=b c=d"],
  ["3.0/9", "ARG", "ARG a b=1 c=", "ARG a b=1 c="],
  ["3.0/9", "ARG expanded", "ENV a=1\nARG b=$a", "ARG b=1"],
  ["3.0/9", "CMD", 'CMD ["a","b \\"c\\""]', 'CMD ["a" "b \\"c\\""]'],
  ["3.0/9", "CMD with the shell", "CMD a", 'CMD ["/bin/sh" "-c" "a"]'],
  ["3.0/9", "an empty CMD", "CMD []", "CMD []"],
  ["3.0/9", "ENTRYPOINT", 'ENTRYPOINT ["a"]', 'ENTRYPOINT ["a"]'],
  ["3.0/9", "an empty ENTRYPOINT", "ENTRYPOINT []", "ENTRYPOINT []"],
  ["3.0/9", "EXPOSE", "EXPOSE 80 53/udp", "EXPOSE [53/udp 80/tcp]"],
  ["3.10/1", "EXPOSE with words sorted as text", "EXPOSE 9 80 1000", "EXPOSE [1000/tcp 80/tcp 9/tcp]"],
  ["3.10/1", "EXPOSE sorted before it is expanded", "ENV a=9\nEXPOSE 10 $a", "EXPOSE [9/tcp 10/tcp]"],
  ["3.10/1", "EXPOSE with a port twice", "EXPOSE 80 80", "EXPOSE [80/tcp 80/tcp]"],
  ["3.0/9", "VOLUME", "VOLUME /b /a", "VOLUME [/b /a]"],
  ["3.0/9", "SHELL", 'SHELL ["/bin/bash", "-c"]', "SHELL [/bin/bash -c]"],
  ["3.0/9", "USER", "USER a:b", "USER a:b"],
  ["3.0/9", "STOPSIGNAL", "STOPSIGNAL SIGINT", "STOPSIGNAL SIGINT"],
  ["3.0/9", "MAINTAINER", "MAINTAINER a b", "MAINTAINER a b"],
  [
    "3.0/9",
    "HEALTHCHECK",
    "HEALTHCHECK --interval=1s --timeout=10s --start-period=90s --start-interval=100ms --retries=5 CMD a b",
    "HEALTHCHECK {Test:[CMD-SHELL a b] Interval:1s Timeout:10s StartPeriod:1m30s StartInterval:100ms Retries:5}",
  ],
  [
    "3.0/9",
    "HEALTHCHECK with zeros",
    'HEALTHCHECK CMD ["a"]',
    "HEALTHCHECK {Test:[CMD a] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
  ],
  [
    "3.0/9",
    "HEALTHCHECK NONE",
    "HEALTHCHECK NONE",
    "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}",
  ],
  ["3.0/9", "ONBUILD has none", "ONBUILD RUN a", undefined],
];

testRows("history", TEXTS, (instructions) => evaluateStage(instructions).history.at(-1));

Deno.test("history [3.0/9] of a trigger is that of its instruction", () => {
  const [, child] = evaluateDockerfile("FROM scratch AS a\nONBUILD ENV x=1\nFROM a\nUSER b");
  assert.deepEqual(child?.history, ["ENV x=1", "USER b"]);
});

const LAYERS: readonly Row<string, boolean | undefined>[] = [
  ["3.0/9", "WORKDIR makes one", "WORKDIR /a", true],
  ["3.0/9", "WORKDIR / makes none", "WORKDIR /", false],
  ["3.0/9", "WORKDIR that comes back to / makes none", "WORKDIR a/..", false],
];

testRows("makesLayer()", LAYERS, (instructions) => {
  const { nodes, state } = evaluateStage(instructions);
  const node = nodes.at(-1);
  return node && instructionOf(node.line).makesLayer?.(node, state);
});
