/**
 * The part of Kubernetes' manifests that the examples and tests use. Whatever else a pod holds is refused
 * (`checkManifest`), so that no test passes because something was overlooked.
 *
 * @module
 */

/** A pod. */
export interface PodManifest {
  readonly metadata?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

/** What runs in it. */
export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: PodSecurity;
  readonly automountServiceAccountToken?: boolean;
  readonly restartPolicy?: string;
  readonly serviceAccountName?: string;
  readonly hostUsers?: boolean;
}

/** A container. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly workingDir?: string;
  readonly env?: readonly EnvironmentVariable[];
  readonly volumeMounts?: readonly VolumeMount[];
  readonly resources?: {
    readonly limits?: { readonly memory?: string; readonly cpu?: string; readonly "ephemeral-storage"?: string };
    readonly requests?: { readonly memory?: string; readonly cpu?: string; readonly "ephemeral-storage"?: string };
  };
  readonly securityContext?: ContainerSecurity;
}

/** A variable. */
export interface EnvironmentVariable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly configMapKeyRef?: { readonly name: string; readonly key: string };
  };
}

/** Where a volume is seen. */
export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly?: boolean;
  readonly subPath?: string;
}

/** Files chosen from a secret or a config map. */
export interface KeyFiles {
  readonly items?: readonly { readonly key: string; readonly path: string }[];
  readonly defaultMode?: number;
}

/** A volume, of one kind. */
export interface Volume {
  readonly name: string;
  readonly emptyDir?: { readonly medium?: string; readonly sizeLimit?: string };
  readonly hostPath?: { readonly path: string };
  readonly secret?: KeyFiles & { readonly secretName: string };
  readonly configMap?: KeyFiles & { readonly name: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
}

/** Security of all containers of a pod. */
export interface PodSecurity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly fsGroup?: number;
  readonly seccompProfile?: { readonly type: string };
}

/** Security of one container. */
export interface ContainerSecurity extends Omit<PodSecurity, "fsGroup"> {
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly privileged?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
}

/** What a cluster holds besides the pod. */
export interface ClusterObjects {
  readonly secrets?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly configMaps?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The folders of persistent volume claims. */
  readonly claims?: Readonly<Record<string, string>>;
}

/** Which fields are known, by the kind of object; what is not listed has no fields or any. */
const FIELDS = {
  pod: "apiVersion kind metadata spec",
  spec: "containers initContainers volumes securityContext automountServiceAccountToken restartPolicy " +
    "serviceAccountName hostUsers",
  container: "name image command args workingDir env volumeMounts resources securityContext",
  variable: "name value valueFrom",
  mount: "name mountPath readOnly subPath",
  volume: "name emptyDir hostPath secret configMap persistentVolumeClaim",
  resources: "limits requests",
  podSecurity: "runAsUser runAsGroup runAsNonRoot fsGroup seccompProfile",
  security: "runAsUser runAsGroup runAsNonRoot seccompProfile allowPrivilegeEscalation readOnlyRootFilesystem " +
    "privileged capabilities",
  capabilities: "add drop",
} as const;

/** Throws when a pod has a field that is not known here. */
export function checkManifest(pod: PodManifest): void {
  check(pod, "pod");
  const { spec } = pod;
  check(spec, "spec");
  check(spec.securityContext, "podSecurity");
  for (const volume of spec.volumes ?? []) check(volume, "volume");
  for (const container of [...spec.initContainers ?? [], ...spec.containers]) {
    check(container, "container");
    check(container.resources, "resources");
    check(container.securityContext, "security");
    check(container.securityContext?.capabilities, "capabilities");
    for (const variable of container.env ?? []) check(variable, "variable");
    for (const mount of container.volumeMounts ?? []) check(mount, "mount");
  }
}

function check(object: object | undefined, kind: keyof typeof FIELDS): void {
  const known = FIELDS[kind].split(" ");
  const strange = Object.keys(object ?? {}).find((name) => !known.includes(name));
  if (strange !== undefined) throw new Error(`Cannot run the pod: "${strange}" of a ${kind} is not known here`);
}
