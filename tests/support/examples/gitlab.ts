/**
 * GitLab CI: the pod that GitLab's runner for Kubernetes makes for a job, with the script in its shell.
 *
 * @module
 */
import { parse } from "yaml";
import type { PodManifest } from "../pods/manifest.ts";

/** Returns the pod of a job; `variables` are those that GitLab sets. */
export function gitlabPod(
  text: string,
  { job, variables }: { readonly job: string; readonly variables: Readonly<Record<string, string>> },
): PodManifest {
  const { image, script, variables: own = {} } = parse(text)[job];
  const env = Object.entries<string>({ ...variables, ...own }).map(([name, value]) => ({ name, value }));
  return {
    spec: {
      containers: [{
        name: "build",
        image: image.name,
        // The runner looks for a shell itself; /bin/sh is the first there is.
        command: ["/bin/sh", "-c"],
        args: [["set -eo pipefail", ...script].join("\n").replaceAll("$(", "$$(")],
        workingDir: variables["CI_PROJECT_DIR"] ?? "",
        env,
      }],
    },
  };
}
