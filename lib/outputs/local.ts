/**
 * The files of the image in a directory of this machine (`--output type=local`).
 *
 * @module
 */
import { join } from "node:path/posix";
import { KilnError } from "../errors.ts";
import { explainingFileErrors } from "./file_error.ts";
import { checkWritable, createFolder } from "./new_file.ts";
import type { TreeOutput } from "./output.ts";

/** How to write. */
export interface LocalOptions {
  /** Absolute. */
  readonly path: string;
  /** A directory in it for the platform: `linux_amd64`. */
  readonly platformDirectory?: string;
  /** Whether what the image does not have is removed. */
  readonly mirror: boolean;
}

/** Creates the output. */
export function localOutput({ path, platformDirectory, mirror }: LocalOptions): TreeOutput {
  const place = platformDirectory === undefined ? path : join(path, platformDirectory);
  const name = `the directory "${place}"`;
  return {
    name,
    prepare: (): Promise<void> =>
      explainingFileErrors(`write to ${name}`, async () => {
        if (mirror && place === "/") throw new KilnError("usage", `Cannot write to ${name}: it is the root`);
        await createFolder(place, 0o755);
        await checkWritable(place);
      }),
    write: (exporter) => explainingFileErrors(`write to ${name}`, () => exporter.toDirectory(place, { mirror })),
  };
}
