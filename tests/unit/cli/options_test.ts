/**
 * @module
 */
import assert from "node:assert/strict";
import { type BuildOptions, parseBuildOptions, parseReportOptions } from "../../../lib/cli/build_options.ts";
import { parseCommandLine } from "../../../lib/cli/command_line.ts";
import type { BuildFlags } from "../../../lib/cli/flags.ts";
import { DEFAULT_EXPANSION_LIMITS } from "../../../lib/io/expansion_limit.ts";
import { hostPlatform } from "../../../lib/oci/platform.ts";
import { fakeHost, type FakeWorldOptions } from "./fake_host.ts";
import { assertThrows } from "./throws.ts";

function flagsOf(args: readonly string[], world: FakeWorldOptions = {}): BuildFlags {
  const invocation = parseCommandLine(args, fakeHost(world));
  assert.ok(invocation.command === "build");
  return invocation.flags;
}

/** Options of a build that pushes nothing, unless the arguments say otherwise. */
function options(args: readonly string[], world: FakeWorldOptions = {}): BuildOptions {
  return parseBuildOptions(flagsOf(["--no-push", ...args], world), fakeHost(world));
}

Deno.test("build options, without flags are kaniko's defaults", () => {
  assert.deepEqual(options([]), {
    request: {
      context: { kind: "directory", path: "/workspace" },
      contextLimits: { maxBytes: 64 * 1024 ** 3, expansion: DEFAULT_EXPANSION_LIMITS },
      contextDockerignore: false,
      buildContexts: new Map(),
      git: { commitTime: false },
      dockerfile: { kind: "file", name: "Dockerfile" },
      targets: [],
      platform: hostPlatform(),
      platformGiven: false,
      buildArgs: new Map(),
      secrets: [],
      ssh: [],
      deviceDirectories: ["/etc/cdi", "/var/run/cdi", "/etc/buildkit/cdi"],
      entitlements: new Set(),
      image: {
        labels: new Map(),
        annotations: new Map(),
        compression: { algorithm: "gzip" },
        singleSnapshot: false,
        ignorePaths: [],
        reproducible: false,
      },
    },
    outputs: { destinations: [], push: false, checkPush: false, untagged: [], exports: [] },
    registry: { insecurePush: false, insecurePull: false, insecureRegistries: new Set() },
    isolation: { isolation: { wanted: "auto" }, force: false, workDirectory: "/home/me/.cache/kiln" },
    printPlan: false,
    step: { logLimitBytes: 64 * 1024 * 1024, cacheTtlMs: 14 * 24 * 3_600_000 },
    notices: [],
  });
});

const CONTEXTS: readonly (readonly [text: string, path: string])[] = [
  [".", "/here"],
  ["sub/dir", "/here/sub/dir"],
  ["/abs/./x/", "/abs/x"],
  ["dir:///workspace", "/workspace"],
  ["dir://sub", "/here/sub"],
];
for (const [text, path] of CONTEXTS) {
  Deno.test(`--context, "${text}" is ${path}`, () => {
    assert.deepEqual(options(["--context", text]).request.context, { kind: "directory", path });
  });
}

const SUB_PATHS: readonly (readonly [text: string, path: string | undefined])[] = [
  ["sub", "sub"],
  ["/sub/", "sub"],
  ["a/../b", "b"],
  ["", undefined],
  [".", undefined],
  ["/", undefined],
  ["..name", "..name"],
];
for (const [text, path] of SUB_PATHS) {
  Deno.test(`--context-sub-path, "${text}" is ${path}`, () => {
    assert.equal(options([`--context-sub-path=${text}`]).request.contextSubPath, path);
  });
}

Deno.test("--bucket, counts where --context is empty and is one of Google's", () => {
  const { context } = options(["--context=", "--bucket=b/o.tar"]).request;
  assert.deepEqual(context, { kind: "gcs", bucket: "b", key: "o.tar" });
});

Deno.test("--bucket, beside a --context has no effect and gives a warning", () => {
  const { request, notices } = options(["--context=.", "--bucket=b"]);
  assert.equal(request.context.kind, "directory");
  assert.ok(notices.some(({ level, text }) => level === "warn" && text.startsWith("--bucket has no effect")));
});

Deno.test("--git, is read pair by pair", () => {
  const { context } = options(["--context=git://h/r", "--git=branch=b=c", "--git=depth=3", "--git=insecure-skip-tls=t"])
    .request;
  assert.ok(context.kind === "git");
  const expected = { branch: "b=c", singleBranch: false, depth: 3, recurseSubmodules: false, insecureSkipTls: true };
  assert.deepEqual(context.options, expected);
});

Deno.test("--git, for another kind of context gives a warning", () => {
  assert.match(options(["--git=depth=1"]).notices.map(({ text }) => text).join(), /--git has no effect/);
});

Deno.test("the limits of contexts, are sizes, and 0 is no limit", () => {
  const { contextLimits } = options([
    "--context-size-limit=2g",
    "--expanded-size-limit=0",
    "--expansion-ratio-limit=0",
  ]).request;
  assert.equal(contextLimits.maxBytes, 2 * 1024 ** 3);
  assert.deepEqual([contextLimits.expansion.maxBytes, contextLimits.expansion.maxRatio], [Infinity, Infinity]);
});

Deno.test("--dockerfile, is a file, a URL or stdin", () => {
  assert.deepEqual(options(["--dockerfile=-"]).request.dockerfile, { kind: "stdin" });
  const { dockerfile } = options(["--dockerfile=HTTPS://h/D?x#y"]).request;
  assert.ok(dockerfile.kind === "http");
  assert.equal(dockerfile.url.href, "https://h/D?x");
});

Deno.test("--target, takes commas and repeats, and drops empty names", () => {
  assert.deepEqual(options(["--target=a,b", "--target=", "--target", "c,"]).request.targets, ["a", "b", "c"]);
});

Deno.test("--custom-platform, is parsed into its normal form", () => {
  assert.deepEqual(options(["--custom-platform=linux/aarch64/v8"]).request.platform, {
    os: "linux",
    architecture: "arm64",
  });
});

Deno.test("--build-arg, keeps commas and equals signs, and the last value of a name", () => {
  const { buildArgs } =
    options(["--build-arg=A=1", "--build-arg", "B=x=y,z", "--build-arg=A=", "--build-arg", "C="]).request;
  assert.deepEqual(buildArgs, new Map([["A", ""], ["B", "x=y,z"], ["C", ""]]));
});

Deno.test("--build-arg, takes a bare name from the environment", () => {
  assert.deepEqual(
    options(["--build-arg=TOKEN"], { env: { TOKEN: "t" } }).request.buildArgs,
    new Map([["TOKEN", "t"]]),
  );
});

Deno.test("--build-arg, warns of a bare name that is not set and makes it empty", () => {
  const { request, notices } = options(["--build-arg=NONE"]);
  assert.deepEqual([request.buildArgs, notices], [
    new Map([["NONE", ""]]),
    [{ level: "warn", text: "--build-arg NONE is empty: the environment variable is not set" }],
  ]);
});

Deno.test("--label, keeps the last value of a key and everything after the first equals sign", () => {
  const { labels } = options(["--label=a=1", "--label", "b=x=y", "--label=a=2", "--label=__proto__=p"]).request.image;
  assert.deepEqual(labels, new Map([["a", "2"], ["b", "x=y"], ["__proto__", "p"]]));
});

Deno.test("--annotation, is a map", () => {
  assert.deepEqual(options(["--annotation=a.b=c"]).request.image.annotations, new Map([["a.b", "c"]]));
});

const EPOCHS: readonly (readonly [args: readonly string[], variable: string, arg: string])[] = [
  [[], "1700000000", "1700000000"],
  [["--build-arg=SOURCE_DATE_EPOCH=5"], "7", "5"],
  [["--build-arg=SOURCE_DATE_EPOCH="], "7", ""],
  [["--build-arg=SOURCE_DATE_EPOCH"], "7", "7"],
  [[], "context", "context"],
];
for (const [args, variable, arg] of EPOCHS) {
  Deno.test(`SOURCE_DATE_EPOCH, "${variable}" and [${args}] give ${arg}`, () => {
    const { buildArgs } = options(args, { env: { SOURCE_DATE_EPOCH: variable } }).request;
    assert.equal(buildArgs.get("SOURCE_DATE_EPOCH"), arg);
  });
}

Deno.test("SOURCE_DATE_EPOCH, when empty is not set", () => {
  assert.deepEqual(options([], { env: { SOURCE_DATE_EPOCH: "" } }).request.buildArgs, new Map());
});

const COMPRESSIONS: readonly (readonly [args: readonly string[], compression: unknown])[] = [
  [[], { algorithm: "gzip" }],
  [["--compression="], { algorithm: "gzip" }],
  [["--compression=zstd"], { algorithm: "zstd" }],
  [["--compression-level=9"], { algorithm: "gzip", level: 9 }],
  [["--compression-level=-1"], { algorithm: "gzip" }],
  [["--compression=zstd", "--compression-level=22", "--image-format=oci"], { algorithm: "zstd", level: 22 }],
];
for (const [args, compression] of COMPRESSIONS) {
  Deno.test(`compression, [${args}] is ${JSON.stringify(compression)}`, () => {
    assert.deepEqual(options(args).request.image.compression, compression);
  });
}

Deno.test("--ignore-path, is brought into normal form", () => {
  assert.deepEqual(options(["--ignore-path=/var/./run/", "--ignore-path=/tmp/*"]).request.image.ignorePaths, [
    "/var/run",
    "/tmp/*",
  ]);
});

Deno.test("--destination, is parsed, keeps how it was written and drops repeats", () => {
  const args = ["-d", "Reg.example/a", "--destination=reg.example/a:latest", "-d=b:1"];
  const { destinations, push, checkPush } = parseBuildOptions(flagsOf(args), fakeHost()).outputs;
  assert.deepEqual(destinations, [
    { reference: { registry: "reg.example", repository: "a", tag: "latest" }, written: "reg.example/a:latest" },
    { reference: { registry: "docker.io", repository: "library/b", tag: "1" }, written: "b:1" },
  ]);
  assert.deepEqual([push, checkPush], [true, true]);
});

Deno.test("--skip-push-permission-check, turns the check off", () => {
  const flags = flagsOf(["-d", "a", "--skip-push-permission-check"]);
  assert.equal(parseBuildOptions(flags, fakeHost()).outputs.checkPush, false);
});

Deno.test("KANIKO_NO_PUSH, beats the flag both ways", () => {
  const outputs = (args: readonly string[], value: string): boolean => {
    const world = { env: { KANIKO_NO_PUSH: value } };
    return parseBuildOptions(flagsOf(["-d", "a", ...args], world), fakeHost(world)).outputs.push;
  };
  assert.deepEqual([outputs([], "1"), outputs(["--no-push"], "false")], [false, true]);
});

Deno.test("outputs, are absolute paths", () => {
  const args = ["--oci-layout-path=o", "--tar-path=/t.tar", "--digest-file", "d/../x", "-d", "a"];
  const files = ["--image-name-with-digest-file=n", "--image-name-tag-with-digest-file=nt"];
  const { destinations: _, ...outputs } = options([...args, ...files]).outputs;
  assert.deepEqual(outputs, {
    push: false,
    checkPush: false,
    untagged: [],
    exports: [],
    ociLayoutPath: "/here/o",
    tar: { kind: "file", path: "/t.tar" },
    digestFile: "/here/x",
    imageNameDigestFile: "/here/n",
    imageNameTagDigestFile: "/here/nt",
  });
});

Deno.test("outputs, know the names that Linux has for stdout", () => {
  for (const path of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
    const [kaniko, buildkit] = [[`--tar-path=${path}`], [`--output=type=oci,dest=${path}`]];
    assert.deepEqual(options(kaniko).outputs.tar, { kind: "stdout" });
    assert.deepEqual(options(buildkit).outputs.exports.map((spec) => "to" in spec && spec.to), [{ kind: "stdout" }]);
    for (const args of [kaniko, buildkit]) assert.equal(parseReportOptions(flagsOf(args)).stdoutIsTaken, true);
  }
});

Deno.test("outputs, with an empty path are not asked for", () => {
  assert.deepEqual(options(["--tar-path=", "--digest-file="]).outputs, {
    destinations: [],
    push: false,
    checkPush: false,
    untagged: [],
    exports: [],
  });
});

Deno.test("registry options, hold the insecure hosts in lower case", () => {
  const args = [
    "--insecure",
    "--insecure-pull",
    "--insecure-registry=Reg.Example:5000",
    "--insecure-registry",
    "[::1]:80",
  ];
  assert.deepEqual(options(args).registry, {
    insecurePush: true,
    insecurePull: true,
    insecureRegistries: new Set(["reg.example:5000", "[::1]:80"]),
  });
});

Deno.test("UPSTREAM_CLIENT_TYPE, is passed on only if it is fit for a header", () => {
  const typeOf = (value: string): string | undefined =>
    options([], { env: { UPSTREAM_CLIENT_TYPE: value } }).registry.clientType;
  assert.deepEqual(["skaffold", "a\r\nX: y", ""].map(typeOf), ["skaffold", undefined, undefined]);
});

const WORK_DIRECTORIES: readonly (readonly [args: readonly string[], world: FakeWorldOptions, path: string])[] = [
  [["--work-dir=w"], {}, "/here/w"],
  [["--kaniko-dir=/k"], {}, "/k"],
  [["--kaniko-dir=/k", "--work-dir=/w"], {}, "/w"],
  [["--work-dir="], { env: { KANIKO_DIR: "/kd" } }, "/kd"],
  [["--kaniko-dir=/k"], { env: { KANIKO_DIR: "/kd" } }, "/k"],
  [[], { env: { XDG_CACHE_HOME: "/xdg" } }, "/xdg/kiln"],
  [[], { env: { XDG_CACHE_HOME: "relative" } }, "/home/me/.cache/kiln"],
  [[], { executable: "/kaniko/executor" }, "/kaniko"],
  [["--work-dir=/w"], { executable: "/kaniko/executor" }, "/w"],
];
for (const [args, world, path] of WORK_DIRECTORIES) {
  Deno.test(`work directory, [${args}] in ${JSON.stringify(world)} is ${path}`, () => {
    assert.equal(options(args, world).isolation.workDirectory, path);
  });
}

Deno.test("work directory, without a home is an error about the disk", () => {
  assertThrows(() => options([], { env: { HOME: "" } }), {
    kind: "disk",
    message: "Cannot choose a work directory: neither XDG_CACHE_HOME nor HOME is set",
    hint: "name one with --work-dir",
  });
});

const REFUSED: readonly (readonly [args: readonly string[], message: string, hint?: string])[] = [
  [["--context="], 'Cannot use --context "": it names no directory'],
  [["--context=ftp://u:p@h/x"], 'Cannot use a --context with "ftp://": there is no such kind of context'],
  [
    ["--context=.", "--context-checksum=sha256:12"],
    'Cannot use --context-checksum "sha256:12": it is not "sha256:" and 64 lower-case hex digits',
  ],
  [
    ["--context=.", `--context-checksum=sha256:${"0".repeat(64)}`],
    "Cannot use --context-checksum: the build context is not an archive",
  ],
  [["--context-size-limit=big"], 'Cannot use --context-size-limit "big": it is not a size'],
  [["--expansion-ratio-limit=-1"], "Cannot use --expansion-ratio-limit: it is negative"],
  [["--git=branch"], 'Cannot use --git "branch": it has no "="'],
  [["--git=depth=-1"], 'Cannot use --git "depth=-1": it is not a number of commits'],
  [["--git=single-branch=maybe"], 'Cannot use --git "single-branch=maybe": it is neither true nor false'],
  [["--context=git://h/r", "--git=branch=-a"], "Cannot use --git branch: its reference is not one that git allows"],
  [["--git=shallow=1"], 'Cannot use --git "shallow=1": there is no such option'],
  [["--context=tar://stdin", "--dockerfile=-"], "Cannot use --dockerfile=-: the context comes on stdin already"],
  [["--context-sub-path=../x"], 'Cannot use --context-sub-path "../x": it leads out of the context'],
  [["--context-sub-path=a/../.."], 'Cannot use --context-sub-path "a/../..": it leads out of the context'],
  [["--dockerfile="], 'Cannot use --dockerfile "": it names no file'],
  [["--dockerfile=https://:x/"], "Cannot use a --dockerfile with a URL: it is not a valid one"],
  [["--custom-platform=a/b/c/d"], 'Cannot parse the platform "a/b/c/d": it is not os/architecture[/variant]'],
  [["--custom-platform=windows/amd64"], 'Cannot use --custom-platform "windows/amd64": only linux images can be built'],
  [["--build-arg="], 'Cannot use --build-arg "": it has no name'],
  [["--build-arg==x"], 'Cannot use --build-arg "=x": it has no name'],
  [["--label=x"], 'Cannot use --label "x": it has no "="'],
  [["--label==x"], 'Cannot use --label "=x": nothing stands before the "="'],
  [["--annotation=x"], 'Cannot parse --annotation "x": it has no "="'],
  [["--compression=xz"], 'Cannot parse --compression "xz": it is not one of gzip, zstd'],
  [["--compression-level=0"], 'Cannot use --compression-level "0": gzip accepts 1 to 9, or -1 for the default'],
  [["--compression-level=10"], 'Cannot use --compression-level "10": gzip accepts 1 to 9, or -1 for the default'],
  [
    ["--compression=zstd", "--compression-level=23"],
    'Cannot use --compression-level "23": zstd accepts 1 to 22, or -1 for the default',
  ],
  [
    ["--image-format=docker", "--compression=zstd"],
    "Cannot combine --image-format=docker with --compression=zstd: the docker format has no zstd layers",
    "use --image-format=oci",
  ],
  [
    ["--tar-path=x", "--image-format=oci"],
    "Cannot combine --tar-path with --image-format=oci: the archive is one for docker load",
  ],
  [
    ["--tar-path=x", "--compression=zstd"],
    "Cannot combine --tar-path with --compression=zstd: the archive is one for docker load",
  ],
  [
    ["--ignore-path=var/run"],
    'Cannot use --ignore-path "var/run": it is not an absolute path',
    'it is a path in the image, such as "/var/run"',
  ],
  [
    ["--ignore-path=/a/[b"],
    'Cannot use --ignore-path "/a/[b": cannot match "[b": a bracket is not closed',
    "a literal [ is written [[] or \\[",
  ],
  [["--ignore-path=/"], 'Cannot use --ignore-path "/": it would leave out everything'],
  [["--ignore-path=/a/.."], 'Cannot use --ignore-path "/a/..": it would leave out everything'],
  [
    ["--no-push=false"],
    "Cannot build: no --destination says where to push the image",
    "use --no-push to push nothing",
  ],
  [["-d", ""], 'Cannot parse the image reference "": it has no repository name'],
  [
    ["-d", "Upper/Case:x!"],
    'Cannot parse the image reference "Upper/Case:x!": the tag "x!" is not 1 to 128 of letters, digits, "_", "." and "-"',
  ],
  [
    ["-d", `a@sha256:${"0".repeat(64)}`],
    `Cannot push to "a@sha256:${"0".repeat(64)}": a destination has a tag, not a digest`,
  ],
  [["--image-name-with-digest-file=x"], "Cannot write --image-name-with-digest-file: no --destination names the image"],
  [
    ["--image-name-tag-with-digest-file=x"],
    "Cannot write --image-name-tag-with-digest-file: no --destination names the image",
  ],
  [["--digest-file=https://h/x?sig=s"], "Cannot use --digest-file with a URL: Kiln supports only files yet"],
  [["--tar-path=a", "--digest-file=./a"], 'Cannot use --digest-file "./a": --tar-path names the same file'],
  [
    ["--tar-path=/dev/stdout", "--digest-file=/dev/fd/1"],
    'Cannot use --digest-file "/dev/fd/1": --tar-path names the same file',
  ],
  [
    ["--digest-file=/dev/stdout", "--image-name-with-digest-file=/proc/self/fd/1", "-d", "a"],
    'Cannot use --image-name-with-digest-file "/proc/self/fd/1": --digest-file names the same file',
  ],
  [
    ["--output=type=tar,dest=-", "--digest-file=/dev/stdout"],
    "Cannot use --output type=tar to stdout: --digest-file names it, too",
  ],
  [["--output=-", "--tar-path=/dev/stdout"], "Cannot use --output type=tar to stdout: --tar-path names it, too"],
  [["--insecure-registry=http://reg"], 'Cannot use --insecure-registry "http://reg": it is not HOST or HOST:PORT'],
  [["--insecure-registry=reg/path"], 'Cannot use --insecure-registry "reg/path": it is not HOST or HOST:PORT'],
  [["--insecure-registry="], 'Cannot use --insecure-registry "": it is not HOST or HOST:PORT'],
  [["--isolation=vm"], 'Cannot parse --isolation "vm": it is not one of auto, overlay, userns, chroot, in-place'],
  [["--snapshot-mode=fast"], 'Cannot parse --snapshot-mode "fast": it is not one of full, redo, time'],
  [["--secret=src=x"], 'Cannot use --secret "src=x": it has no id', "write it as id=ID,src=FILE or id=ID,env=NAME"],
];
for (const [args, message, hint] of REFUSED) {
  Deno.test(`build options, refuse [${args}]`, () => {
    assertThrows(() => options(args), { message, ...(hint === undefined ? {} : { hint }) });
  });
}

Deno.test("KANIKO_PRINT_PLAN, is on unless it says otherwise", () => {
  const values = ["", "0", "false", "1", "true", "yes"].map((text) =>
    options([], { env: { KANIKO_PRINT_PLAN: text } }).printPlan
  );
  assert.deepEqual(values, [false, false, false, true, true, true]);
});

const NOTICES: readonly (readonly [env: Record<string, string>, notices: unknown])[] = [
  [{ BUILDER_OUTPUT: "/o" }, [[
    "warn",
    "BUILDER_OUTPUT has no effect: Kiln does not support this variable of kaniko yet",
  ]]],
  [
    { KANIKO_REG_EXAMPLE_COM_USER: "u", KANIKO_REG_EXAMPLE_COM_PASSWORD: "secret" },
    [
      ["warn", "KANIKO_REG_EXAMPLE_COM_PASSWORD has no effect: Kiln does not support this variable of kaniko yet"],
      ["warn", "KANIKO_REG_EXAMPLE_COM_USER has no effect: Kiln does not support this variable of kaniko yet"],
    ],
  ],
  [{ KANIKO_PRINT_PLAN: "1", BUILDER_OUTPUT: "" }, []],
  [{ FF_KANIKO_OCI_WARMER: "1" }, [["debug", "FF_KANIKO_OCI_WARMER has no effect: Kiln has no feature flags"]]],
  [
    { FF_KANIKO_COPY_AS_ROOT: "false" },
    [["warn", "FF_KANIKO_COPY_AS_ROOT has no effect: COPY makes files of root, as Docker does; use COPY --chown"]],
  ],
  [{ FF_KANIKO_COPY_AS_ROOT: "true" }, [["debug", "FF_KANIKO_COPY_AS_ROOT has no effect: Kiln has no feature flags"]]],
  [{ FF_KANIKO_OCI_SCRATCH_BASE: "0" }, [[
    "warn",
    "FF_KANIKO_OCI_SCRATCH_BASE has no effect: use --image-format=docker",
  ]]],
];
for (const [env, notices] of NOTICES) {
  Deno.test(`environment, ${JSON.stringify(env)} gives ${JSON.stringify(notices)}`, () => {
    assert.deepEqual(options([], { env }).notices.map(({ level, text }) => [level, text]), notices);
  });
}

const REPORTS: readonly (readonly [args: readonly string[], report: unknown])[] = [
  [[], { format: "color", verbosity: "info", timestamps: false }],
  [["-v", "WARNING", "--log-format=json"], { format: "json", verbosity: "warn", timestamps: false }],
  [["--verbosity=panic", "--log-format=text", "--log-timestamp"], {
    format: "text",
    verbosity: "error",
    timestamps: true,
  }],
  [["-vtrace"], { format: "color", verbosity: "trace", timestamps: false }],
];
for (const [args, report] of REPORTS) {
  Deno.test(`report options, of [${args}]`, () => assert.deepEqual(parseReportOptions(flagsOf(args)), report));
}

Deno.test("step limits, are read with their units", () => {
  assert.deepEqual(options(["--step-timeout=1h30m", "--step-log-limit=0", "--cache-mount-ttl=0"]).step, {
    timeoutMs: 5_400_000,
    logLimitBytes: 0,
  });
});

Deno.test("step limits, that are no duration or size, are refused", () => {
  assert.throws(() => options(["--step-timeout=-1s"]), { message: "Cannot use --step-timeout: it is negative" });
  assert.throws(() => options(["--step-log-limit=much"]), {
    message: 'Cannot use --step-log-limit "much": it is not a size',
  });
});
