/**
 * GitHub Actions: the container that a runner makes for a step that `uses: docker://IMAGE`, as a pod.
 *
 * @module
 */
import { parse } from "yaml";
import type { PodManifest } from "../pods/manifest.ts";
import { fill } from "./example.ts";

/** Returns the pod of the one step that runs an image; `values` are those of expressions: `github.sha`. */
export function githubPod(
  text: string,
  { job, values }: { readonly job: string; readonly values: Readonly<Record<string, string>> },
): PodManifest {
  const filled = fill(text, /\$\{\{ *([\w.]+) *\}\}/g, values);
  const steps: readonly { uses?: string; env?: Record<string, string>; with?: { args: string } }[] =
    parse(filled).jobs[job].steps;
  const step = steps.find(({ uses }) => uses?.startsWith("docker://"));
  const args = step?.with?.args ?? "";
  if (/["'\\]/.test(args)) throw new Error("Cannot run the example: its arguments are quoted");
  const env = { ...step?.env, HOME: "/github/home", GITHUB_WORKSPACE: "/github/workspace", GITHUB_ACTIONS: "true" };
  return {
    spec: {
      containers: [{
        name: "build",
        image: (step?.uses ?? "").replace("docker://", ""),
        args: args.split(/\s+/),
        workingDir: "/github/workspace",
        env: Object.entries(env).map(([name, value]) => ({ name, value })),
        volumeMounts: [{ name: "home", mountPath: "/github/home" }],
      }],
      volumes: [{ name: "home", emptyDir: {} }],
    },
  };
}
