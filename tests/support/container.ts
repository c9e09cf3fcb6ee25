/**
 * The executor in a container without mounts, as the prefix of its command line: `through` of `executor_site.ts`.
 *
 *     await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY a /\n" });
 *     await site.run(["--no-push"], { through: await inContainer({ site }) });
 *
 * It has the root of the executor image, the mounts that a pod has, and Docker's default capabilities; the site is where
 * it is outside. The processes are those of the machine, so that tests find, count and kill them as always. Real pods,
 * with a runtime and its seccomp filter, are in `pods/`.
 *
 * @module
 */
import { executorRoot } from "./executor_root.ts";
import { EXECUTOR } from "./executor_site.ts";
import { ensureTools } from "./environment/tools.ts";

/** A folder or file of the machine that the container sees. */
export interface ContainerBind {
  readonly from: string;
  readonly to: string;
  readonly readOnly?: boolean;
}

/** How the container differs from a plain one. */
export interface ContainerOptions {
  /** What is there at the same path. */
  readonly site?: { readonly path: string };
  readonly binds?: readonly ContainerBind[];
  /** Files of the container's own, by absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** A folder that keeps what is written to the root, for containers that are started again. */
  readonly state?: string;
  /** Its root; that of the executor image unless told. */
  readonly image?: string;
  readonly readOnlyRoot?: boolean;
  /** A bit for each; Docker's default unless told. */
  readonly capabilities?: number;
  /** The program in place of the executor; what the site adds comes behind it. */
  readonly program?: readonly string[];
}

/** Returns what goes in front of the executor's command line. */
export async function inContainer(
  { site, binds = [], program = ["/kaniko/executor"], image, ...rest }: ContainerOptions = {},
): Promise<readonly string[]> {
  await ensureTools(["python3"]);
  const how = {
    ...rest,
    program,
    // What is behind it is in no container.
    inPlaceOf: EXECUTOR,
    image: image ?? await executorRoot(),
    binds: [...site === undefined ? [] : [{ from: site.path, to: site.path }], ...binds],
  };
  return ["/usr/bin/python3", "-I", `${import.meta.dirname}/container.py`, JSON.stringify(how)];
}
