/**
 * Images that look like the official ones people build on (node, python, golang, nginx ...): the names, the configs in
 * miniature, and stubs for the programs, so that Dockerfiles as people write them can be built in a second, without a
 * network, and the same on every machine.
 *
 * Each is the busybox base and one layer with the stubs of `tests/differential/official/stub.sh`.
 *
 * @module
 */
import { join } from "node:path/posix";
import { baseLayout } from "./environment/bases.ts";
import { cached } from "./environment/cache.ts";
import { run } from "./environment/command.ts";
import { EPOCH_SECONDS, writeLayout } from "./environment/layout_writer.ts";
import { registrySeed } from "./environment/registry_server.ts";

const STUB = join(import.meta.dirname ?? ".", "../differential/official/stub.sh");

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The programs that the stub stands for. */
const PROGRAMS: readonly string[] = [
  ...["apk", "apt-get", "apt", "yum", "dnf", "microdnf", "zypper", "pacman", "apt-mark", "dpkg-reconfigure"],
  ...["npm", "yarn", "pnpm", "npx", "corepack", "node", "pip", "pip3", "uv", "poetry", "python", "python3"],
  ...["go", "cargo", "rustup", "rustc", "mvn", "gradle", "java", "javac", "gcc", "cc", "g++", "clang"],
  ...["make", "cmake", "ninja", "meson", "configure", "composer", "php", "bundle", "gem", "dotnet", "mix"],
  ...["docker-php-ext-install", "a2enmod", "curl", "wget", "git", "adduser", "useradd", "addgroup", "groupadd"],
  ...["usermod", "update-ca-certificates", "locale-gen", "ldconfig", "nginx", "gunicorn", "strip", "upx", "gpg"],
];

const USERS: readonly string[] = [
  "root:x:0:0:root:/root:/bin/sh",
  "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
  "bin:x:2:2:bin:/bin:/bin/false",
  "www-data:x:33:33:www-data:/var/www:/bin/false",
  "nginx:x:101:102:nginx:/var/cache/nginx:/bin/false",
  "postgres:x:999:998:postgres:/var/lib/postgresql:/bin/sh",
  "node:x:1000:1001:node:/home/node:/bin/sh",
  "nobody:x:65534:65534:nobody:/:/bin/false",
];

const GROUPS: readonly string[] = [
  ...["root:x:0:", "daemon:x:1:", "bin:x:2:", "tty:x:5:", "www-data:x:33:node", "nginx:x:102:", "postgres:x:998:"],
  ...["node:x:1001:", "nogroup:x:65533:", "nobody:x:65534:"],
];

type Config = Readonly<Record<string, unknown>>;

/** What each image is configured as; `official/` in the registry stands for Docker Hub's library. */
export const OFFICIAL_IMAGES: Readonly<Record<string, Config>> = {
  "alpine:3.20": { Cmd: ["/bin/sh"] },
  "debian:bookworm-slim": { Cmd: ["bash"] },
  "ubuntu:24.04": {
    Cmd: ["/bin/bash"],
    Labels: { "org.opencontainers.image.ref.name": "ubuntu", "org.opencontainers.image.version": "24.04" },
  },
  "node:20-alpine": {
    Env: [`PATH=${PATH}`, "NODE_VERSION=20.17.0", "YARN_VERSION=1.22.22"],
    Entrypoint: ["docker-entrypoint.sh"],
    Cmd: ["node"],
  },
  "python:3.12-slim": {
    Env: [`PATH=/usr/local/bin:${PATH}`, "LANG=C.UTF-8", "PYTHON_VERSION=3.12.6"],
    Cmd: ["python3"],
  },
  "golang:1.23-alpine": {
    Env: [`PATH=/go/bin:/usr/local/go/bin:${PATH}`, "GOLANG_VERSION=1.23.1", "GOTOOLCHAIN=local", "GOPATH=/go"],
    WorkingDir: "/go",
    Cmd: ["/bin/sh"],
  },
  "rust:1.81": {
    Env: [`PATH=/usr/local/cargo/bin:${PATH}`, "RUSTUP_HOME=/usr/local/rustup", "CARGO_HOME=/usr/local/cargo"],
    Cmd: ["bash"],
  },
  "nginx:1.27-alpine": {
    Env: [`PATH=${PATH}`, "NGINX_VERSION=1.27.1", "PKG_RELEASE=1"],
    Entrypoint: ["/docker-entrypoint.sh"],
    Cmd: ["nginx", "-g", "daemon off;"],
    ExposedPorts: { "80/tcp": {} },
    Labels: { maintainer: "NGINX Docker Maintainers <docker-maint@nginx.com>" },
    StopSignal: "SIGQUIT",
  },
  "maven:3-eclipse-temurin-21": {
    Env: [`PATH=/opt/java/openjdk/bin:${PATH}`, "JAVA_HOME=/opt/java/openjdk", "MAVEN_CONFIG=/root/.m2"],
    Entrypoint: ["/usr/local/bin/mvn-entrypoint.sh"],
    Cmd: ["mvn"],
  },
  "eclipse-temurin:21-jre": {
    Env: [`PATH=/opt/java/openjdk/bin:${PATH}`, "JAVA_HOME=/opt/java/openjdk", "LANG=en_US.UTF-8"],
    Entrypoint: ["/__cacert_entrypoint.sh"],
  },
  "php:8.3-apache": {
    Env: [`PATH=${PATH}`, "PHP_INI_DIR=/usr/local/etc/php", "APACHE_CONFDIR=/etc/apache2"],
    Entrypoint: ["docker-php-entrypoint"],
    Cmd: ["apache2-foreground"],
    WorkingDir: "/var/www/html",
    ExposedPorts: { "80/tcp": {} },
    StopSignal: "SIGWINCH",
  },
  "ruby:3.3": {
    Env: [
      `PATH=/usr/local/bundle/bin:${PATH}`,
      "LANG=C.UTF-8",
      "GEM_HOME=/usr/local/bundle",
      "BUNDLE_SILENCE_ROOT_WARNING=1",
    ],
    Cmd: ["irb"],
  },
  "postgres:16": {
    Env: [`PATH=${PATH}:/usr/lib/postgresql/16/bin`, "PG_MAJOR=16", "PGDATA=/var/lib/postgresql/data"],
    Entrypoint: ["docker-entrypoint.sh"],
    Cmd: ["postgres"],
    ExposedPorts: { "5432/tcp": {} },
    Volumes: { "/var/lib/postgresql/data": {} },
    StopSignal: "SIGINT",
  },
  "dotnet/sdk:8.0": { Env: [`PATH=${PATH}`, "DOTNET_RUNNING_IN_CONTAINER=true", "NUGET_XMLDOC_MODE=skip"] },
  "dotnet/aspnet:8.0": {
    Env: [`PATH=${PATH}`, "APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080", "DOTNET_RUNNING_IN_CONTAINER=true"],
  },
  "distroless/static:nonroot": {
    Env: [`PATH=${PATH}`, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
    User: "65532",
    WorkingDir: "/home/nonroot",
  },
  // The way images offered themselves before multi-stage builds, and that company bases still have.
  "python:3-onbuild": {
    Env: [`PATH=${PATH}`],
    Cmd: ["python3"],
    WorkingDir: "/usr/src/app",
    OnBuild: [
      "COPY requirements.txt /usr/src/app/",
      "RUN pip install --no-cache-dir -r requirements.txt",
      "COPY . /usr/src/app",
    ],
  },
  "node:onbuild": {
    Env: [`PATH=${PATH}`, "NODE_VERSION=20.17.0"],
    WorkingDir: "/usr/src/app",
    Cmd: ["npm", "start"],
    OnBuild: [
      "ARG NODE_ENV",
      "ENV NODE_ENV $NODE_ENV",
      "COPY package.json /usr/src/app/",
      "RUN npm install && npm cache clean --force",
      "COPY . /usr/src/app",
    ],
  },
  // A company's base with everything set that a child may inherit or reset; it has no PATH.
  "acme/service:1": {
    User: "node:www-data",
    Env: ["ACME=1", "EMPTY=", 'QUOTED=say "hi" to $USER'],
    Entrypoint: ["/usr/bin/tini", "--"],
    Cmd: ["serve", "--port", "80"],
    WorkingDir: "/srv/app",
    ExposedPorts: { "9000/tcp": {}, "80/tcp": {} },
    Volumes: { "/data": {} },
    Labels: { zone: "eu", vendor: "acme", description: 'a "base"' },
    StopSignal: "SIGTERM",
    Shell: ["/bin/bash", "-euo", "pipefail", "-c"],
    Healthcheck: { Test: ["CMD", "/bin/true"], Interval: 30_000_000_000, Retries: 5 },
  },
};

/** The images, made. */
export interface OfficialImages {
  /** What a registry starts from to have them, as `official/NAME:TAG`. */
  readonly seed: string;
  /** The OCI layout of one of them: all have the same files. */
  readonly layout: string;
}

/** Makes the images where the cache lacks them. */
export async function officialImages(): Promise<OfficialImages> {
  const busybox = await baseLayout("busybox");
  const what = JSON.stringify([OFFICIAL_IMAGES, PROGRAMS, USERS, GROUPS]);
  const inputs = ["1", busybox, await Deno.readTextFile(STUB), what];
  const folder = await cached({
    name: "official",
    inputs,
    what: "small images that look like official ones",
    make: async (empty) => await makeLayouts(empty, busybox),
  });
  const images = Object.keys(OFFICIAL_IMAGES).map((name) => ({
    reference: `official/${name}`,
    layout: join(folder, fileName(name)),
  }));
  return { seed: await registrySeed({ name: "official", inputs, images }), layout: join(folder, "alpine-3.20") };
}

function fileName(name: string): string {
  return name.replace(/[/:]/g, "-");
}

async function makeLayouts(folder: string, busybox: string): Promise<void> {
  const root = await Deno.makeTempDir({ dir: folder });
  await makeTree(root);
  const tar = join(folder, "busybox.tar");
  await run(["sh", "-ec", 'gunzip < "$1" > "$2"', "sh", await layerOf(busybox), tar]);
  const layers = [{ tar }, { folder: root, mtimeSeconds: EPOCH_SECONDS }];
  for (const [name, config] of Object.entries(OFFICIAL_IMAGES)) {
    const layout = join(folder, fileName(name));
    await Deno.mkdir(layout);
    await writeLayout(layout, { layers, config });
  }
  await Deno.remove(tar);
  await run(["rm", "-rf", root]);
}

/** The only layer of a layout. */
async function layerOf(layout: string): Promise<string> {
  const read = async (path: string): Promise<{ readonly [key: string]: unknown }> =>
    JSON.parse(await Deno.readTextFile(join(layout, path)));
  const digestOf = (list: unknown): string => (list as readonly { readonly digest: string }[])[0]?.digest ?? "";
  const index = await read("index.json");
  const manifest = await read(`blobs/${digestOf(index["manifests"]).replace(":", "/")}`);
  return join(layout, `blobs/${digestOf(manifest["layers"]).replace(":", "/")}`);
}

async function makeTree(root: string): Promise<void> {
  for (const folder of ["bin", "etc", "usr/local/bin", "home/node", "srv", "var/calls", "var/www/html"]) {
    await Deno.mkdir(join(root, folder), { recursive: true });
  }
  await Deno.chmod(root, 0o755);
  await Deno.chmod(join(root, "var/calls"), 0o1777);
  await Deno.copyFile(STUB, join(root, "usr/local/bin/stub"));
  await Deno.chmod(join(root, "usr/local/bin/stub"), 0o755);
  await Deno.chown(join(root, "home/node"), 1000, 1001);
  for (const program of PROGRAMS) await Deno.symlink("stub", join(root, "usr/local/bin", program));
  await Deno.writeTextFile(join(root, "bin/bash"), '#!/bin/sh\nexec /bin/ash "$@"\n');
  await Deno.chmod(join(root, "bin/bash"), 0o755);
  await Deno.writeTextFile(join(root, "etc/passwd"), `${USERS.join("\n")}\n`);
  await Deno.writeTextFile(join(root, "etc/group"), `${GROUPS.join("\n")}\n`);
}
