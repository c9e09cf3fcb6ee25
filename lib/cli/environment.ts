/**
 * Environment variables that are no flag's twin: what Kiln makes of them, for the documentation, and what to say of
 * those that kaniko knows and Kiln does not.
 *
 * A variable that would change the image is never passed over in silence.
 *
 * @module
 */
import { parseBoolean } from "../dockerfile/values/boolean.ts";
import type { Notice } from "./parse.ts";

/** One row. */
export interface EnvironmentVariable {
  /** The name; a `<PART>` in it stands for anything. */
  readonly name: string;
  readonly help: string;
  /** A variable of kaniko that does nothing here; setting it gives a warning. */
  readonly status?: "later";
}

/** All of them, ours first. */
export const ENVIRONMENT: readonly EnvironmentVariable[] = [
  {
    name: "SOURCE_DATE_EPOCH",
    help: "Times later than this (seconds since 1970, or `context`, or the name of a context or stage) are " +
      "set to it in new layers, config and history. It is also a build argument; `--build-arg SOURCE_DATE_EPOCH=...` " +
      "wins",
  },
  { name: "XDG_CACHE_HOME", help: "The work directory is `kiln` in it, unless `--work-dir` says otherwise" },
  { name: "HOME", help: "The work directory is `.cache/kiln` in it, if `XDG_CACHE_HOME` is not set" },
  { name: "NO_COLOR", help: "Set to anything: nothing is painted" },
  {
    name: "FORCE_COLOR",
    help: "Set to anything but `0` or `false`: `--log-format=color` paints also what is no terminal",
  },
  { name: "UPSTREAM_CLIENT_TYPE", help: "Is added to the user agent that registries see" },
  { name: "DOCKER_CONFIG", help: "The directory whose `config.json` holds the credentials for registries" },
  {
    name: "DOCKER_AUTH_CONFIG",
    help: "The text of such a `config.json`, with nothing but `auths`; asked before the file",
  },
  {
    name: "SSL_CERT_FILE",
    help: "A PEM file of certificates to trust in place of the built-in ones, for registries and contexts",
  },
  {
    name: "SSL_CERT_DIR",
    help: "Directories of such files, if `SSL_CERT_FILE` is not set; `/kaniko/ssl/certs` in the executor image",
  },
  { name: "HTTPS_PROXY", help: "The proxy for https servers; `HTTP_PROXY` for http, `NO_PROXY` for neither" },
  { name: "GIT_TOKEN", help: "A token for the host of a git context; sent as the user, with an empty password" },
  { name: "GIT_USERNAME", help: "The user for the host of a git context, if `GIT_TOKEN` is not set" },
  { name: "GIT_PASSWORD", help: "The password that belongs to `GIT_USERNAME`" },
  { name: "GIT_PULL_METHOD", help: "What `git://` contexts are fetched by: `https`, or `http`" },
  {
    name: "BUILDKIT_CONTEXT_KEEP_GIT_DIR",
    help: "`1`: a git context keeps a `.git` directory, with as much history as `--git depth=N` says",
  },
  { name: "SSH_AUTH_SOCK", help: "The agent whose keys are tried for git contexts over ssh" },
  {
    name: "FF_KANIKO_<NAME>",
    help:
      "kaniko's feature flags: the behaviour they turn on is Kiln's only one. Turning `FF_KANIKO_COPY_AS_ROOT` or " +
      "`FF_KANIKO_OCI_SCRATCH_BASE` off has no effect and gives a warning",
  },
  {
    name: "KANIKO_PRINT_PLAN",
    help: "Set to anything but `0` or `false`: the plan of the build is printed on stdout before it begins",
  },
  { name: "KANIKO_TELEMETRY_ENDPOINT", help: "Where to send traces", status: "later" },
  { name: "KANIKO_IGNORE_ASSERTIONS", help: "Assertions to pass over; Kiln has none of kaniko's", status: "later" },
  { name: "KANIKO_<HOST>_USER", help: "The user name for a registry", status: "later" },
  { name: "KANIKO_<HOST>_PASSWORD", help: "The password for a registry", status: "later" },
  { name: "SNAPSHOT_TIMEOUT_DURATION", help: "How long the search for changes may take", status: "later" },
  { name: "BUILDER_OUTPUT", help: "A directory for a file that lists the pushed images", status: "later" },
];

/** What to look at. */
export interface EnvironmentWorld {
  env(name: string): string | undefined;
  readonly envNames: readonly string[];
}

/** Returns what the user should know about variables that are set. */
export function environmentNotices(world: EnvironmentWorld): readonly Notice[] {
  const set = world.envNames.filter((name) => (world.env(name) ?? "") !== "").sort();
  return set.flatMap((name): readonly Notice[] => {
    if (name.startsWith("FF_KANIKO_")) return [featureNotice(name, world)];
    const row = ENVIRONMENT.find((variable) => variable.status === "later" && formOf(variable.name).test(name));
    if (row === undefined) return [];
    return [{ level: "warn", text: `${name} has no effect: Kiln does not support this variable of kaniko yet` }];
  });
}

function featureNotice(name: string, world: EnvironmentWorld): Notice {
  const off = parseBoolean(world.env(name) ?? "") === false;
  if (off && name === "FF_KANIKO_COPY_AS_ROOT") {
    return { level: "warn", text: `${name} has no effect: COPY makes files of root, as Docker does; use COPY --chown` };
  }
  if (off && name === "FF_KANIKO_OCI_SCRATCH_BASE") {
    return { level: "warn", text: `${name} has no effect: use --image-format=docker` };
  }
  return { level: "debug", text: `${name} has no effect: Kiln has no feature flags` };
}

function formOf(name: string): RegExp {
  return new RegExp(`^${name.replace(/<[A-Z]+>/, "[A-Z0-9_]+")}$`);
}
