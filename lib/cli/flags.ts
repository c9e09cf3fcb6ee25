/**
 * The flags of a build: one row each. Parsing, `--help`, `docs/flags.md` and "did you mean" all read this table, so a
 * flag, its environment twin and its old names are changed here and nowhere else.
 *
 * Every flag of kaniko has a row; one that Kiln does not have yet says `later` and fails by name. Rows stand in the
 * order in which help lists them.
 *
 * @module
 */
import { ISOLATIONS } from "../rootfs/isolation.ts";
import {
  bool,
  choice,
  choiceWithDefault,
  commaList,
  duration,
  type FlagTable,
  type FlagValues,
  integer,
  keyValue,
  list,
  text,
  textWithDefault,
} from "./flag.ts";

/** The flags of `executor` itself, which builds an image. */
export const FLAGS = {
  "context": textWithDefault({
    group: "Inputs",
    short: "c",
    placeholder: "CONTEXT",
    initial: "/workspace/",
    help: "The build context: a directory, or a URL of one of many kinds",
    details: "`DIR` or `dir://DIR`; `tar://FILE` and `tar://stdin`; `https://` and `http://` archives; " +
      "`s3://BUCKET/KEY`; `gs://BUCKET/OBJECT`; `https://ACCOUNT.blob.HOST/CONTAINER/BLOB`; " +
      "`git://HOST/PATH`, `https://HOST/PATH.git` and `ssh://`, each with `#REF[:SUBDIRECTORY][#COMMIT]`; " +
      "`oci://IMAGE`; `oci-layout://DIR[:TAG][@DIGEST]`. Archives are tar, plain or compressed with gzip, bzip2, xz or " +
      "zstd; their content tells which. Everything fetched is unpacked in the work directory while it arrives. See " +
      "`docs/contexts.md`.",
  }),
  "context-sub-path": text({
    group: "Inputs",
    placeholder: "PATH",
    help: "A directory within the context that takes its place",
    details: "It cannot lead out of the context.",
    kaniko: "kaniko ignores it for plain directories, Kiln does not.",
  }),
  "context-dockerignore": bool({
    group: "Inputs",
    own: true,
    help: "Apply .dockerignore to contexts that are fetched, as kaniko does",
    details: "To directories it applies always. Docker takes archives, repositories and images as they are.",
  }),
  "context-checksum": text({
    group: "Inputs",
    own: true,
    placeholder: "DIGEST",
    help: "The digest the context's archive must have: sha256:HEX",
    details: "For archives from anywhere. It is of the archive as it is, compressed or not.",
  }),
  "context-size-limit": textWithDefault({
    group: "Inputs",
    own: true,
    placeholder: "SIZE",
    initial: "64g",
    help: "How much of a context is downloaded at most; 0 is no limit",
    details: "Also counts what comes on stdin, and each source that ADD fetches. Files of this machine have no limit.",
  }),
  "expanded-size-limit": textWithDefault({
    group: "Inputs",
    own: true,
    placeholder: "SIZE",
    initial: "1t",
    help: "How large an archive may become when it is unpacked; 0 is no limit",
    details: "For archives that are contexts or that ADD unpacks, and for each layer of an image.",
  }),
  "expansion-ratio-limit": integer({
    group: "Inputs",
    own: true,
    placeholder: "N",
    initial: 200,
    help: "How many times its size an archive may become; 0 is no limit",
    details: "Counts only beyond 1 GiB: a decompression bomb is stopped, a small file of zeros is not.",
  }),
  "build-context": list({
    group: "Inputs",
    own: true,
    placeholder: "NAME=CONTEXT",
    help: "A context by name, for COPY --from, mounts and FROM; repeatable",
    details: "`NAME=docker-image://IMAGE`, `NAME=oci-layout://DIR[:TAG][@DIGEST]`, `NAME=DIR`, a git repository or a " +
      "file of a web server as ADD names them, or any other form of `--context`. It takes the place of the stage or " +
      "image of that name; `NAME::os/architecture` does so for one platform. A directory is read through the " +
      "`.dockerignore` in it. See `docs/contexts.md`.",
  }),
  "dockerfile": textWithDefault({
    group: "Inputs",
    short: "f",
    placeholder: "FILE",
    initial: "Dockerfile",
    help: "The Dockerfile: looked up from here, then from the context",
    details: "Also an `https://` or `http://` URL, or `-` for stdin.",
  }),
  "build-arg": list({
    group: "Inputs",
    placeholder: "NAME[=VALUE]",
    help: "A value for an ARG; a bare NAME takes that environment variable",
    details: "Repeatable, the last one of a name counts. A bare name whose variable is not set gives the empty text, " +
      "with a warning. Values end up in the image's history: use `--secret` for what must not.",
  }),
  "git": list({
    group: "Inputs",
    placeholder: "KEY=VALUE",
    help: "How to fetch a git context; repeatable",
    details: "One option each: `branch=NAME`, a branch or a tag, which wins over the one in the URL; " +
      "`single-branch=BOOL`, which changes nothing, as one commit is fetched; `depth=N`, how many commits a `.git` that " +
      "is kept (`BUILDKIT_CONTEXT_KEEP_GIT_DIR=1`) has, 1 unless told; `recurse-submodules=BOOL`; " +
      "`insecure-skip-tls=BOOL`; `ssh-key=FILE` and `ssh-known-hosts=FILE`, for ssh, which also asks the agent at " +
      "`SSH_AUTH_SOCK`.",
    kaniko: "An unknown option is an error; kaniko ignores it.",
  }),
  "bucket": text({
    group: "Inputs",
    short: "b",
    placeholder: "BUCKET",
    deprecated: "use --context=gs://BUCKET",
    help: "The bucket of a context, in the way of the first kaniko",
    details: "Counts only together with an empty `--context`. Without a scheme it is one of Google's.",
  }),
  "target": commaList({
    group: "Inputs",
    placeholder: "STAGE",
    help: "The stage to build, by name or index; the last one by default",
    details: "Several, separated by commas or repeated, are all built; the first one becomes the image. " +
      "Names are matched whatever their case.",
    kaniko: "Kiln takes the index of a stage, too.",
  }),
  "secret": list({
    group: "Inputs",
    placeholder: "SPEC",
    help: "A secret for RUN --mount=type=secret: id=ID[,src=FILE|,env=NAME]",
    details:
      "Repeatable. Parts: `id=ID`, `src=FILE` or `source=FILE`, `env=NAME`, `type=file|env`. With `type=env`, `src` " +
      "names the variable. With an id alone it is the environment variable of that name if there is one, else the " +
      "file. At most 500 KiB. One that a RUN mounts is looked for before anything is built; one that none mounts need " +
      "not be there. A secret is never kept in layers, history or cache keys; in logs it is replaced by `****`, also " +
      "where it is base64, hexadecimal or URL-encoded, and line by line if it has several lines. Values shorter than " +
      "4 bytes are hidden only where they are a whole line.",
  }),
  "ssh": list({
    group: "Inputs",
    own: true,
    placeholder: "ID[=PATH]",
    help: "An agent for RUN --mount=type=ssh: a socket or key files; repeatable",
    details:
      "`ID`, `ID=SOCKET` or `ID=KEY[,KEY...]`; an id alone is the agent at `SSH_AUTH_SOCK`, and Dockerfiles ask " +
      "for `default`. Keys are of OpenSSH's form or PEM (Ed25519, RSA, ECDSA on P-256 and P-384), without a passphrase. " +
      "A command can list the keys and have something signed, and nothing else. Repositories that are fetched over " +
      "ssh use the agent `default`, too.",
  }),

  "custom-platform": text({
    group: "Image",
    placeholder: "OS/ARCH",
    aliases: ["customPlatform"],
    help: "Build for another platform: os/architecture[/variant]",
    details: "Chooses base images from indexes, sets the `TARGET*` arguments and the platform of the image. " +
      "kaniko's `:osversion` at the end is read too. Only linux images can be built.",
  }),
  "label": list({
    group: "Image",
    placeholder: "KEY=VALUE",
    help: "A label of the image; it wins over LABEL in the Dockerfile",
    details: "Repeatable.",
    kaniko: "In kaniko the Dockerfile wins; Kiln does as Docker does.",
  }),
  "annotation": keyValue({
    group: "Image",
    placeholder: "KEY=VALUE",
    help: "An annotation of the manifest",
    details: "Repeatable, the last value of a key counts.",
  }),
  "image-format": choice({
    group: "Image",
    choices: ["docker", "oci"],
    help: "The media types of the image; those of the base image by default",
    details: "Without a base image (`FROM scratch`) the default is oci, for `--tar-path` docker.",
  }),
  "compression": choice({
    group: "Image",
    choices: ["gzip", "zstd"],
    help: "How new layers are compressed; gzip by default",
    details: "zstd needs OCI media types: it cannot be combined with `--image-format=docker` or `--tar-path`.",
  }),
  "compression-level": integer({
    group: "Image",
    placeholder: "LEVEL",
    initial: -1,
    help: "1 to 9 for gzip or 1 to 22 for zstd; -1: left to Kiln",
  }),
  "single-snapshot": bool({
    group: "Image",
    help: "One layer for all changes of a stage",
  }),
  "ignore-path": list({
    group: "Image",
    placeholder: "PATH",
    help: "A path in the image whose changes are left out of layers",
    details: "Repeatable. An absolute path, which stands for everything below it too; each component may hold the " +
      "wildcards `*`, `?` and `[...]`.",
  }),
  "reproducible": bool({
    group: "Image",
    help: "The same inputs give the same digest: times are set to 1970",
    details: "Times later than `SOURCE_DATE_EPOCH`, or than 1970-01-01 when that is not set, are set to it in new " +
      "layers, config and history.",
    kaniko: "Base layers and the media types stay as they are; kaniko rewrites both.",
  }),

  "destination": list({
    group: "Outputs",
    short: "d",
    placeholder: "IMAGE",
    help: "Where to push the image; repeatable; needed unless --no-push",
    details: "`[REGISTRY/]REPOSITORY[:TAG]`, Docker Hub and `latest` where left out. A digest is refused.",
  }),
  "no-push": bool({
    group: "Outputs",
    environment: { name: "KANIKO_NO_PUSH", rule: "beats the flag" },
    help: "Push nothing; the destinations still name the image",
  }),
  "output": list({
    group: "Outputs",
    own: true,
    short: "o",
    placeholder: "SPEC",
    help: "Where the result goes, as in BuildKit: type=TYPE,...; repeatable",
    details: "`type=local,dest=DIR` and `type=tar,dest=FILE` write the files of the image, `type=oci` and " +
      "`type=docker,dest=FILE` the image as an archive (`type=oci,tar=false,dest=DIR` as a layout), " +
      "`type=registry,name=IMAGE` and `type=image,name=IMAGE,push=true` push it, `type=cacheonly` keeps nothing. " +
      "`dest=-` is stdout; `-o DIR` is `type=local`, `-o -` is `type=tar` to stdout. With it no `--destination` is " +
      "needed. See `docs/outputs.md`.",
  }),
  "oci-layout-path": text({
    group: "Outputs",
    placeholder: "DIR",
    help: "Write the image as an OCI image layout to a directory",
  }),
  "tar-path": text({
    group: "Outputs",
    placeholder: "FILE",
    aliases: ["tarPath"],
    help: "Write the image as an archive for docker load or podman load",
    details:
      "Cannot be combined with `--image-format=oci` or `--compression=zstd`, which that form has no place for. " +
      "`/dev/stdout` works, too: what a RUN prints goes to stderr then.",
  }),
  "digest-file": text({
    group: "Outputs",
    placeholder: "FILE",
    help: "Write the image's digest to a file, without a line break",
    kaniko: "A URL, to which kaniko sends the digest, is not supported yet and fails by name.",
  }),
  "image-name-with-digest-file": text({
    group: "Outputs",
    placeholder: "FILE",
    help: "Write a line REGISTRY/REPOSITORY@DIGEST for each destination",
  }),
  "image-name-tag-with-digest-file": text({
    group: "Outputs",
    placeholder: "FILE",
    help: "Write a line REGISTRY/REPOSITORY:TAG@DIGEST for each destination",
  }),

  "insecure": bool({
    group: "Registries",
    help: "Push over plain http, to every registry",
  }),
  "insecure-pull": bool({
    group: "Registries",
    help: "Pull over plain http, from every registry",
  }),
  "insecure-registry": list({
    group: "Registries",
    placeholder: "HOST[:PORT]",
    help: "Plain http for this registry, push and pull; repeatable",
  }),
  "skip-push-permission-check": bool({
    group: "Registries",
    help: "Do not ask the registries before the build whether it may push",
  }),
  "skip-tls-verify": bool({
    group: "Registries",
    status: "later",
    help: "Accept any certificate, from every registry",
    kaniko: "Certificates are always verified. A registry without one: `--insecure`.",
  }),
  "skip-tls-verify-pull": bool({
    group: "Registries",
    status: "later",
    help: "Accept any certificate when pulling",
    kaniko: "kaniko reads it and does nothing. A registry without a certificate: `--insecure-pull`.",
  }),
  "skip-tls-verify-registry": list({
    group: "Registries",
    status: "later",
    placeholder: "HOST[:PORT]",
    help: "Accept any certificate from this registry",
    kaniko: "Certificates are always verified. A registry without one: `--insecure-registry`.",
  }),
  "registry-certificate": keyValue({
    group: "Registries",
    status: "later",
    placeholder: "HOST=FILE",
    help: "A certificate authority to trust for a registry",
    kaniko: "For all registries, `SSL_CERT_FILE` and `SSL_CERT_DIR` name certificates to trust.",
  }),
  "registry-client-cert": keyValue({
    group: "Registries",
    status: "later",
    placeholder: "HOST=CERT,KEY",
    help: "A client certificate for a registry",
    kaniko: "Registries are told who asks by credentials alone.",
  }),
  "registry-mirror": list({
    group: "Registries",
    status: "later",
    placeholder: "HOST[/PATH]",
    environment: { name: "KANIKO_REGISTRY_MIRROR", rule: "is the default" },
    help: "A mirror of Docker Hub",
    kaniko: "Name the mirror in FROM, or with `--build-context=NAME=docker-image://MIRROR/NAME`.",
  }),
  "registry-map": list({
    group: "Registries",
    status: "later",
    placeholder: "FROM=TO;...",
    environment: { name: "KANIKO_REGISTRY_MAP", rule: "is the default" },
    help: "Registries to pull from in place of others",
    kaniko: "Name the other registry in FROM, or with `--build-context=NAME=docker-image://REGISTRY/NAME`.",
  }),
  "skip-default-registry-fallback": bool({
    group: "Registries",
    status: "later",
    help: "Fail when no mirror has an image",
    kaniko: "There are no mirrors to fall back from.",
  }),
  "credential-helpers": list({
    group: "Registries",
    status: "later",
    placeholder: "NAME",
    help: "The sources of cloud credentials to use",
    kaniko: "Credentials come from the Docker config, whose `credHelpers` are asked, and from `DOCKER_AUTH_CONFIG`.",
  }),
  "push-retry": integer({
    group: "Registries",
    status: "later",
    placeholder: "N",
    initial: 0,
    help: "How often to try a failed push again",
    kaniko: "What is temporary is always tried again, a blob or a manifest at a time.",
  }),
  "push-ignore-immutable-tag-errors": bool({
    group: "Registries",
    status: "later",
    help: "Count a tag that may not be overwritten as pushed",
    kaniko: "Such a tag fails the push.",
  }),
  "image-download-retry": integer({
    group: "Registries",
    status: "later",
    placeholder: "N",
    initial: 0,
    help: "How often to ask for a manifest again",
    kaniko: "What is temporary is always tried again.",
  }),
  "image-fs-extract-retry": integer({
    group: "Registries",
    status: "later",
    placeholder: "N",
    initial: 0,
    help: "How often to try again to unpack a base image",
    kaniko: "A download that breaks off is always taken up again.",
  }),

  "isolation": choiceWithDefault({
    group: "Isolation",
    own: true,
    choices: ["auto", ...ISOLATIONS],
    placeholder: ["auto", ...ISOLATIONS].join("|"),
    initial: "auto",
    help: "How RUN is kept apart from this machine",
    details: "`overlay`: an overlay mount and namespaces of its own. `userns`: the same in a user namespace, for an " +
      "ordinary user; RUN is root in it and nowhere else. `chroot`: a copied file system and chroot. " +
      "`in-place`, kaniko's way: RUN has the root of the container that Kiln is in, whose own files are put aside for " +
      "its time, around mounts and what is Kiln's. `auto` takes what works here and says which: `overlay` or " +
      "`userns`, else `in-place` in the executor image, or `chroot`. `in-place` by name works in the executor image, and with " +
      "`--force` anywhere.",
  }),
  "require-isolation": choice({
    group: "Isolation",
    own: true,
    choices: ISOLATIONS,
    help: "The least isolation that will do; the build fails if only less can be had here",
    details:
      "From the strictest: `overlay`, `userns`, `chroot`, `in-place`. For pipelines that must not fall back to less " +
      "unnoticed.",
  }),
  "allow": commaList({
    group: "Isolation",
    own: true,
    placeholder: "ENTITLEMENT",
    help: "What a RUN may do only if it is allowed: network.host, ...",
    details:
      "`network.host` for `RUN --network=host`, `security.insecure` for `RUN --security=insecure`, which takes " +
      "all confinement away, `device` for `RUN --device`, `device=NAME` for that one. Without it a Dockerfile that asks " +
      "for it is refused before anything is built, with exit code 77.",
  }),
  "cdi-spec-dir": list({
    group: "Isolation",
    own: true,
    placeholder: "DIRECTORY",
    help: "Where RUN --device finds specifications of devices; repeatable",
    details:
      "Instead of `/etc/cdi`, `/var/run/cdi` and `/etc/buildkit/cdi`. What is in a later one goes before. Files are " +
      "those of the [Container Device Interface](https://github.com/cncf-tags/container-device-interface).",
  }),
  "step-timeout": duration({
    group: "Isolation",
    own: true,
    placeholder: "DURATION",
    initial: "0s",
    help: "How long the command of one RUN may take; 0 is no limit",
    details: "It is then ended with SIGTERM, after 5 s with SIGKILL, and the build fails with exit code 75.",
  }),
  "work-dir": text({
    group: "Isolation",
    own: true,
    placeholder: "DIR",
    help: "Where layers, file systems and downloads are kept while building",
    details: "By default `kiln` in `$XDG_CACHE_HOME` or `~/.cache`, and `/kaniko` in the executor image.",
  }),
  "kaniko-dir": text({
    group: "Isolation",
    placeholder: "DIR",
    environment: { name: "KANIKO_DIR", rule: "is the default" },
    deprecated: "use --work-dir",
    help: "The work directory, when --work-dir does not name one",
    kaniko: "kaniko moves its own files to this directory. Kiln has nothing to move: it only keeps its state there.",
  }),

  "cache": bool({
    group: "Cache",
    status: "later",
    help: "Use and fill the layer cache",
    kaniko: "Every build runs every instruction. `RUN --mount=type=cache` keeps directories between builds.",
  }),
  "cache-repo": text({
    group: "Cache",
    status: "later",
    placeholder: "REPOSITORY",
    help: "Where the layer cache is kept",
    kaniko: "It goes with `--cache`.",
  }),
  "cache-dir": text({
    group: "Cache",
    status: "later",
    placeholder: "DIR",
    help: "Where the warmer left base images",
    kaniko: "It goes with `--cache`.",
  }),
  "cache-ttl": duration({
    group: "Cache",
    status: "later",
    placeholder: "DURATION",
    initial: "336h",
    help: "How long cached layers may be used",
    kaniko: "It goes with `--cache`.",
  }),
  "cache-mount-ttl": duration({
    group: "Cache",
    own: true,
    placeholder: "DURATION",
    initial: "336h",
    help: "How long a cache of RUN --mount=type=cache is kept that no build uses; 0 keeps all",
    details:
      "Caches are in the work directory, `cache-mounts`. The next build that uses the same directory removes old ones.",
  }),
  "cache-copy-layers": bool({
    group: "Cache",
    status: "later",
    help: "Cache the layers of COPY and ADD",
    kaniko: "It goes with `--cache`.",
  }),
  "cache-run-layers": bool({
    group: "Cache",
    status: "later",
    initial: true,
    help: "Cache the layers of RUN",
    kaniko: "It goes with `--cache`.",
  }),
  "no-push-cache": bool({
    group: "Cache",
    status: "later",
    help: "Use the layer cache without filling it",
    kaniko: "It goes with `--cache`.",
  }),

  "verbosity": choiceWithDefault({
    group: "Logging",
    short: "v",
    placeholder: "LEVEL",
    choices: ["trace", "debug", "info", "warn", "warning", "error", "fatal", "panic"],
    initial: "info",
    anyCase: true,
    help: "trace, debug, info, warn or error; what a RUN prints is always shown",
    details: "`fatal` and `panic`, kaniko's quietest levels, are the same as `error`.",
  }),
  "step-log-limit": textWithDefault({
    group: "Logging",
    own: true,
    placeholder: "SIZE",
    initial: "64m",
    help: "How much of the output of one RUN is logged; 0 is all",
    details: "Of what is beyond, the last 64 KiB are logged when the command has ended.",
  }),
  "log-format": choiceWithDefault({
    group: "Logging",
    choices: ["text", "color", "json"],
    initial: "color",
    help: "How messages look",
    details: "`text` is one line a message: `INFO[0003] [build 2/5] RUN make`, with the level, the seconds since the " +
      "start and the step. `color` is the same, painted when it goes to a terminal or `FORCE_COLOR` is set, and not " +
      "when `NO_COLOR` is. `json` is one object a line with `level`, `msg`, `time`, and where they apply `step` and " +
      "`stream`. Messages go to stderr. What a RUN prints to its stdout goes to stdout, the rest to stderr; its bytes " +
      "are passed on as they are, except in `json`.",
  }),
  "log-timestamp": bool({
    group: "Logging",
    help: "Show the time of day in place of the seconds since the start",
  }),

  "help": bool({
    group: "General",
    short: "h",
    help: "Show this help",
  }),
  "version": bool({
    group: "General",
    own: true,
    help: "Show the version",
  }),

  "snapshot-mode": choiceWithDefault({
    group: "Compatibility",
    status: "accepted",
    choices: ["full", "redo", "time"],
    initial: "full",
    aliases: ["snapshotMode"],
    help: "No effect: changes are always found exactly, and fast",
  }),
  "use-new-run": bool({
    group: "Compatibility",
    status: "accepted",
    help: "No effect: changes are always found exactly, and fast",
  }),
  "force": bool({
    group: "Isolation",
    help: "With --isolation=in-place: build in this root whatever it is",
    details: "Without it, that takes a container and an executor in `/kaniko`. With it, all files of the machine but " +
      "mounts and Kiln's own are put aside while a RUN runs. The other isolations never touch the root they are " +
      "started in, so there is nothing to force.",
    kaniko: "kaniko needs this flag wherever it finds no container, Kiln does not.",
  }),
  "cleanup": bool({
    group: "Compatibility",
    status: "accepted",
    environment: { name: "KANIKO_CLEANUP", rule: "is the default" },
    help: "No effect: a build leaves the root it is started in as it was",
    details:
      "Kiln's stages go with the build, also when it fails; what `--isolation=in-place` puts aside is back after " +
      "every RUN, and if the build is killed, with the next one.",
    kaniko: "kaniko deletes the file system of its container.",
  }),
  "pre-cleanup": bool({
    group: "Compatibility",
    status: "accepted",
    environment: { name: "KANIKO_PRE_CLEANUP", rule: "is the default" },
    help: "No effect: every stage starts from its base image and nothing else",
  }),
  "preserve-context": bool({
    group: "Compatibility",
    status: "accepted",
    environment: { name: "KANIKO_PRESERVE_CONTEXT", rule: "is the default" },
    help: "No effect: a build never changes its context, nor what else is in the container",
  }),
  "compressed-caching": bool({
    group: "Compatibility",
    status: "accepted",
    initial: true,
    help: "No effect: layers are never kept in memory",
  }),
  "ignore-var-run": bool({
    group: "Compatibility",
    status: "accepted",
    initial: true,
    aliases: ["whitelist-var-run"],
    help: "No effect: /var/run is a directory like any other",
    details: "To leave it out all the same: `--ignore-path=/var/run`.",
    kaniko: "kaniko leaves it out of layers because pods mount secrets there. No mount of the container gets into a " +
      "layer here.",
  }),
  "skip-unused-stages": bool({
    group: "Compatibility",
    status: "accepted",
    deprecated: "leave it out",
    initial: true,
    help: "No effect: only stages that the image needs are built",
  }),
  "force-build-metadata": bool({
    group: "Compatibility",
    status: "accepted",
    deprecated: "leave it out",
    help: "No effect: the image's config is always built",
  }),
  "materialize": bool({
    group: "Compatibility",
    status: "later",
    help: "Unpack the final stage even if all of it came from the cache",
    kaniko: "Nothing comes from a cache yet.",
  }),
  "dryrun": bool({
    group: "General",
    help: "Show the plan of the build on stdout and build nothing",
    details: "As the command `plan` does, which also has other forms: see `docs/plan.md`. Nothing is asked of the " +
      "registries of the destinations.",
  }),
} satisfies FlagTable;

/** The values of the flags of a build. */
export type BuildFlags = FlagValues<typeof FLAGS>;
