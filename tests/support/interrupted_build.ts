/**
 * Builds that are held at a moment at which a test ends them: in a RUN, a pull, a push, a COPY.
 *
 * @module
 */
import type { Isolation } from "../../lib/rootfs/isolation.ts";
import { placeOf } from "./isolations.ts";
import { addBase } from "./registry_base.ts";
import { type FaultRegistry, startFaultRegistry } from "./registry_fault.ts";
import { type Running, type Site, type StartOptions, startSite } from "./executor_site.ts";

/** The moments. */
export const MOMENTS = ["RUN", "pull", "push", "COPY"] as const;

/** The name of a moment. */
export type Moment = typeof MOMENTS[number];

/** A build and where it can be held. */
export interface HeldBuild extends AsyncDisposable {
  readonly site: Site;
  readonly registry: FaultRegistry;
  /** Starts the build and resolves when it is at the moment, where it stays for as long as `hold` says. */
  startHeld(options?: StartOptions): Promise<Running>;
  /** Lets the following builds pass. */
  letPass(): void;
  /** Empties the registry but for the base. */
  reset(): Promise<void>;
  readonly args: readonly string[];
  /** Goes in front of the command line. */
  readonly through: readonly string[];
}

/** Files of the tree that is copied: enough to take a while, not enough to be slow to make. */
const FILES = 3000;

/** Makes a build that stays at a moment. */
export async function holdBuild(moment: Moment, isolation: Isolation): Promise<HeldBuild> {
  const registry = await startFaultRegistry();
  const site = await startSite();
  await addBase(registry, "busybox");
  const base = `${registry.host}/base/busybox:latest`;
  await site.write({
    // A file of the context decides whether the command stays; being mounted, it is not in the image.
    Dockerfile: `FROM ${base}\nENV MARK={MARK}\nCOPY tree /tree\n` +
      "RUN --mount=type=bind,source=gate,target=/gate cat /gate; [ ! -s /gate ] || sleep 300\nRUN echo end > /end\n",
    gate: moment === "RUN" ? "held\n" : "",
  });
  await site.write(Object.fromEntries(
    Array.from({ length: moment === "COPY" ? FILES : 10 }, (_, at) => [`tree/${at % 50}/${at}`, `file ${at}\n`]),
  ));
  const reached = Promise.withResolvers<void>();
  let isHeld = true;
  const [method, path] = moment === "pull"
    ? ["GET", /base\/busybox\/blobs/] as const
    : ["PUT", /out\/.*uploads/] as const;
  if (moment === "pull" || moment === "push") {
    registry.always(method, path, async (_request, _response, proceed) => {
      reached.resolve();
      // An answer that never comes: the connection stays until one side gives up.
      if (isHeld) return;
      await proceed();
    });
  }
  const through = await placeOf(isolation, site);
  const args = [
    `--destination=${registry.host}/out/image:1`,
    "--insecure",
    "--insecure-pull",
    `--isolation=${isolation}`,
  ];
  return {
    site,
    registry,
    args,
    through,
    async startHeld(options): Promise<Running> {
      const running = site.start(args, { through, ...options });
      if (moment === "RUN") await running.said("held");
      else if (moment === "COPY") await running.said("COPY tree /tree");
      else await Promise.race([reached.promise, endedEarly(running)]);
      return running;
    },
    letPass(): void {
      isHeld = false;
      Deno.writeTextFileSync(`${site.context}/gate`, "");
    },
    async reset(): Promise<void> {
      registry.manifests.clear();
      registry.blobs.clear();
      await addBase(registry, "busybox");
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await site[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
    },
  };
}

async function endedEarly(running: Running): Promise<never> {
  const { stderr } = await running.outcome;
  throw new Error(`The executor ended before the moment came:\n${stderr}`);
}
