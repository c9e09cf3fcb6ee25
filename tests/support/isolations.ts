/**
 * The isolations that hostile images, commands and signals are tried with: two in the gate, the others by
 * `tests/full/isolations_test.ts`.
 *
 *     for (const isolation of ISOLATIONS) {
 *       Deno.test(`S33 WORKDIR stays in the rootfs (${isolation})`, ...);
 *
 * @module
 */
import { type Isolation, ISOLATIONS as ALL } from "../../lib/rootfs/isolation.ts";
import { type ContainerOptions, inContainer } from "./container.ts";
import type { Site } from "./executor_site.ts";

/** Names them in place of those below, separated by commas. */
export const ISOLATIONS_VARIABLE = "KILN_TEST_ISOLATIONS";

/** Those to try; the last part of a test's name, in parentheses. */
export const ISOLATIONS: readonly Isolation[] = Deno.env.get(ISOLATIONS_VARIABLE)?.split(",").map(parseIsolation) ??
  ["overlay", "chroot"];

/** Goes in front of the command line of a build: in place, it is in a container. */
export async function placeOf(
  isolation: string | undefined,
  site: Site,
  container: ContainerOptions = {},
): Promise<readonly string[]> {
  return isolation === "in-place" ? await inContainer({ site, ...container }) : [];
}

function parseIsolation(text: string): Isolation {
  const known: Isolation | undefined = ALL.find((name) => name === text);
  if (known === undefined) throw new Error(`${ISOLATIONS_VARIABLE}: there is no isolation "${text}"`);
  return known;
}
