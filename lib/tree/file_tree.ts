/**
 * File trees: what COPY, ADD and bind mounts read from.
 *
 * A build context, a finished stage and an image from a registry are all file trees, so that there is one way to
 * find, match, copy and hash files.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";

/** A directory to read from. A plain value: it is sent to Workers. */
export interface FileTree {
  /** Absolute path of the directory, as this process sees it. */
  readonly root: BytePath;
  /** Lines of a `.dockerignore`: what they exclude is not there. */
  readonly ignore?: readonly BytePath[];
  /** Owner that every entry counts as having: files of a build context belong to root in the image. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** What the tree is, for messages: `the build context`, `the stage "build"`. */
  readonly description: string;
  readonly kind: "context" | "stage" | "image";
}
