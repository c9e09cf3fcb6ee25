/**
 * Attacks on a builder that shares its root with what it builds: base images that ship the builder's own files, tools and
 * libraries, and commands that look for the builder (S29, S30, S64, D08).
 *
 * Guards, each disabled once to see its test fail: `kept` in lib/cli/in_place.ts and `isKept` in lib/tree/move_tree.ts
 * (S29), the gate around credentials (S29, S30), closeOthers in lib/exec/command_script.ts and #assertSeen in
 * lib/exec/command_mounts.ts (S33), hideProcess (S64), killDescendants (S28), the private libraries of
 * scripts/image/private_libc.ts (S30).
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { attack, type AttackBuild, type AttackOutcome } from "../support/attack_build.ts";
import { inContainer } from "../support/container.ts";
import { findProgram } from "../support/environment/command.ts";
import { ensureTools } from "../support/environment/tools.ts";
import { executorRoot } from "../support/executor_root.ts";
import { startSite } from "../support/executor_site.ts";
import { addForgedImage } from "../support/forged_image.ts";
import { startFaultRegistry } from "../support/registry_fault.ts";
import { archive, entry } from "../support/tar_forge.ts";

function inPlace(build: Omit<AttackBuild, "isolation">): Promise<AttackOutcome> {
  return attack({ ...build, isolation: "in-place" });
}

/** A layer with a static busybox under the names of its applets. */
async function shell(...applets: readonly string[]): Promise<readonly Uint8Array[]> {
  await ensureTools(["busybox"]);
  const binary = Deno.readFileSync(findProgram("busybox") ?? "busybox");
  const names = ["sh", ...applets].map((name) =>
    entry({ name: `bin/${name}`, typeFlag: "1", linkName: "bin/busybox" })
  );
  return [archive(entry({ name: "bin/busybox", mode: 0o755 }, binary), ...names)];
}

function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

const EVIL = "evil";

/** What S29 lists. Each file has the content `evil`. */
const TARGETS = [
  "kaniko/executor",
  "kaniko/deno",
  "kaniko/app/main.js",
  "kaniko/app/lib/worker.js",
  "kaniko/lib/libc.so.6",
  "kaniko/.docker/config.json",
  "kaniko/builds/x",
  "kaniko/ssl/certs/ca-certificates.crt",
  "etc/ssl/certs/ca-certificates.crt",
  "etc/resolv.conf",
  "etc/hosts",
  "etc/hostname",
  "root/.docker/config.json",
  "busybox/sh",
  "proc/x",
  "proc/self/exe",
  "sys/x",
  "dev/null",
  "dev/termination-log",
  "var/run/secrets/kubernetes.io/serviceaccount/token",
  "workspace/Dockerfile",
  ".dockerenv",
  "deno.json",
  "package.json",
] as const;

Deno.test("S29 base image with the builder's files, mounts and devices in it, changes none of them", async () => {
  const device = entry({ name: "dev/sda", typeFlag: "4", mode: 0o660, devMajor: 8, devMinor: 0 });
  const evil = archive(...TARGETS.map((name) => entry({ name, mode: 0o755 }, EVIL)), device);
  let untouched: readonly string[] = [];
  const { code, stderr, image, output } = await inPlace({
    dockerfile: "FROM {IMAGE:evil}\nRUN cat /etc/resolv.conf > /resolver; cat /var/run/secrets/*/*/token > /token\n" +
      "RUN sha256sum /kaniko/executor /etc/ssl/certs/ca-certificates.crt; ls /root/.docker /busybox; " +
      "readlink /proc/self/exe; head -c 1 /dev/zero | wc -c; ls /dev/sda || echo no device\n",
    images: {
      evil: { layers: [...await shell("cat", "sha256sum", "ls", "readlink", "head", "wc"), evil] },
    },
    container: { files: { "/etc/ssl/certs/ca-certificates.crt": "the container's own" } },
    inspect: (site) => void (untouched = [...Deno.readDirSync(site.context)].map(({ name }) => name)),
  });
  assert.equal(code, 0, stderr);
  // Commands see the image's files but for what is mounted or the builder's.
  const executor = sha256(Deno.readFileSync(`${await executorRoot()}/kaniko/executor`));
  const said = output.join("\n");
  assert.ok(said.includes(`${executor}  /kaniko/executor`), said);
  assert.ok(said.includes(`${sha256(EVIL)}  /etc/ssl/certs/ca-certificates.crt`), said);
  // busybox, as Debian builds it, executes no applet: what runs is still the shell.
  for (const line of ["config.json", "/bin/sh", "1", "no device"]) assert.ok(output.includes(line), said);
  // The image has them all.
  for (const name of TARGETS) assert.equal(image?.files.get(`/${name}`)?.sha256, sha256(EVIL), name);
  assert.equal(image?.files.get("/dev/sda")?.device, "8,0");
  assert.equal(image?.files.get("/resolver")?.sha256, sha256(Deno.readFileSync("/etc/resolv.conf")));
  assert.equal(image?.files.get("/token")?.sha256, sha256("a.service.account"));
  assert.deepEqual(untouched, ["Dockerfile"]);
  assert.match(stderr, /RUN does not see what the image has at "\/kaniko"/);
});

Deno.test("S29 links in place of directories with mounts and of the builder's own, lead nowhere and stay in the image", async () => {
  const links = ["kaniko", "proc", "dev", "data", "etc/resolv.conf", "var"].map((name) =>
    entry({ name, typeFlag: "2", linkName: "/trap" })
  );
  const trap = entry({ name: "trap/", typeFlag: "5", mode: 0o755 });
  const { code, stderr, image, output } = await inPlace({
    dockerfile: "FROM {IMAGE:evil}\nRUN echo x > /trap/x; cat /data/volume/mounted; cat /var/run/secrets/*/*/token\n" +
      "RUN cat /data/volume/mounted; ls /trap\n",
    files: { mounted: "mounted\n" },
    images: { evil: { layers: [...await shell("cat", "ls"), archive(trap, ...links)] } },
    container: { binds: [{ from: await volume(), to: "/data/volume", readOnly: true }] },
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual(output.filter((line) => line === "mounted").length, 2, output.join("\n"));
  for (const name of ["kaniko", "proc", "dev", "data", "etc/resolv.conf", "var"]) {
    assert.equal(image?.files.get(`/${name}`)?.target, "/trap", name);
  }
  assert.ok(image?.files.has("/trap/x"));
  assert.ok(!image?.files.has("/trap/volume") && !image?.files.has("/trap/run"));
});

/** A folder of the machine with a file in it, for as long as the process lives: containers only read it. */
async function volume(): Promise<string> {
  const path = await Deno.makeTempDir({ prefix: "kiln-volume-" });
  await Deno.writeTextFile(`${path}/mounted`, "mounted\n");
  globalThis.addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  return path;
}

Deno.test("S29 S30 credentials of the image and its helpers, are never used", async () => {
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  const authorizations = new Set<string>();
  registry.always("POST", /uploads/, async (request, response, proceed) => {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      return;
    }
    authorizations.add(authorization);
    await proceed();
  });
  const auths = (password: string): string =>
    JSON.stringify({ auths: { [registry.host]: { auth: btoa(`user:${password}`) } } });
  const evil = archive(
    entry({ name: "root/.docker/config.json" }, JSON.stringify({ credHelpers: { [registry.host]: "evil" } })),
    entry({ name: "usr/local/bin/docker-credential-evil", mode: 0o755 }, "#!/bin/sh\ntouch /hijacked\n"),
  );
  const image = addForgedImage(registry, "forged/evil", { layers: [...await shell("sleep", "touch", "ls"), evil] });
  // While the second RUN has the root, the layer of the first is pushed.
  await site.write({
    Dockerfile: `FROM ${image}\nRUN touch /a\nRUN sleep 1; ls /root/.docker/config.json\nRUN touch /b\n`,
  });
  const { code, stderr } = await site.run([
    `--destination=${registry.host}/out/image:1`,
    "--insecure",
    "--insecure-pull",
    "--skip-push-permission-check",
    "--isolation=in-place",
  ], {
    env: { HOME: "/root", DOCKER_CONFIG: "/root/.docker" },
    through: await inContainer({ site, files: { "/root/.docker/config.json": auths("ours") } }),
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual([...authorizations], [`Basic ${btoa("user:ours")}`]);
  await site.assertNothingLeft();
});

Deno.test("S30 D08 programs and libraries of the image, are run by RUN alone and never loaded by the builder", async () => {
  await ensureTools(["strace"]);
  const programs = ["bin/tar", "bin/gzip", "usr/bin/git", "usr/bin/zstd", "usr/bin/unpigz", "sbin/ldconfig"];
  const libraries = [
    "lib/x86_64-linux-gnu/libc.so.6",
    "lib/x86_64-linux-gnu/libnss_evil.so.2",
    "usr/lib/libgcc_s.so.1",
    "lib64/ld-linux-x86-64.so.2",
    "lib/ld-musl-x86_64.so.1",
  ];
  const evil = archive(
    ...programs.map((name) => entry({ name, mode: 0o755 }, "#!/bin/sh\ntouch /hijacked\n")),
    ...libraries.map((name) => entry({ name, mode: 0o755 }, "\x7fELF junk")),
    entry({ name: "etc/ld.so.preload" }, "/lib/x86_64-linux-gnu/libnss_evil.so.2\n"),
    entry({ name: "etc/ld.so.cache" }, "junk"),
    entry({ name: "etc/nsswitch.conf" }, "hosts: evil\npasswd: evil\n"),
    entry({ name: "deno.json" }, "not JSON"),
    entry({ name: "package.json" }, "not JSON"),
    entry({ name: "tmp/x" }, "x"),
  );
  await using registry = await startFaultRegistry();
  await using site = await startSite();
  // A name to look up, while and after a command has the root.
  const host = registry.host.replace("127.0.0.1", "localhost");
  const reference = addForgedImage(registry, "forged/evil", { layers: [...await shell("sleep", "touch"), evil] })
    .replace("127.0.0.1", "localhost");
  await site.write({
    Dockerfile: `FROM ${reference} AS other\nRUN touch /a; sleep 1\nFROM ${reference}\nRUN touch /b; sleep 1\n` +
      "COPY --from=other /a /\nCOPY --from=late /f /f\nRUN touch /c; rm -rf /lib64\nRUN touch /d\n",
    "late/f": "f",
  });
  const { code, stderr } = await site.run([
    `--destination=${host}/out/image:1`,
    "--insecure",
    "--insecure-pull",
    `--build-context=late=${site.context}/late`,
    "--isolation=in-place",
  ], {
    // strace ends with what it starts; the trace is written where the container does not reach.
    through: [
      ...["sh", "-c", 'exec strace -f -qq -y -e trace=execve,execveat,open,openat,openat2 -o "$MARK.trace" "$@"', "sh"],
      ...await inContainer({ site }),
    ],
  });
  assert.equal(code, 0, stderr);
  const trace = (await Deno.readTextFile(`${site.path}/${site.mark}.trace`)).split("\n");
  const executed = trace.flatMap((line) => / execve(?:at)?\((?:[^"]*, )?"([^"]+)"[^\n]*= 0$/.exec(line)?.[1] ?? []);
  assert.ok(executed.includes("/kaniko/executor"), executed.join("\n"));
  const foreign = executed.filter((path) => !path.startsWith("/kaniko/") && !path.endsWith("/python3"));
  // busybox finds its applets in itself.
  assert.deepEqual([...new Set(foreign)].sort(), ["/bin/sh", "/proc/self/exe"]);
  // What was started by a RUN is a process of its own; whatever else opens a library by its path is the builder.
  const commands = new Set(trace.flatMap((line) => /^(\d+) +execve\("\/bin\/sh"/.exec(line)?.[1] ?? []));
  const builder = new Set(trace.flatMap((line) => /^(\d+) +execve\("\/kaniko\//.exec(line)?.[1] ?? []));
  assert.ok(builder.size > 0 && commands.size === 4, `${builder.size} ${commands.size}`);
  const started = trace.findIndex((line) => / execve\("\/kaniko\//.test(line));
  const opened = trace.slice(started).flatMap((line) => {
    const [, pid = "", path] = /^(\d+) +open(?:at2?)?\((?:AT_FDCWD<[^>]*>, )?"(\/[^"]*)"[^\n]*= \d+</.exec(line) ?? [];
    return path === undefined || commands.has(pid) ? [] : [path];
  });
  const loaded = opened.filter((path) => /\.so(\.|$)|ld\.so|nsswitch|deno\.json|package\.json/.test(path));
  assert.deepEqual(loaded.filter((path) => !path.startsWith("/kaniko/")), []);
  await site.assertNothingLeft();
});

Deno.test("S64 in place, RUN sees neither environment nor memory nor descriptors of the builder", async () => {
  // The container has the processes of this machine, and tests beside this one start executors.
  const own = crypto.randomUUID();
  const { code, stderr, output } = await inPlace({
    args: [`--label=own=${own}`],
    dockerfile: "FROM {BASE}\nRUN for p in /proc/[0-9]*; do " +
      `case "$(tr "\\0" " " < $p/cmdline 2> /dev/null)" in *--label=o[w]n=${own}*) ` +
      "for f in environ maps mem; do head -c 1 $p/$f > /dev/null && echo $f read; done; " +
      "for f in cwd root exe fd/*; do readlink $p/$f && echo $f followed; done; echo found;; esac; done 2> /dev/null\n",
  });
  assert.equal(code, 0, stderr);
  assert.deepEqual([...new Set(output.filter((line) => line !== ""))], ["found"]);
});

Deno.test("S28 processes that a RUN leaves behind in place, are gone before the next step", async () => {
  const { code, stderr, image } = await inPlace({
    dockerfile: "FROM {BASE}\nENV MARK={MARK}\n" +
      "RUN (setsid sh -c '(setsid sh -c \"while :; do echo x >> /beat; usleep 1000; done\" &)' &); " +
      "while [ ! -s /beat ]; do usleep 1000; done\nRUN wc -c < /beat > /one; usleep 50000; wc -c < /beat > /two\n",
  });
  assert.equal(code, 0, stderr);
  assert.equal(image?.files.get("/one")?.sha256, image?.files.get("/two")?.sha256);
});

Deno.test("S33 working directory that is a descriptor of the builder, is refused in place", async () => {
  for (const path of ["/proc/self/fd/7", "/dev/fd/5"]) {
    const { code, stderr } = await inPlace({ dockerfile: `FROM {BASE}\nWORKDIR ${path}\nRUN pwd\n` });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /Cannot run in "[^"]*": this container has its own files at "\/(proc|dev)"/);
  }
});

Deno.test("command that removes the builder's files, ends the build and says so", async () => {
  await using site = await startSite();
  await using registry = await startFaultRegistry();
  const image = addForgedImage(registry, "forged/shell", { layers: await shell("rm") });
  await site.write({ Dockerfile: `FROM ${image}\nRUN rm -rf /kaniko || true\nRUN true\n` });
  const { code, stderr } = await site.run([
    "--no-push",
    "--insecure-pull",
    "--isolation=in-place",
    "--work-dir=/kaniko",
  ], { through: await inContainer({ site }) });
  assert.ok(code !== 0 && code !== 70, stderr);
  assert.match(stderr, /Cannot go on: the command removed "\/kaniko" of this container/);
});

Deno.test("S76 capabilities of RUN in place, are Docker's default set also where the container has all, and none for a user", async () => {
  const show = "RUN grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status";
  const { code, stderr, output } = await inPlace({
    dockerfile: `FROM {BASE}\n${show}\nUSER app\n${show}\n`,
    container: { capabilities: ownCapabilities() },
  });
  assert.equal(code, 0, stderr);
  const [none, some] = ["0000000000000000", "00000000a80425fb"];
  assert.deepEqual(output.filter((line) => line !== "").map((line) => line.split(/\s+/)), [
    ...[["CapInh:", none], ["CapPrm:", some], ["CapEff:", some], ["CapBnd:", some], ["CapAmb:", none]],
    ...[["CapInh:", none], ["CapPrm:", none], ["CapEff:", none], ["CapBnd:", some], ["CapAmb:", none]],
  ]);
});

/** A bit for each. */
function ownCapabilities(): number {
  const [, digits = ""] = /^CapEff:\s*(\w+)$/m.exec(Deno.readTextFileSync("/proc/self/status")) ?? [];
  return Number.parseInt(digits, 16);
}

Deno.test("S64 what root in a RUN in place puts into /kaniko, is there for what comes after, and in no layer", async () => {
  const { code, stderr, image, output } = await inPlace({
    dockerfile: "FROM {BASE}\nRUN echo changed > /kaniko/planted; echo x > /made\nRUN cat /kaniko/planted\n",
  });
  assert.equal(code, 0, stderr);
  assert.ok(output.includes("changed"), stderr);
  assert.ok(image?.files.has("/made") && !image.files.has("/kaniko/planted"));
});
