/**
 * `# syntax=` and `BUILDKIT_SYNTAX`: what is made of frontends that a Dockerfile or a build names.
 *
 * No frontend is ever fetched or run (S74). Docker's own are what is built in here, whatever their version; of any other
 * the user is told that it is not used.
 *
 * @module
 */
import type { Directives } from "../dockerfile/directives.ts";
import type { Report } from "../report/report.ts";

/** The frontends that are as good as the one that is built in; `dockerfile.v0` is BuildKit's name for its own. */
const BUILT_IN = /^(?:(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)|dockerfile\.v0$)/;

/** Tells of a frontend that is not used. The build argument takes the place of the directive (dockerfile.md 1.3). */
export function noteFrontend(
  { syntax }: Directives,
  buildArgs: ReadonlyMap<string, string>,
  report: Report,
): void {
  const given = buildArgs.get("BUILDKIT_SYNTAX") || undefined;
  const [frontend] = (given ?? syntax?.value ?? "").split(" ", 1);
  if (frontend === undefined || frontend === "" || BUILT_IN.test(frontend)) return;
  const where = given === undefined ? "the syntax directive" : "BUILDKIT_SYNTAX";
  report.message("warn", `The frontend "${frontend}" of ${where} is not used: Kiln reads the Dockerfile itself`);
}
