/**
 * `executor plan`, `--dryrun` and `KANIKO_PRINT_PLAN`.
 *
 * @module
 */
import assert from "node:assert/strict";
import { addBase } from "../support/registry_base.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { startSite } from "../support/executor_site.ts";

const DOCKERFILE = `ARG V=1.2
FROM scratch AS tools
FROM {BASE} AS build
ARG V
ENV A=$V B="x y"
COPY src/$A /work/
RUN --mount=from=tools,target=/t make \\
    all
FROM scratch AS unused
RUN false
FROM build AS test
ONBUILD USER $who
FROM test
COPY --from=build --chown=1:2 /work/* <<EOT /out/
$A
EOT
COPY --from={BASE} /bin/busybox /
WORKDIR app
CMD run
`;

const EXPECTED = `Plan of "Dockerfile": 4 of 5 stages, for linux/amd64

Stage 0 "tools" (line 2)
  FROM scratch AS tools
    from nothing
    for linux/amd64
    needed by stage 1 "build" (RUN, line 7)

Stage 1 "build" (line 3)
  FROM {BASE} AS build
    from the image {BASE}@{DIGEST}
    for linux/amd64
    needed by stage 3 "test" (FROM, line 11), stage 4 (COPY, line 14)
  4  ARG V
       = ARG V=1.2
  5  ENV A=$V B="x y"
       = ENV A=1.2 B=x y
  6  COPY src/$A /work/  [layer]
       = COPY src/1.2 /work/
       reads the build context
  7  RUN --mount=from=tools,target=/t make     all  [layer]
       reads stage 0 "tools"

Stage 2 "unused" (line 9) is skipped: no target needs it

Stage 3 "test" (line 11)
  FROM build AS test
    from stage 1 "build"
    for linux/amd64
    needed by stage 4 (FROM, line 13)
  12  ONBUILD USER $who

Stage 4 (line 13) becomes the image
  FROM test
    from stage 3 "test"
    for linux/amd64
  13  ONBUILD USER $who
        = USER
  14  COPY --from=build --chown=1:2 /work/* <<EOT /out/  [layer]
        = COPY --chown=1:2 /work/* <<EOT /out/
        reads stage 1 "build"
  17  COPY --from={BASE} /bin/busybox /  [layer]
        = COPY /bin/busybox /
        reads the image {BASE}
  18  WORKDIR app  [layer]
        = WORKDIR /app
  19  CMD run
        = CMD ["/bin/sh" "-c" "run"]
`;

Deno.test("plan, shows stages, steps and needs, and touches neither layers nor files", async () => {
  await using registry = await startFaultRegistry();
  await addBase(registry, "busybox");
  const base = `${registry.host}/base/busybox:latest`;
  const fill = (text: string): string => text.replaceAll("{BASE}", base);
  const plain = (text: string): string => text.replaceAll(/sha256:[0-9a-f]{64}/g, "{DIGEST}");
  await using site = await startSite({ Dockerfile: fill(DOCKERFILE) });
  const args = ["--context=context", "--insecure-pull"];
  const { code, stdout, stderr } = await site.run(args, { command: ["plan"] });
  assert.equal(plain(stdout), fill(EXPECTED).replace('"Dockerfile"', '"context/Dockerfile"'));
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(registry.log().filter((line) => line.includes("/blobs/")).length, 1, registry.log().join("\n"));
  assert.deepEqual([...Deno.readDirSync(site.path)].map(({ name }) => name).sort(), ["context", "home"]);
  assert.deepEqual([...Deno.readDirSync(`${site.path}/home`)], []);

  const dry = await site.run(["--dryrun", "--insecure-pull", "--no-push"]);
  assert.equal(dry.stdout, stdout);
  assert.equal(dry.code, 0);
  await site.assertNothingLeft();
});

Deno.test("plan as JSON, is the document that is documented", async () => {
  await using site = await startSite({
    Dockerfile: "FROM 127.0.0.1:1/a AS base\nONBUILD RUN x\nUSER $APP\nFROM base\nCOPY a $APP/\nFROM base AS other\n",
  });
  const { code, stdout } = await site.run(["--context=context", "--offline", "--format=json", "--target=1"], {
    command: ["plan"],
  });
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), {
    dockerfile: "context/Dockerfile",
    platform: "linux/amd64",
    targets: [1],
    stages: [
      {
        index: 0,
        name: "base",
        line: 1,
        endLine: 1,
        from: "FROM 127.0.0.1:1/a AS base",
        platform: "linux/amd64",
        base: {
          kind: "image",
          reference: "127.0.0.1:1/a:latest",
          unknown: "Cannot ask a registry: --offline was given",
        },
        neededBy: [{ stage: 1, line: 4, keyword: "FROM" }],
        steps: [
          { line: 2, endLine: 2, keyword: "ONBUILD", text: "ONBUILD RUN x", layer: false },
          {
            line: 3,
            endLine: 3,
            keyword: "USER",
            text: "USER $APP",
            createdBy: "USER ",
            layer: false,
            unknown: ["APP"],
          },
        ],
      },
      {
        index: 1,
        line: 4,
        endLine: 4,
        from: "FROM base",
        platform: "linux/amd64",
        base: { kind: "stage", index: 0 },
        neededBy: [],
        steps: [
          {
            line: 4,
            endLine: 4,
            keyword: "RUN",
            text: "RUN x",
            trigger: true,
            createdBy: "RUN /bin/sh -c x # buildkit",
            layer: true,
          },
          {
            line: 5,
            endLine: 5,
            keyword: "COPY",
            text: "COPY a $APP/",
            createdBy: "COPY a / # buildkit",
            layer: true,
            reads: [{ kind: "context" }],
            unknown: ["APP"],
          },
        ],
      },
      {
        index: 2,
        name: "other",
        line: 6,
        endLine: 6,
        from: "FROM base AS other",
        skipped: "no target needs it",
      },
    ],
    config: {
      WorkingDir: "/",
      User: "",
      Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    },
  });
});

Deno.test("plan with named contexts, shows what takes the place of stages and images", async () => {
  await using site = await startSite({
    Dockerfile: "FROM scratch AS a\nUSER x\nFROM debian\nCOPY --from=a /x /\nCOPY --from=tools /y /\n",
    "files/y": "",
  });
  const { code, stdout } = await site.run([
    "--context=context",
    "--offline",
    "--build-context=a=docker-image://127.0.0.1:1/b",
    "--build-context=debian=docker-image://scratch",
    "--build-context=tools=context/files",
  ], { command: ["plan"] });
  assert.equal(code, 0);
  const { stages } = JSON.parse(
    (await site.run([
      "--context=context",
      "--offline",
      "--format=json",
      "--build-context=tools=context/files",
      "--build-context=debian=docker-image://scratch",
    ], { command: ["plan"] })).stdout,
  );
  assert.deepEqual(stages[1].base, { kind: "scratch" });
  assert.deepEqual(stages[1].steps[1].reads, [{ kind: "files", description: 'the context "tools"' }]);
  const replaced = [
    "  FROM scratch AS a",
    "    from the image 127.0.0.1:1/b:latest",
    "    not known: Cannot ask a registry: --offline was given",
    "    in the place of its instructions",
  ];
  assert.ok(stdout.includes(replaced.join("\n")), stdout);
  assert.ok(stdout.includes('reads the context "tools"\n'), stdout);
});

Deno.test("plan of a Dockerfile with a mistake, fails like a build", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nCOPY --form=x a /\n" });
  const { code, stdout, stderr } = await site.run(["-c", "context"], { command: ["plan"] });
  assert.deepEqual([code, stdout], [65, ""]);
  assert.equal(
    stderr,
    'error: Cannot parse the flag "--form" of COPY: there is no such flag\ncontext/Dockerfile:2\n--------------------\n' +
      "   1 |     FROM scratch\n   2 | >>> COPY --form=x a /\n--------------------\nhint: did you mean --from?\n",
  );
});

Deno.test("KANIKO_PRINT_PLAN, shows the plan and builds", async () => {
  await using site = await startSite({ Dockerfile: "FROM scratch\nENV a=b\n" });
  const { code, stdout, stderr } = await site.run(["--no-push"], { env: { KANIKO_PRINT_PLAN: "1" } });
  assert.equal(code, 0, stderr);
  const plan = [
    'Plan of "Dockerfile": 1 of 1 stage, for linux/amd64',
    "",
    "Stage 0 (line 1) becomes the image",
    "  FROM scratch",
    "    from nothing",
    "    for linux/amd64",
    "  2  ENV a=b",
  ];
  assert.ok(stdout.startsWith(`${plan.join("\n")}\n`), stdout);
  assert.match(stderr, /Done in/);
});
