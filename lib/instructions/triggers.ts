/**
 * Firing ONBUILD triggers: stored texts become instructions of the stage that starts from their image (dockerfile.md
 * 3.14). They come from whoever made the base image.
 *
 * @module
 */
import { locate } from "../dockerfile/locate.ts";
import { readLines } from "../dockerfile/read_lines.ts";
import type { SourceRange } from "../dockerfile/source.ts";
import { KilnError } from "../errors.ts";
import type { Node } from "./instruction.ts";
import { NO_TRIGGERS } from "./onbuild.ts";
import { parseInstruction } from "./table.ts";

/** The most triggers an image may have (pains-and-security.md S35). */
export const MAX_TRIGGERS = 1_000;

/**
 * Reads the triggers of an image or stage, in order. Their positions and those of their errors are that of the FROM
 * that fires them.
 *
 * @throws {KilnError} kind `dockerfile`, naming the trigger.
 */
export function parseTriggers(texts: readonly string[], firedBy: SourceRange): readonly Node[] {
  if (texts.length > MAX_TRIGGERS) {
    const state = `the base has ${texts.length}, more than ${MAX_TRIGGERS}`;
    throw new KilnError("dockerfile", `Cannot fire the triggers: ${state}`, { range: firedBy });
  }
  return texts.map((text) => locate(firedBy, () => parseTrigger(text, firedBy)));
}

function parseTrigger(text: string, firedBy: SourceRange): Node {
  try {
    const [line, ...more] = readLines(text, firedBy.file).lines;
    if (line === undefined || more.length > 0) throw new KilnError("dockerfile", "it is not one instruction");
    if (NO_TRIGGERS.includes(line.keyword)) {
      throw new KilnError("dockerfile", `${line.keyword} cannot be a trigger`);
    }
    return parseInstruction({ ...line, comments: [], range: firedBy });
  } catch (error) {
    if (!(error instanceof KilnError)) throw error;
    // Without its position, which is one in the text of the trigger.
    throw inTrigger(
      new KilnError("dockerfile", error.message, error.hint === undefined ? {} : { hint: error.hint }),
      text,
    );
  }
}

/** Says of a fault that a trigger is to blame for it, which stands elsewhere than the line that is shown. */
export function inTrigger(error: KilnError, trigger: string): KilnError {
  const shown = trigger.length <= 100 ? trigger : `${trigger.slice(0, 100).toWellFormed()}...`;
  const [first = ""] = shown.split(/[\r\n]/, 1);
  return error.within(`fire the trigger "${first}"`);
}
