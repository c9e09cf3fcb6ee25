/**
 * Changes: what a layer records, in canonical order.
 *
 * The order is depth first, children in byte order, and in each directory the whiteouts before the entries: every
 * extractor then removes what is replaced before it makes what replaces it (decisions 3).
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import type { Located } from "./metadata.ts";

/** One record of a layer. Paths are relative to the root, without a leading slash. */
export type Change =
  | { readonly kind: "whiteout"; readonly path: BytePath }
  | {
    readonly kind: "entry";
    readonly path: BytePath;
    /** Valid only until the next change is asked for: the directory is closed then. */
    readonly located: Located;
    /** An earlier path of this layer that names the same file. */
    readonly linkTo?: BytePath;
  };
