/**
 * A container that is started again and again and keeps what is written to its root: how builds in place leave it is seen
 * from the outside.
 *
 * @module
 */
import { inContainer } from "./container.ts";
import { findProgram, run } from "./environment/command.ts";
import { ensureTools } from "./environment/tools.ts";
import type { Site } from "./executor_site.ts";

/** The container. */
export interface KeptContainer {
  /** Goes in front of the executor's command line. */
  readonly through: readonly string[];
  /** The same, with a program in the container that starts it. */
  startedBy(program: readonly string[]): Promise<readonly string[]>;
  /** All files of its own but Kiln's, a line for what can be known about each; what is mounted is not its own. */
  list(): Promise<readonly string[]>;
}

/** What is not its own, or Kiln's. */
const OTHERS = [
  "./busybox",
  "./kaniko",
  "./proc",
  "./sys",
  "./dev",
  "*/serviceaccount",
  "./etc/host*",
  "./etc/resolv*",
];

/** Shell commands that do something with all that is. */
function onOwn(site: Site, ...actions: readonly string[]): string {
  const others = [...OTHERS, `.${site.path}`].map((path) => `-path '${path}'`).join(" -o ");
  return actions.map((action) => `/busybox find . -xdev \\( ${others} \\) -prune -o ${action} {} +\n`).join("");
}

/** Starts one, with files of its own by their absolute paths. */
export async function startKeptContainer(
  site: Site,
  own: Readonly<Record<string, string>> = {},
): Promise<KeptContainer> {
  await ensureTools(["busybox"]);
  const options = {
    site,
    state: `${site.path}/state`,
    binds: [{ from: findProgram("busybox") ?? "", to: "/busybox" }],
  };
  const list = onOwn(site, "-exec /busybox stat -c '%n %F %a %u:%g %Y'", "-type f -exec /busybox sha256sum");
  // So that no change of a time goes unseen.
  const age = onOwn(site, "-exec /busybox touch -hd @1000000000");
  const listing = await inContainer({ ...options, program: ["/busybox", "sh", "-c", list] });
  const files = {
    "/etc/ssl/certs/ca-certificates.crt": "the container's own",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
    "/lib/libown.so": "the container's own",
    ...own,
  };
  await run(await inContainer({ ...options, files, program: ["/busybox", "sh", "-c", age] }));
  return {
    through: await inContainer(options),
    startedBy: (program) => inContainer({ ...options, program: [...program, "/kaniko/executor"] }),
    list: async () => (await run(listing)).stdout.split("\n").sort(),
  };
}
