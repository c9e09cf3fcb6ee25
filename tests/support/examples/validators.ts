/**
 * Validators of other people's, for the examples: from PyPI, npm and the Go module proxy, kept in the cache.
 *
 * Each returns what it complains about; an empty text is a pass.
 *
 * @module
 */
import { join } from "node:path/posix";
import { cached } from "../environment/cache.ts";
import { type Finished, run } from "../environment/command.ts";
import { prepared } from "../environment/environment.ts";
import { runGo } from "../environment/go.ts";
import { type GoProgram, goProgram, ownGoProgram } from "../go_program.ts";

const HERE = import.meta.dirname ?? ".";

/** Kubernetes' JSON schemas of one version; unknown fields are faults. `kubernetes-validate`, PyPI. */
export async function validateKubernetes(path: string, version: string): Promise<string> {
  return complaints(await python(["-m", "kubernetes_validate", "--strict", "-k", version, path]));
}

/** The schema of GitLab's pipelines or of GitHub's workflows, as SchemaStore has them. `check-jsonschema`, PyPI. */
export async function validatePipeline(path: string, kind: "gitlab-ci" | "github-workflows"): Promise<string> {
  return complaints(await python(["-m", "check_jsonschema", "--builtin-schema", `vendor.${kind}`, path]));
}

/** The schema of Argo Workflows, out of its Go module; unknown fields are faults. `check-jsonschema`, PyPI. */
export async function validateArgo(path: string): Promise<string> {
  return complaints(await python(["-m", "check_jsonschema", "--schemafile", await argoSchema(), path]));
}

/** IBM's linter of Tekton's objects, of npm; warnings count. */
export async function lintTekton(path: string): Promise<string> {
  const command = [Deno.execPath(), "run", "-A", "--quiet", "--no-config", "--no-lock", TEKTON_LINT];
  return complaints(
    await run([...command, "--max-warnings=0", path], { env: await tektonLint(), accept: [0, 1] }),
  );
}

/** A parser of Groovy. `groovy-parser`, PyPI. */
export async function parseGroovy(path: string): Promise<string> {
  const program = "import sys; from groovy_parser.parser import parse_groovy_content; " +
    "parse_groovy_content(open(sys.argv[1]).read())";
  return complaints(await python(["-c", program, path]));
}

/** Checks a workflow of GitHub, its expressions and scripts. `actionlint`, Go. */
export async function lintWorkflow(path: string): Promise<string> {
  return complaints(await run([await goProgram(ACTIONLINT), "-no-color", path], { accept: [0, 1] }));
}

const ACTIONLINT: GoProgram = {
  module: "github.com/rhysd/actionlint/cmd/actionlint",
  version: "v1.7.12",
  time: "about 1 min",
};

/** A Pod Security level. */
export type PodSecurityLevel = "baseline" | "restricted";

/** What Kubernetes' own admission check has against a pod, by its policy of one version. Go. */
export async function podSecurity(
  pod: unknown,
  { level, version }: { readonly level: PodSecurityLevel; readonly version: string },
): Promise<string> {
  const program = await ownGoProgram(join(HERE, "pod_security"));
  return complaints(await run([program, level, version], { stdin: JSON.stringify(pod), accept: [0, 1] }));
}

function complaints({ code, stdout, stderr }: Finished): string {
  const said = `${stdout}${stderr}`.trim();
  return code === 0 ? "" : said === "" ? `exit code ${code}` : said;
}

async function python(args: readonly string[]): Promise<Finished> {
  await prepared({ tools: ["python3", "pip3"] });
  const requirements = join(HERE, "requirements.txt");
  const folder = await cached({
    name: "validators",
    inputs: [await Deno.readTextFile(requirements), (await run(["python3", "--version"])).stdout],
    what: "validators of PyPI, 170 MB",
    make: async (folder) => {
      const pip = [
        "python3",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--root-user-action=ignore",
      ];
      await run([...pip, "--target", folder, "--requirement", requirements]);
    },
  });
  return await run(["python3", ...args], { env: { PYTHONPATH: folder }, accept: [0, 1] });
}

const TEKTON_LINT = "npm:@ibm/tekton-lint@1.1.0";

async function tektonLint(): Promise<Record<string, string>> {
  const folder = await cached({
    name: "tekton-lint",
    inputs: [TEKTON_LINT],
    what: `${TEKTON_LINT}`,
    make: async (folder) => {
      await run([Deno.execPath(), "cache", "--quiet", "--no-config", "--no-lock", TEKTON_LINT], {
        env: { DENO_DIR: folder },
      });
    },
  });
  return { DENO_DIR: folder };
}

const ARGO_MODULE = "github.com/argoproj/argo-workflows/v4@v4.0.5";

async function argoSchema(): Promise<string> {
  const folder = await cached({
    name: "argo-schema",
    inputs: [ARGO_MODULE, strict.toString()],
    what: "the schema of Argo Workflows, from its Go module",
    make: async (folder) => {
      const env = { GOFLAGS: "-mod=mod" };
      const { stdout } = await runGo(["mod", "download", "-json", ARGO_MODULE], { env, cwd: folder });
      const { definitions } = JSON.parse(
        await Deno.readTextFile(join(JSON.parse(stdout).Dir, "api/jsonschema/schema.json")),
      );
      const schema = { $ref: "#/definitions/io.argoproj.workflow.v1alpha1.Workflow", definitions: strict(definitions) };
      await Deno.writeTextFile(join(folder, "schema.json"), JSON.stringify(schema));
    },
  });
  return join(folder, "schema.json");
}

/** Objects whose fields are named have no others. */
function strict(definitions: Readonly<Record<string, Record<string, unknown>>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [
      name,
      "properties" in definition ? { additionalProperties: false, ...definition } : definition,
    ]),
  );
}
