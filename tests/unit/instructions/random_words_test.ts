/**
 * Random words in every place that is expanded: a build fails, if at all, with an error that says where.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { KilnError } from "../../../lib/errors.ts";
import { evaluateDockerfile } from "../../support/evaluate_dockerfile.ts";

/** `W` stands for the word. */
const PLACES: readonly string[] = [
  "ARG a=W\nFROM scratch",
  "ARG v=W\nFROM scratch\nARG v\nLABEL l=$v",
  "FROM scratch AS a\nFROM W",
  ...[
    "ADD W /x",
    "ADD --checksum=W http://h/x /x",
    "ARG a=W",
    "CMD W",
    "COPY --chmod=W x y",
    "COPY --chown=W x y",
    "COPY --exclude=W x y",
    "COPY W x",
    "COPY <<E x\nW\nE",
    "COPY x W",
    "ENTRYPOINT W",
    "ENV W",
    "ENV W x",
    "ENV a=W",
    "EXPOSE W",
    "HEALTHCHECK --interval=W CMD x",
    "LABEL W",
    "LABEL a=W",
    "ONBUILD ENV a=W",
    "RUN --mount=W x",
    "RUN --mount=type=cache,target=W x",
    "RUN --network=W x",
    "RUN W",
    "SHELL W",
    "STOPSIGNAL W",
    "USER W",
    "VOLUME W",
    "WORKDIR W",
  ].map((line) => `FROM scratch\n${line}`),
  "# escape=`\nFROM scratch\nENV a=W",
];

const PIECES = [
  ..."$ ${ } a ${a ${b} :- - :+ + :? ? # ## % %% / // * ' \" \\ ` = , : [ ] 1 @ . -- << <<E".split(" "),
  " ",
  "\\\n",
  "é",
];

Deno.test("random words, are errors with their place or none", () => {
  const word = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(fc.constantFrom(...PLACES), word, (place, word) => {
      const text = `${place.replace("W", () => word)}\n`;
      try {
        evaluateDockerfile(text);
      } catch (error) {
        assert.ok(error instanceof KilnError, `${JSON.stringify(text)}: ${error}`);
        assert.match(error.message, /^Cannot /, JSON.stringify(text));
        // A word may end a line in a continuation, and so take in the FROM: that is about no line.
        if (error.message.endsWith(": it has no stages")) return;
        assert.ok(error.range !== undefined, `${JSON.stringify(text)}: ${error.message}`);
        const last = text.split("\n").length;
        const { startLine, endLine } = error.range;
        assert.ok(
          1 <= startLine && startLine <= endLine && endLine <= last,
          `${startLine} to ${endLine} of ${last}`,
        );
      }
    }),
    { numRuns: 5_000 },
  );
});
