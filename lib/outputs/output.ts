/**
 * The contract of the places an image can go to.
 *
 * @module
 */
import type { ExportReply } from "../image/export_tree.ts";
import type { Image, Layer } from "../image/image.ts";
import type { TreeExporter } from "../image/tree_exporter.ts";

/** One destination of the image. */
export interface Output {
  /** For messages: `the OCI layout "/out"`. */
  readonly name: string;
  /**
   * Makes sure, before a long build, that the image can be written (F39); creates folders that are missing.
   *
   * @throws {KilnError} kind `disk`, `usage`, `registry` or `denied`
   */
  prepare(): Promise<void>;
  /**
   * Begins to take over a layer while the build goes on. May be called again for the same layer; `write` makes up for
   * what was not staged.
   */
  stage?(layer: Layer): Promise<void>;
  /**
   * Takes over whatever of the image does not make it visible. All outputs have done so before the first one writes: none
   * shows an image that another could not even store.
   */
  stageImage?(image: Image): Promise<void>;
  /** Writes the image. What makes it visible under its name is written last. */
  write(image: Image): Promise<void>;
  /** Takes away what was staged of an image that is not written after all. Called when nothing is staged any more. */
  abandon?(): Promise<void>;
}

/** One destination of the files of the image. */
export interface TreeOutput extends Pick<Output, "name" | "prepare"> {
  write(exporter: TreeExporter): Promise<ExportReply>;
}
