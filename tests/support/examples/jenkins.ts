/**
 * Jenkins: the pod of an agent, with the script of its `sh` step as Jenkins runs it: in a shell of its own, while
 * another one beside it tells again and again that it is alive.
 *
 * @module
 */
import { parse } from "yaml";
import type { PodManifest } from "../pods/manifest.ts";

/** The manifest of the agent's pod. */
export function jenkinsAgent(text: string): PodManifest {
  return parse(quoted(text, /\byaml '''(.*?)'''/s));
}

/** Returns the agent's pod that runs the step and ends; `variables` are those that Jenkins sets. */
export function jenkinsPod(text: string, variables: Readonly<Record<string, string>>): PodManifest {
  const { spec } = jenkinsAgent(text);
  const script = quoted(text, /\bsh '''(.*?)'''/s);
  const shell = quoted(text, /shell: '([^']*)'/);
  const watched = `"$0" -xe -c "$1" & while kill -0 $! 2> /dev/null; do sleep 0.1 || exit 99; done; wait $!`;
  return {
    spec: {
      ...spec,
      containers: spec.containers.map((container) => ({
        ...container,
        command: [shell, "-c", watched],
        args: [shell, script],
        workingDir: variables["WORKSPACE"] ?? "",
        env: Object.entries(variables).map(([name, value]) => ({ name, value })),
      })),
    },
  };
}

/** The text of a literal; a backslash at the end of a line continues it in Groovy. */
function quoted(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) throw new Error(`Cannot run the example: nothing in it is ${pattern}`);
  return found.replaceAll("\\\n", "");
}
