/**
 * The images and refusals of `tests/differential/buildkit_test.ts` that it leaves out.
 *
 * @module
 */
import { assertSameImages, assertSameRefusals } from "../support/against_buildkit.ts";

Deno.test("BuildKit and we make the same images, the rest", (t) => assertSameImages(t, "rest"));

Deno.test("BuildKit and we refuse the same Dockerfiles, the rest", (t) => assertSameRefusals(t, "rest"));
