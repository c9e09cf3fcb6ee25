/**
 * The files of the image as a tar (`--output type=tar`), with the owners they have in it.
 *
 * @module
 */
import { type ArchivePlace, nameOfArchive, preparePlace, writePlace } from "./archive_place.ts";
import type { TreeOutput } from "./output.ts";

/** Creates the output. */
export function tarOutput(place: ArchivePlace): TreeOutput {
  const name = nameOfArchive("the archive", place);
  return {
    name,
    prepare: () => preparePlace(place, name),
    write: (exporter) => writePlace(place, name, (write) => exporter.toTar(write)),
  };
}
