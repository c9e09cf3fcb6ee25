/**
 * A pod's manifest in the terms of the container runtime interface, as a kubelet translates it.
 *
 * @module
 */
import { join } from "node:path/posix";
import {
  checkManifest,
  type ClusterObjects,
  type ContainerSpec,
  type PodManifest,
  type PodSecurity,
  type Volume,
} from "./manifest.ts";
import { makeVolume, missing } from "./volumes.ts";

/** Where a pod runs. */
export interface PodPlace {
  /** An empty folder for its volumes and logs. */
  readonly folder: string;
  /** The control group of all pods. */
  readonly cgroup: string;
  readonly objects: ClusterObjects;
  /** Whether its runtime can give pods user namespaces. */
  readonly userNamespaces: boolean;
}

/** The token that every pod gets unless it says not to. */
const ACCOUNT: Volume = { name: "kube-api-access", secret: { secretName: "kube-api-access" } };
const ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const ACCOUNT_KEYS = { "token": "a.service.account", "namespace": "default", "ca.crt": "no certificate\n" };

const SERVICE_VARIABLES = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

/** What a kubelet masks and protects in `/proc` and `/sys` (procMount: Default). */
const MASKED =
  "/proc/asound /proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list /proc/timer_stats " +
  "/proc/sched_debug /proc/scsi /sys/firmware";
const READ_ONLY = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";

/** Where what a container writes to /dev/termination-log is, in the pod's folder. */
export function terminationLog(folder: string, container: string): string {
  return join(folder, `termination-${container}`);
}

/** The names of a pod's containers in the order they run. */
export function containerNames(pod: PodManifest): readonly string[] {
  return containersOf(pod).map(({ name }) => name);
}

/** Makes the pod's volumes and returns what `pod_runner` reads. */
export async function podRequest(pod: PodManifest, place: PodPlace): Promise<unknown> {
  checkManifest(pod);
  const name = pod.metadata?.name ?? "pod";
  if (pod.spec.hostUsers === false && !place.userNamespaces) {
    throw new Error(`Cannot run the pod "${name}": containerd 1.6 has no user namespaces for pods`);
  }
  const logs = join(place.folder, "logs");
  await Deno.mkdir(logs);
  const volumes = await makeVolumes(pod, place);
  const containers = [];
  for (const container of containersOf(pod)) containers.push(await containerRequest(container, pod, place, volumes));
  return {
    images: [...new Set(containersOf(pod).map(({ image }) => image))],
    sandbox: {
      metadata: { name, uid: crypto.randomUUID(), namespace: "default" },
      logDirectory: logs,
      labels: pod.metadata?.labels ?? {},
      linux: {
        cgroupParent: place.cgroup,
        securityContext: { namespaceOptions: namespaces(pod), seccomp: { profileType: "RuntimeDefault" } },
      },
    },
    containers,
  };
}

/** What stands for a pod's ids outside: those that a kubelet gives to the first pod with a user namespace. */
const IDS = [{ hostId: 1_048_576, containerId: 0, length: 65_536 }];

function namespaces({ spec }: PodManifest): unknown {
  const own = spec.hostUsers === false ? { usernsOptions: { mode: "POD", uids: IDS, gids: IDS } } : {};
  return { network: "NODE", pid: "CONTAINER", ipc: "POD", ...own };
}

function containersOf({ spec }: PodManifest): readonly ContainerSpec[] {
  return [...spec.initContainers ?? [], ...spec.containers];
}

async function makeVolumes({ spec }: PodManifest, { folder, objects }: PodPlace): Promise<Map<string, string>> {
  const made = new Map<string, string>();
  const withAccount = { ...objects, secrets: { [ACCOUNT.name]: ACCOUNT_KEYS, ...objects.secrets } };
  const fsGroup = spec.securityContext?.fsGroup;
  const account = spec.automountServiceAccountToken === false ? [] : [ACCOUNT];
  for (const volume of [...spec.volumes ?? [], ...account]) {
    const path = join(folder, "volumes", volume.name);
    made.set(volume.name, await makeVolume(volume, path, { objects: withAccount, fsGroup }));
  }
  return made;
}

interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readonly: boolean;
}

async function containerRequest(
  container: ContainerSpec,
  pod: PodManifest,
  { folder, objects }: PodPlace,
  volumes: ReadonlyMap<string, string>,
): Promise<unknown> {
  const { spec } = pod;
  const environment = variables(container, objects);
  const mounts: Mount[] = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly, subPath }) => ({
    hostPath: join(volumes.get(name) ?? missing("volume", name), subPath ?? ""),
    containerPath: mountPath,
    readonly: readOnly ?? false,
  }));
  const account = volumes.get(ACCOUNT.name);
  if (account !== undefined) mounts.push({ hostPath: account, containerPath: ACCOUNT_PATH, readonly: true });
  const [hosts, termination] = [join(folder, "etc-hosts"), terminationLog(folder, container.name)];
  await Deno.copyFile("/etc/hosts", hosts);
  await Deno.writeTextFile(termination, "");
  await Deno.chmod(termination, 0o666);
  mounts.push({ hostPath: hosts, containerPath: "/etc/hosts", readonly: false });
  mounts.push({ hostPath: termination, containerPath: "/dev/termination-log", readonly: false });
  const expanded = (words: readonly string[]): readonly string[] => words.map((word) => expand(word, environment));
  return {
    metadata: { name: container.name },
    image: { image: container.image },
    logPath: `${container.name}.log`,
    ...container.command === undefined ? {} : { command: expanded(container.command) },
    ...container.args === undefined ? {} : { args: expanded(container.args) },
    ...container.workingDir === undefined ? {} : { workingDir: container.workingDir },
    // Values are bytes in the interface.
    envs: [...environment].map(([key, value]) => ({ key, value: base64(value) })),
    // Mounted so that what is root's outside is root's inside.
    mounts: spec.hostUsers === false
      ? mounts.map((mount) => ({ ...mount, uidMappings: IDS, gidMappings: IDS }))
      : mounts,
    linux: { resources: resources(container), securityContext: security(container, pod) },
  };
}

function variables({ env = [] }: ContainerSpec, { secrets, configMaps }: ClusterObjects): ReadonlyMap<string, string> {
  const found = new Map<string, string>(Object.entries(SERVICE_VARIABLES));
  for (const { name, value, valueFrom } of env) {
    const secret = valueFrom?.secretKeyRef;
    const configMap = valueFrom?.configMapKeyRef;
    if (secret !== undefined) {
      found.set(name, secrets?.[secret.name]?.[secret.key] ?? missing("secret", `${secret.name}/${secret.key}`));
    } else if (configMap !== undefined) {
      const { name: map, key } = configMap;
      found.set(name, configMaps?.[map]?.[key] ?? missing("config map", `${map}/${key}`));
    } else {
      found.set(name, expand(value ?? "", found));
    }
  }
  return found;
}

/** `$(NAME)` in arguments and values; names that are not set stay as they are, `$$` is a dollar. */
function expand(text: string, environment: ReadonlyMap<string, string>): string {
  return text.replaceAll(
    /\$\$|\$\(([A-Za-z_][\w.-]*)\)/g,
    (all, name) => name === undefined ? "$" : environment.get(name) ?? all,
  );
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function resources({ resources = {} }: ContainerSpec): unknown {
  const { memory, cpu } = resources.limits ?? {};
  const period = 100_000;
  return {
    cpuShares: 2,
    oomScoreAdj: 1000,
    ...memory === undefined ? {} : { memoryLimitInBytes: quantity(memory), memorySwapLimitInBytes: quantity(memory) },
    ...cpu === undefined ? {} : { cpuPeriod: period, cpuQuota: quantity(cpu) * period },
  };
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** Reads a quantity: `512Mi`, `2`, `500m`. */
function quantity(text: string): number {
  const [, number = "", unit = ""] = /^([0-9.]+)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = UNITS[unit];
  if (number === "" || factor === undefined) throw new Error(`Cannot run the pod: "${text}" is not a quantity`);
  return Number(number) * factor;
}

function security({ name, securityContext = {} }: ContainerSpec, manifest: PodManifest): unknown {
  const pod: PodSecurity = manifest.spec.securityContext ?? {};
  const both = { ...pod, ...securityContext };
  const { capabilities = {}, runAsUser, runAsGroup } = both;
  // A kubelet looks into the image for its user; ours is root.
  if (both.runAsNonRoot === true && (runAsUser === undefined || runAsUser === 0)) {
    throw new Error(`Cannot run the pod: container has runAsNonRoot and image will run as root (${name})`);
  }
  const groups = pod.fsGroup === undefined ? [] : [pod.fsGroup];
  return {
    privileged: both.privileged ?? false,
    capabilities: { addCapabilities: capabilities.add ?? [], dropCapabilities: capabilities.drop ?? [] },
    namespaceOptions: namespaces(manifest),
    seccomp: { profileType: both.seccompProfile?.type === "Unconfined" ? "Unconfined" : "RuntimeDefault" },
    noNewPrivs: both.allowPrivilegeEscalation === false,
    readonlyRootfs: both.readOnlyRootFilesystem ?? false,
    ...runAsUser === undefined ? {} : { runAsUser: { value: runAsUser } },
    ...runAsGroup === undefined ? {} : { runAsGroup: { value: runAsGroup } },
    supplementalGroups: groups,
    maskedPaths: MASKED.split(" "),
    readonlyPaths: READ_ONLY.split(" "),
  };
}
