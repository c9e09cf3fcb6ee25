/**
 * The grammar of `RUN --device=`: a CDI device name and whether it must be there.
 *
 * @module
 */
import { KilnError } from "../../errors.ts";
import { didYouMean } from "../suggest.ts";
import { parseBoolean } from "./boolean.ts";
import { splitCsv } from "./csv.ts";

/** A device that a RUN asks for. */
export interface DeviceSpec {
  /** `vendor/class`, `vendor/class=device`, `vendor/class=*`, or a class annotation. */
  readonly name: string;
  readonly required: boolean;
}

/**
 * Reads `name[,required[=bool]]` or `name=name[,...]`.
 *
 * @throws {KilnError} kind `dockerfile`, saying which field is wrong.
 */
export function parseDevice(text: string): DeviceSpec {
  const bad = (state: string, options: { readonly hint?: string } = {}): KilnError =>
    new KilnError("dockerfile", `Cannot parse --device="${text}": ${state}`, options);
  const fields = splitCsv(text);
  if (fields === undefined) {
    throw bad(text === "" ? "it has no name" : "its quotes are not those of comma-separated values");
  }
  let name = "";
  let required = false;
  for (const field of fields) {
    const equals = field.indexOf("=");
    const key = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1);
    if (key === "required") {
      const given = value === undefined ? true : parseBoolean(value);
      if (given === undefined) throw bad(`"${value}" is neither true nor false`);
      required = given;
    } else if (key === "name" && value !== undefined) {
      if (name !== "") throw bad(`the name is given before, as "${name}"`);
      name = value;
    } else if (name === "") name = field;
    else throw bad(`"${field}" is no field of a device`, didYouMean(key, ["name", "required"]));
  }
  if (name === "") throw bad("it has no name");
  return { name, required };
}
