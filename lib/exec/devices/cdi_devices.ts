/**
 * The devices that this machine's CDI specifications describe, and what a `RUN --device` means among them.
 *
 * @module
 */
import { extname, join } from "node:path/posix";
import { KilnError } from "../../errors.ts";
import { type CdiEdits, type CdiSpec, parseCdiSpec } from "./cdi_spec.ts";

/** Annotation with a name that several devices may share, as BuildKit has it. */
const CLASS = "org.mobyproject.buildkit.device.class";

/** A device by its whole name. */
export interface NamedDevice {
  /** `vendor/class=name`. */
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly edits: CdiEdits;
  /** What all devices of its file get. */
  readonly spec: Pick<CdiSpec, "edits">;
  /** The file. */
  readonly file: string;
}

/** All devices. */
export class CdiDevices {
  /** Sorted. */
  readonly #devices: readonly NamedDevice[];

  private constructor(devices: readonly NamedDevice[]) {
    this.#devices = devices;
  }

  /**
   * Reads all `.json` and `.yaml` files of directories; what is in a later one goes before. A file that cannot be read
   * is left out, as is a device that two files of one directory have; `onFault` is told.
   */
  static async load(directories: readonly string[], onFault: (fault: string) => void): Promise<CdiDevices> {
    const devices = new Map<string, NamedDevice>();
    for (const directory of directories) {
      for (const [name, device] of await devicesIn(directory, onFault)) devices.set(name, device);
    }
    return new CdiDevices([...devices.values()].sort((a, b) => a.name < b.name ? -1 : 1));
  }

  /**
   * Returns what a name means: `vendor/class=name`; `vendor/class=*` for all of the kind; `vendor/class` for the first
   * of it; else all devices of that class by annotation.
   */
  find(name: string): readonly NamedDevice[] {
    const [kind = "", device] = name.split("=", 2);
    const ofKind = kind.includes("/") ? this.#devices.filter((found) => found.name.startsWith(`${kind}=`)) : [];
    const found = device === undefined || device === ""
      ? ofKind.slice(0, 1)
      : device === "*"
      ? ofKind
      : ofKind.filter((found) => found.name === name);
    return found.length > 0 ? found : this.#devices.filter(({ annotations }) => annotations[CLASS] === name);
  }
}

async function devicesIn(
  directory: string,
  onFault: (fault: string) => void,
): Promise<ReadonlyMap<string, NamedDevice>> {
  const devices = new Map<string, NamedDevice>();
  const doubtful = new Set<string>();
  for (const name of namesIn(directory)) {
    const file = join(directory, name);
    try {
      const spec = parseCdiSpec(await readDocument(file), `"${file}"`);
      for (const { name, annotations, edits } of spec.devices) {
        const device = { name: `${spec.kind}=${name}`, annotations, edits, spec, file };
        const other = devices.get(device.name);
        if (other !== undefined) {
          doubtful.add(device.name);
          onFault(`"${other.file}" and "${file}" both have the device ${device.name}: neither counts`);
        }
        devices.set(device.name, device);
      }
    } catch (error) {
      if (!(error instanceof KilnError)) throw error;
      onFault(error.message);
    }
  }
  for (const name of doubtful) devices.delete(name);
  return devices;
}

function namesIn(directory: string): readonly string[] {
  try {
    const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
    return names.filter((name) => [".json", ".yaml"].includes(extname(name))).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return [];
    throw new KilnError("usage", `Cannot read "${directory}": ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
}

/** YAML has all of JSON. It is read as Go's readers do: `0660` is an octal number. */
async function readDocument(file: string): Promise<unknown> {
  try {
    const { parse } = await import("yaml");
    return parse(await Deno.readTextFile(file), { version: "1.1" });
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n", 1)[0] : error;
    throw new KilnError("integrity", `Cannot read "${file}": ${why}`, { cause: error });
  }
}
