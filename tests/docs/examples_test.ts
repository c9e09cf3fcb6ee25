/**
 * The examples of the documentation against the schemas and linters of those who read them. That their command lines
 * build is tested in pods: `tests/full/examples_test.ts`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parse } from "yaml";
import { exampleFiles, examplePath, readExample } from "../support/examples/example.ts";
import { jenkinsAgent } from "../support/examples/jenkins.ts";
import {
  lintTekton,
  parseGroovy,
  validateArgo,
  validateKubernetes,
  validatePipeline,
} from "../support/examples/validators.ts";

/** What checks an example, and a fault that it must find. */
interface Check {
  readonly name: string;
  readonly validate: (path: string) => Promise<string>;
  readonly fault: readonly [from: string, to: string];
  readonly complaint: RegExp;
}

const KUBERNETES: Omit<Check, "name"> = {
  validate: (path) => validateKubernetes(path, "1.37"),
  fault: ["restartPolicy", "restartpolicy"],
  complaint: /restartpolicy/,
};

const CHECKS: Readonly<Record<string, readonly Check[]>> = {
  "argo/workflow.yaml": [
    { name: "Argo's schema", validate: validateArgo, fault: ["valueFrom:", "valuefrom:"], complaint: /valuefrom/ },
  ],
  "github/image.yml": [{
    name: "the schema of workflows",
    validate: (path) => validatePipeline(path, "github-workflows"),
    fault: ["runs-on", "runs-at"],
    complaint: /runs-(on|at)/,
  }],
  "gitlab/.gitlab-ci.yml": [{
    name: "the schema of pipelines",
    validate: (path) => validatePipeline(path, "gitlab-ci"),
    fault: ['entrypoint: [""]', 'entrypoints: [""]'],
    complaint: /entrypoints/,
  }],
  "jenkins/Jenkinsfile": [
    { name: "a parser of Groovy", validate: parseGroovy, fault: ["stages {", "stages {{"], complaint: /Unexpected/ },
    {
      name: "Kubernetes' schema",
      validate: (path) =>
        withFile(JSON.stringify(named(jenkinsAgent(Deno.readTextFileSync(path)))), (pod) => KUBERNETES.validate(pod)),
      fault: ["volumeMounts", "volumemounts"],
      complaint: /volumemounts/,
    },
  ],
  "kubernetes/job.yaml": [{ name: "Kubernetes' schema", ...KUBERNETES }],
  "kubernetes/pod.yaml": [{ name: "Kubernetes' schema", ...KUBERNETES }],
  "kubernetes/restricted.yaml": [{ name: "Kubernetes' schema", ...KUBERNETES }],
  "kubernetes/user-namespace.yaml": [{ name: "Kubernetes' schema", ...KUBERNETES }],
  "tekton/task.yaml": [
    {
      name: "tekton-lint",
      validate: lintTekton,
      fault: ["$(params.IMAGE)", "$(params.IMAGES)"],
      complaint: /no-undefined-param/,
    },
    {
      name: "Kubernetes' schema of containers",
      validate: (path) =>
        withFile(JSON.stringify(stepsAsPod(Deno.readTextFileSync(path))), (pod) => KUBERNETES.validate(pod)),
      fault: ["workingDir", "workingdir"],
      complaint: /workingdir/,
    },
  ],
};

/** Jenkins gives the pods of agents a name. */
function named(pod: object): object {
  return { ...pod, metadata: { name: "agent" } };
}

/** A step is a container, in as far as the example goes. */
function stepsAsPod(text: string): object {
  return named({ apiVersion: "v1", kind: "Pod", spec: { containers: parse(text).spec.steps } });
}

Deno.test("every example is checked by something", () => {
  assert.deepEqual(exampleFiles(), Object.keys(CHECKS));
});

for (const [example, checks] of Object.entries(CHECKS)) {
  for (const { name, validate, fault: [from, to], complaint } of checks) {
    Deno.test(`the example ${example} is right by ${name}, which would find a fault`, async () => {
      assert.equal(await validate(examplePath(example)), "");
      const text = readExample(example);
      assert.ok(text.includes(from));
      assert.match(await withFile(text.replace(from, to), validate), complaint);
    });
  }
}

async function withFile<T>(text: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "kiln-example-", suffix: ".yaml" });
  try {
    await Deno.writeTextFile(path, text);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}
