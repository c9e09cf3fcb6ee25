/**
 * `--dockerfile`: a file, a URL, or stdin.
 *
 * @module
 */
import type { ContextLocation } from "../contexts/context_location.ts";
import { KilnError } from "../errors.ts";
import { namesStream } from "./standard_streams.ts";

/** Where the Dockerfile is. */
export type DockerfileLocation =
  /** As given: looked for from here, then from the context. */
  | { readonly kind: "file"; readonly name: string }
  | { readonly kind: "stdin" }
  /** A descriptor that a shell has opened for us, maybe of a pipe: `--dockerfile=<(command)`. */
  | { readonly kind: "descriptor"; readonly path: string }
  /** With the user and password that were given. */
  | { readonly kind: "http"; readonly url: URL };

/** Reads the text of the flag. @throws {KilnError} kind `usage` */
export function parseDockerfileFlag(text: string, context: ContextLocation): DockerfileLocation {
  if (text === "") throw usage(`Cannot use --dockerfile "": it names no file`);
  if (text === "-" || namesStream(text, "stdin")) {
    if (context.kind === "stdin") throw usage(`Cannot use --dockerfile=${text}: the context comes on stdin already`);
    return { kind: "stdin" };
  }
  if (/^\/(?:dev|proc\/self)\/fd\/[0-9]+$/.test(text)) return { kind: "descriptor", path: text };
  if (!/^https?:\/\//i.test(text)) return { kind: "file", name: text };
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    // What is wrong may be near a token.
    throw usage("Cannot use a --dockerfile with a URL: it is not a valid one");
  }
  url.hash = "";
  return { kind: "http", url };
}

function usage(message: string): KilnError {
  return new KilnError("usage", message);
}
