/**
 * Dockerfiles of every style, built by us; the images must be those that BuildKit made of them, as recorded by
 * `deno task record` in each case's file `expected`. Every fourth is built here, the others in
 * `tests/full/buildkit_test.ts`.
 *
 * Files with owners, modes, dates, links, attributes and content, the config and the texts of the history are compared
 * (`tests/support/render_image.ts`); not compared are dates "now", those of directories that were in the base, and
 * which directories a layer repeats. Where we mean to differ, the case's file `deviations` says so with the decision.
 *
 * @module
 */
import { assertSameImages, assertSameRefusals } from "../support/against_buildkit.ts";

Deno.test("BuildKit and we make the same images", (t) => assertSameImages(t, "share"));

// Recorded in `refusals/refusals.txt` (`tests/support/refusals.ts`).
Deno.test("BuildKit and we refuse the same Dockerfiles", (t) => assertSameRefusals(t, "share"));
