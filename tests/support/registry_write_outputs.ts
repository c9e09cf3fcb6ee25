/**
 * Writes one image to every kind of file output, for tests that need a process of its own (the umask belongs to the
 * whole process).
 *
 * Usage: deno run -A tests/support/registry_write_outputs.ts FOLDER
 *
 * @module
 */
import { join } from "node:path";
import { parseReference } from "../../lib/oci/reference.ts";
import { digestFile, nameDigestFile } from "../../lib/outputs/digest_file.ts";
import { dockerArchive } from "../../lib/outputs/docker_archive.ts";
import { ociLayout } from "../../lib/outputs/oci_layout.ts";
import { noise } from "./registry_client.ts";
import { sampleImage } from "./registry_image.ts";

const [folder = ""] = Deno.args;
const image = sampleImage({ family: "docker", files: [noise(50_000)] });
const outputs = [
  ociLayout(join(folder, "layout")),
  dockerArchive({ place: { kind: "file", path: join(folder, "archives/image.tar") }, names: ["app"] }),
  digestFile(join(folder, "results/digest")),
  nameDigestFile(join(folder, "results/names"), [parseReference("app")]),
];
for (const output of outputs) await output.prepare();
for (const output of outputs) await output.write(image);
