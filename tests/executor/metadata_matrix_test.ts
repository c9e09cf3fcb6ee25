/**
 * Lossless metadata wherever Kiln runs: every kind of entry, with all a file system can say about it at its extreme,
 * through every way into an image. What a host forbids to write is kept on the side (`lib/tree/side_record.ts`).
 *
 * Root's overlay, which writes everything to disk, is compared with what the trees say, by GNU tar and Python; every
 * other host must give the same layers, to the byte.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { gunzipSync } from "node:zlib";
import { type ContainerOptions, inContainer } from "../support/container.ts";
import { assertListing, startDisk } from "../support/disk.ts";
import { prepared } from "../support/environment/environment.ts";
import { flatten } from "../support/environment/flatten.ts";
import type { Listing } from "../support/environment/listing.ts";
import { EVERY_KIND } from "../support/every_kind.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { addForgedImage } from "../support/forged_image.ts";
import { gnuExtract } from "../support/gnu_tar.ts";
import { asOrdinaryUser, ORDINARY_UID } from "../support/ordinary_user.ts";
import { addBase } from "../support/registry_base.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry_fault.ts";
import { listingOf, type Tree, withParents } from "../support/tree.ts";
import { layerOf } from "../support/tree_tar.ts";
import { AS_IN_A_CONTAINER, WITHOUT_USER_NAMESPACES } from "../support/without_user_namespaces.ts";

/** Where a build runs. */
interface Host {
  readonly name: string;
  readonly through: (site: Site) => readonly string[] | Promise<readonly string[]>;
  /** Whose the context is; root's unless told. */
  readonly uid?: number;
  readonly flags?: readonly string[];
  /** What the log says of it. */
  readonly isolation: RegExp;
  /** Whether commands can be run. */
  readonly runs: boolean;
}

const ROOT: Host = {
  name: "root, overlay",
  through: () => [],
  flags: ["--isolation=overlay"],
  isolation: /overlay mounts, own namespaces/,
  runs: true,
};

const userOf =
  (ids: "ranges" | "single", prepare: (site: Site) => string = () => "") => (site: Site): readonly string[] =>
    asOrdinaryUser({ ids, owns: [site.path, join(site.path, "home")], prepare: prepare(site) });

/** A file system that takes no extended attributes and tells no times of birth. */
const mountPlain = ({ work }: Site): string => `mkdir '${work}'; mount -t ramfs -o mode=777 ramfs '${work}'`;

const asInPod = (options: ContainerOptions = {}) => async (site: Site): Promise<readonly string[]> => [
  ...WITHOUT_USER_NAMESPACES,
  ...await inContainer({ site, ...options }),
];

/** What is chosen there, and why nothing better. */
const IN_PLACE = new RegExp(
  ["in this container's own root", "overlay is not possible: .*", "userns is not possible: a user namespace is refused"]
    .join("[^]*"),
);

const HOSTS: readonly Host[] = [
  {
    name: "root, plain directories",
    through: () => [],
    flags: ["--isolation=chroot"],
    isolation: /plain directories/,
    runs: true,
  },
  {
    name: "root in a container that allows no mounts",
    through: () => AS_IN_A_CONTAINER,
    isolation: /no namespaces/,
    runs: true,
  },
  {
    name: "root in a container that allows no mounts, in place",
    through: asInPod(),
    isolation: IN_PLACE,
    runs: true,
  },
  {
    name: "root in a container without any capability, in place",
    through: asInPod({ capabilities: 0 }),
    isolation: IN_PLACE,
    runs: true,
  },
  {
    name: "root without any capability",
    through: () => [...WITHOUT_USER_NAMESPACES, "setpriv", "--bounding-set=-all", "--inh-caps=-all"],
    isolation: /plain directories/,
    runs: false,
  },
  {
    name: "an ordinary user with ranges of ids",
    through: userOf("ranges"),
    uid: ORDINARY_UID,
    isolation: /overlay mounts in a user namespace/,
    runs: true,
  },
  {
    name: "an ordinary user with one id",
    through: userOf("single"),
    uid: ORDINARY_UID,
    isolation: /overlay mounts in a user namespace/,
    runs: true,
  },
  {
    name: "an ordinary user with one id, plain directories",
    through: userOf("single"),
    uid: ORDINARY_UID,
    flags: ["--isolation=chroot"],
    isolation: /plain directories, own namespaces/,
    runs: true,
  },
  {
    name: "an ordinary user with one id, on a file system without attributes",
    through: userOf("single", mountPlain),
    uid: ORDINARY_UID,
    isolation: /plain directories, own namespaces/,
    runs: true,
  },
  {
    name: "an ordinary user without user namespaces",
    through: (site) => [...WITHOUT_USER_NAMESPACES, ...userOf("ranges")(site)],
    uid: ORDINARY_UID,
    isolation: /plain directories/,
    runs: false,
  },
];

const KINDS: Tree = Object.assign({}, ...EVERY_KIND.map(([, tree]) => tree));

/** What a user may have in a context: all of it is root's in the image. */
function contextOf(uid: number): Tree {
  const readable = [...withParents(KINDS)].filter(([path]) => !/^(modes\/(none|closed)|ids|xattrs)\b/.test(path));
  return Object.fromEntries(readable.map(([path, node]) => [
    path,
    node.type === "link" ? node : { ...node, meta: { ...node.meta, uid, gid: uid } },
  ]));
}

/** One image of everything that is copied; `/moved` only where there are commands. */
const COPIES = `FROM {KINDS} AS kinds
FROM scratch AS copies
COPY --from=kinds / /copied/
COPY --from=kinds --chown=2097152:4294967294 / /chowned/
COPY --from=kinds --chmod=6711 /modes /ids /chmodded/
COPY tree /context/
ADD tree.tar /added/
ADD --chown=70000:5 tree.tar /added-chowned/
FROM copies AS again
COPY --from=copies /copied /again/copied/
COPY --from=copies /added/dev /again/dev/
`;

/** Commands move files to other names, link them, change what they can, and write over one. */
const COMMANDS = `FROM {BASE} AS commands
COPY --from=kinds / /moved/
RUN cd /moved && find . ! -type d ! -type l ! -type p -exec sh -c 'mv "$1" "$1.m" 2>/dev/null; true' _ {} \\;
RUN ln /moved/ids/link /moved/ids/link2 && chmod 700 /moved/ids/directory && echo more >> /moved/ids/big.m
RUN rm -r /moved/dirs && mkdir /moved/dirs && touch -d @5 /moved/dev /moved/modes && rm /moved/hard/a.m
FROM scratch
COPY --from=again / /
COPY --from=commands /moved /moved
`;

async function build(host: Host, registry: FaultRegistry, what: "copies" | "all"): Promise<{
  readonly site: Site;
  readonly outcome: Outcome;
}> {
  const site = await startSite({ "tree.tar": layerOf(withParents(KINDS)) });
  await using disk = await startDisk();
  await disk.write(contextOf(host.uid ?? 0), join(site.context, "tree"));
  const text = what === "all" ? COPIES + COMMANDS : COPIES;
  const filled = text.replaceAll("{KINDS}", `${registry.host}/forged/kinds`)
    .replaceAll("{BASE}", `${registry.host}/base/busybox`);
  await site.write({ Dockerfile: filled });
  const outcome = await site.run([
    ...["--no-push", "--insecure-pull", "--build-arg=SOURCE_DATE_EPOCH=1700000000"],
    ...[`--oci-layout-path=${join(site.path, "image")}`, ...host.flags ?? []],
  ], { through: await host.through(site), env: { SOURCE_DATE_EPOCH: "1700000000" } });
  assert.equal(outcome.code, 0, outcome.stderr);
  assert.match(outcome.stderr, host.isolation);
  await site.assertNothingLeft();
  return { site, outcome };
}

async function withRegistry<T>(body: (registry: FaultRegistry) => Promise<T>): Promise<T> {
  await prepared({ tools: ["python3", "newuidmap"], bases: ["busybox"] });
  await using registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  addForgedImage(registry, "forged/kinds", { layers: [layerOf(withParents(KINDS))] });
  return await body(registry);
}

Deno.test("metadata of every kind, is in the image as the trees say (root, overlay)", async () => {
  await withRegistry(async (registry) => {
    const { site } = await build(ROOT, registry, "copies");
    await using _site = site;
    const { files } = await flatten(join(site.path, "image"));
    const far = (listing: Listing): Listing => new Map([...listing].map(([path, file]) => [path, clamped(file)]));
    assertListing(below(files, "/copied"), far(listingOf(KINDS)));
    assertListing(below(files, "/again/copied"), far(listingOf(KINDS)));
    assertListing(below(files, "/added"), far(listingOf(KINDS)));
    const chowned = [...far(listingOf(KINDS))].map(([path, file]) =>
      [path, { ...file, uid: 2097152, gid: 4294967294 }] as const
    );
    assertListing(below(files, "/chowned"), new Map(chowned));
    const context = [...far(listingOf(contextOf(0)))].map(([path, file]) =>
      [path, { ...file, uid: 0, gid: 0 }] as const
    );
    assertListing(below(files, "/context"), new Map(context));
    await assertGnuTarAgrees(site);
  });
});

for (const host of HOSTS) {
  Deno.test(`metadata of every kind, is in the same bytes (${host.name})`, async () => {
    await withRegistry(async (registry) => {
      const what = host.runs ? "all" : "copies";
      const [expected, found] = await Promise.all([build(ROOT, registry, what), build(host, registry, what)]);
      await using expectedSite = expected.site;
      await using foundSite = found.site;
      const [one, other] = await Promise.all([
        flatten(join(expectedSite.path, "image")),
        flatten(join(foundSite.path, "image")),
      ]);
      assertListing(other.files, one.files);
      assert.deepEqual(other.config.rootfs, one.config.rootfs);
    });
  });
}

/** SOURCE_DATE_EPOCH. */
function clamped<F extends { readonly mtime: string }>(file: F): F {
  return Number(file.mtime.split(".")[0]) >= 1_700_000_000 ? { ...file, mtime: "1700000000.000000000" } : file;
}

/** What is in a directory, as if it were the root. */
function below(listing: Listing, directory: string): Listing {
  const inner = [...listing].filter(([path]) => path.startsWith(`${directory}/`));
  return new Map(inner.map(([path, { sameAs, ...file }]) => [
    path.slice(directory.length),
    sameAs === undefined ? file : { ...file, sameAs: sameAs.slice(directory.length) },
  ]));
}

/** GNU tar extracts each layer, and Python lists what comes out; long paths it truncates. */
async function assertGnuTarAgrees(site: Site): Promise<void> {
  await using disk = await startDisk();
  const layout = join(site.path, "image");
  const blob = (digest: string): string => join(layout, "blobs", digest.replace(":", "/"));
  const index = JSON.parse(await Deno.readTextFile(join(layout, "index.json")));
  const manifest = JSON.parse(await Deno.readTextFile(blob(index.manifests[0].digest)));
  const first = gunzipSync(await Deno.readFile(blob(manifest.layers[0].digest)));
  await using extracted = await gnuExtract(new Uint8Array(first));
  const found = below(await disk.read(extracted.folder), "/copied");
  const expected = new Map([...listingOf(KINDS)].map(([path, file]) => [path, clamped(file)]));
  assertListing(found, expected, { except: (path) => path.length > 3000 });
}
