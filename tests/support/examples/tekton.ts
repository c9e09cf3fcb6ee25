/**
 * Tekton: the containers of the pod that it makes for a TaskRun, without the program of its own that has each step wait
 * for the one before.
 *
 * @module
 */
import { parse } from "yaml";
import type { PodManifest } from "../pods/manifest.ts";
import { fill } from "./example.ts";

/** What a TaskRun says. */
export interface TaskRun {
  readonly params: Readonly<Record<string, string | readonly string[]>>;
}

interface Task {
  readonly params: readonly { readonly name: string; readonly default?: string | readonly string[] }[];
  readonly workspaces: readonly { readonly name: string; readonly mountPath?: string; readonly optional?: boolean }[];
  readonly results: readonly { readonly name: string }[];
  readonly steps: readonly {
    readonly name: string;
    readonly image: string;
    readonly workingDir: string;
    readonly command: readonly string[];
    readonly args: readonly string[];
  }[];
}

/** Returns the steps of a Task in order, each as a pod of its own. Their results are in `/tekton/results`. */
export function tektonPods(text: string, { params: given }: TaskRun): readonly PodManifest[] {
  const { params, workspaces, results, steps }: Task = parse(text).spec;
  const values: Record<string, string> = {};
  const lists: Record<string, readonly string[]> = {};
  for (const { name, default: initial } of params) {
    const value = given[name] ?? initial;
    if (typeof value === "string") values[`params.${name}`] = value;
    else if (value !== undefined) lists[`$(params.${name}[*])`] = value;
  }
  for (const { name, mountPath } of workspaces) values[`workspaces.${name}.path`] = mountPath ?? `/workspace/${name}`;
  for (const { name } of results) values[`results.${name}.path`] = `/tekton/results/${name}`;
  const filled = (word: string): string => fill(word, /\$\(([\w.-]+)\)/g, values);
  return steps.map((step) => ({
    spec: {
      containers: [{
        name: `step-${step.name}`,
        image: filled(step.image),
        workingDir: filled(step.workingDir),
        command: step.command.map(filled),
        args: step.args.flatMap((word) => lists[word] ?? [filled(word)]),
        volumeMounts: [{ name: "tekton-internal-steps", mountPath: "/tekton/steps", readOnly: true }],
      }],
      volumes: [{ name: "tekton-internal-steps", emptyDir: {} }],
    },
  }));
}
