/**
 * Where a build context is, as the command line says it.
 *
 * URLs may hold credentials: none of these records is ever printed; a source's `description` is.
 *
 * @module
 */
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";

/** Where a build context is. */
export type ContextLocation =
  | DirectoryLocation
  | ArchiveLocation
  | StdinLocation
  | HttpLocation
  | S3Location
  | GcsLocation
  | AzureLocation
  | GitLocation
  | ImageLocation
  | LayoutLocation;

/** `dir://PATH` or a bare path: used where it is. */
export interface DirectoryLocation {
  readonly kind: "directory";
  /** Absolute. */
  readonly path: string;
  /** What the user may have meant instead, for the case that there is no such directory. */
  readonly hint?: string;
}

/** `tar://FILE`. */
export interface ArchiveLocation {
  readonly kind: "archive";
  /** Absolute. */
  readonly path: string;
}

/** `tar://stdin`. */
export interface StdinLocation {
  readonly kind: "stdin";
}

/** `https://...` or `http://...`: an archive. */
export interface HttpLocation {
  readonly kind: "http";
  /** Without a fragment; with the user and password that were given. */
  readonly url: URL;
}

/** `s3://BUCKET[/KEY]`. */
export interface S3Location {
  readonly kind: "s3";
  readonly bucket: string;
  /** As given, nothing decoded; kaniko's `context.tar.gz` if none was. With a slash at the end it is a folder. */
  readonly key: string;
}

/** `gs://BUCKET[/OBJECT]`. */
export interface GcsLocation {
  readonly kind: "gcs";
  readonly bucket: string;
  /** As given, nothing decoded; kaniko's `context.tar.gz` if none was. With a slash at the end it is a folder. */
  readonly key: string;
}

/** `https://ACCOUNT.blob.HOST/CONTAINER/PATH[?SAS]`. */
export interface AzureLocation {
  readonly kind: "azure";
  readonly account: string;
  /** The URL of the account without a path: `https://account.blob.core.windows.net`. */
  readonly endpoint: string;
  readonly container: string;
  /** The name of the blob, percent-encoding undone. With a slash at the end it is a folder. */
  readonly path: string;
  /** A shared access signature with its question mark, "" for none. A secret. */
  readonly query: string;
}

/** `git://...`, `https://....git`, `http://....git`, `ssh://...`, `git@HOST:PATH`. */
export interface GitLocation {
  readonly kind: "git";
  /** https, http or ssh, without a fragment; with the user and password that were given. */
  readonly url: URL;
  /** The path was written as `HOST:PATH`: it is relative to the home directory of the user. */
  readonly scpStyle?: true;
  /** A branch, a tag, a full name (`refs/...`) or an object ID. Absent: the remote's HEAD. */
  readonly ref?: string;
  /** The object ID that is checked out in the end, 40 or 64 hexadecimal digits in lower case. */
  readonly commit?: string;
  /** A directory of the repository that takes its place; relative, without "..". */
  readonly subdirectory?: string;
  readonly options: GitOptions;
}

/** What `--git` says. */
export interface GitOptions {
  /** A branch or a tag; it wins over the fragment. */
  readonly branch?: string;
  readonly singleBranch: boolean;
  /** Commits to fetch; 0: all. */
  readonly depth: number;
  readonly recurseSubmodules: boolean;
  readonly insecureSkipTls: boolean;
  /** A private key for ssh. */
  readonly sshKey?: string;
  /** A file of host keys for ssh, in place of the usual ones. */
  readonly sshKnownHosts?: string;
}

/** `oci://REFERENCE`: the file system of an image, or the archive that an artifact holds. */
export interface ImageLocation {
  readonly kind: "image";
  readonly reference: Reference;
}

/** `oci-layout://DIR[:TAG][@DIGEST]`. */
export interface LayoutLocation {
  readonly kind: "layout";
  /** Absolute. */
  readonly path: string;
  /** Absent with `digest` absent: the only image there is, or the one tagged `latest`. */
  readonly tag?: string;
  readonly digest?: Digest;
}
