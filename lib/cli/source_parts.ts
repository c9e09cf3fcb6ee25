/**
 * What contexts, and what ADD names, are fetched with.
 *
 * @module
 */
import { systemClock } from "../async/clock.ts";
import type { OpenParts } from "../contexts/open_context.ts";
import type { GitAgent } from "./git_agent.ts";
import type { RequestOptions } from "./request_options.ts";
import type { BuildContext } from "./build_context.ts";
import { VERSION } from "./version.ts";

/** Returns it all but the images. */
export function sourceParts(
  request: RequestOptions,
  { host, redactor, secrets }: BuildContext,
  { socket }: GitAgent,
): Omit<OpenParts, "images"> {
  return {
    environment: (name) => name === "SSH_AUTH_SOCK" ? socket ?? host.env(name) : host.env(name),
    reveal: (secret) => redactor.add(secret),
    secret: (id) => secrets.read(id),
    userAgent: `kiln/${VERSION}`,
    clock: systemClock,
    random: Math.random,
    stdin: host.stdin,
    stdinIsTerminal: host.stdinIsTerminal,
    ...(request.contextChecksum === undefined ? {} : { checksum: request.contextChecksum }),
    git: request.git,
  };
}
