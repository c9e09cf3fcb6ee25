/**
 * Kubernetes' own objects: a pod as it is, and the pod that a Job makes.
 *
 * @module
 */
import { parse } from "yaml";
import type { PodManifest } from "../pods/manifest.ts";

/** Returns the pod. */
export function kubernetesPod(text: string): PodManifest {
  const object = parse(text);
  const { metadata, spec } = object.kind === "Job" ? object.spec.template : object;
  return { ...metadata === undefined ? {} : { metadata }, spec };
}
