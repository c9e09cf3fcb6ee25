/**
 * `RUN --mount=type=bind`: a part of the context, of a stage or of an image, read-only or with changes thrown away.
 *
 * @module
 */
import type { MountPreparation, MountRequest, MountSources } from "./prepared.ts";
import { openSource } from "./source.ts";
import { targetOf } from "./target.ts";

/** Prepares a bind mount. */
export async function prepareBind(spec: MountRequest, sources: MountSources): Promise<MountPreparation> {
  const target = targetOf(spec);
  const source = await openSource(spec, sources);
  const { type } = source;
  const own = () => sources.views.own(source, sources.scratch);
  if (spec.readOnly) {
    const path = await sources.views.shown(source);
    return { mount: { kind: "bind", type, source: path, target, readOnly: true }, own };
  }
  const { path, release } = await own();
  return {
    mount: { kind: "bind", type, source: path, target, readOnly: false },
    ...(release === undefined ? {} : { release }),
  };
}
