/**
 * Argo Workflows: the main container of the pod that it makes for a template. What its other containers fetch is in
 * volumes.
 *
 * @module
 */
import { parse } from "yaml";
import type { PodManifest } from "../pods/manifest.ts";
import { fill } from "./example.ts";

/** Returns the pod of the entrypoint. */
export function argoPod(text: string): PodManifest {
  const { entrypoint, arguments: { parameters }, volumes, templates } = parse(text).spec;
  const values = Object.fromEntries(
    parameters.map(({ name, value }: Record<string, string>) => [`workflow.parameters.${name}`, value]),
  );
  const template = templates.find(({ name }: { readonly name: string }) => name === entrypoint);
  const filled = JSON.parse(fill(JSON.stringify(template), /\{\{([\w.-]+)\}\}/g, values));
  return {
    spec: {
      containers: [{
        ...filled.container,
        name: "main",
        volumeMounts: [...filled.container.volumeMounts, { name: "argo", mountPath: "/var/run/argo" }],
      }],
      volumes: [...volumes, ...filled.volumes, { name: "argo", emptyDir: {} }],
    },
  };
}
