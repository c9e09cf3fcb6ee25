/**
 * Archives behind a real web server: nginx, and nginx over a line that breaks.
 *
 * @module
 */
import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path/posix";
import { assertContextFails, COPY_ALL, filesFrom, packContext } from "../support/context_build.ts";
import { flatten } from "../support/environment/flatten.ts";
import { compareListings } from "../support/environment/listing.ts";
import { listTree } from "../support/environment/tree_listing.ts";
import { type Site, startSite } from "../support/executor_site.ts";
import { type Nginx, startNginx } from "../support/nginx.ts";
import { startRawServer } from "../support/registry_server.ts";

const USER = { name: "me", password: "open:sesame" } as const;

async function withNginx(body: (site: Site, nginx: Nginx) => Promise<void>): Promise<void> {
  await using site = await startSite({
    "Dockerfile": COPY_ALL,
    "random": crypto.getRandomValues(new Uint8Array(60_000)),
  });
  for (let at = 0; at < 40; at++) await site.write({ [`d/${at}`]: crypto.getRandomValues(new Uint8Array(60_000)) });
  const folder = join(site.path, "served");
  await Deno.mkdir(join(folder, "private"), { recursive: true });
  await packContext(site, "served/app.tar.gz", ["--gzip"]);
  await packContext(site, "served/private/app.tar.zst", ["--zstd"]);
  await using nginx = await startNginx(folder, USER);
  await body(site, nginx);
}

async function assertSameAsContext(site: Site): Promise<void> {
  const { files } = await flatten(join(site.path, "image"));
  assert.deepEqual(compareListings(await listTree(site.context), files, { except: (path) => path === "/" }), []);
}

Deno.test("a context behind nginx, gives the files it was made of", () =>
  withNginx(async (site, nginx) => {
    await filesFrom(site, `${nginx.url}/app.tar.gz`);
    await assertSameAsContext(site);
  }));

Deno.test("a context behind nginx, that is private takes user and password", () =>
  withNginx(async (site, { port }) => {
    await assertContextFails(site, `http://127.0.0.1:${port}/private/app.tar.zst`, { code: 77, error: /answered 401/ });
    await assertContextFails(site, `http://me:wrong@127.0.0.1:${port}/private/app.tar.zst`, { code: 77, error: /401/ });
    await filesFrom(site, `http://me:open%3Asesame@127.0.0.1:${port}/private/app.tar.zst`);
    await assertSameAsContext(site);
  }));

Deno.test("a context behind nginx, that is not there fails by its URL", () =>
  withNginx(async (site, nginx) => {
    const url = `${nginx.url}/missing.tar.gz`;
    await assertContextFails(site, url, {
      code: 66,
      error: `Cannot fetch "${url}": "127.0.0.1:${nginx.port}" answered 404 Not Found`,
    });
  }));

Deno.test("a context behind nginx, over a line that breaks again and again is whole in the end [F04]", () =>
  withNginx(async (site, nginx) => {
    let broken = 0;
    await using line = await startRawServer((socket) => {
      const onward = net.connect(nginx.port, "127.0.0.1");
      onward.on("error", () => {});
      socket.pipe(onward);
      let passed = 0;
      onward.on("data", (chunk: Uint8Array) => {
        passed += chunk.length;
        socket.write(chunk);
        // Each connection carries half a megabyte, and then its end.
        if (passed < 500_000) return;
        broken++;
        onward.destroy();
        socket.destroySoon();
      });
      onward.on("close", () => socket.destroySoon());
      socket.on("close", () => onward.destroy());
    });
    await filesFrom(site, `http://${line.host}/app.tar.gz`);
    await assertSameAsContext(site);
    assert.ok(broken >= 3, `the line broke ${broken} times`);
  }));
