/**
 * ADD of `https://` and `http://` URLs [3.4/1] [3.4/3]: names, modes, times, checksums, unpacking, and what hostile
 * servers try (S41).
 *
 * Guards, each seen red when taken out: `nameOfHttpFile` in lib/contexts/http_file.ts, `judgeHop` and the reach of the
 * redirect in lib/contexts/http_resource.ts, `checkSize` in http_download.ts, `verified` in checksum.ts.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path/posix";
import { gzipSync } from "node:zlib";
import {
  answer,
  type ArchiveServer,
  breakAfter,
  type Misbehaviour,
  startArchiveServer,
} from "../support/archive_server.ts";
import { assertContextFails, buildFrom } from "../support/context_build.ts";
import { type FlatImage, flatten } from "../support/environment/flatten.ts";
import { type Site, type StartOptions, startSite } from "../support/executor_site.ts";
import { archive, entry } from "../support/tar_forge.ts";

const CONTENT = new TextEncoder().encode("the content\n".repeat(40_000));
const ARCHIVE = new Uint8Array(gzipSync(archive(entry({ name: "in", uid: 3, gid: 4 }, "packed"))));

type Options = StartOptions & { readonly args?: readonly string[] };

/** A site and a server; `{URL}` in a Dockerfile is the server's. */
async function withServer(
  body: (server: ArchiveServer, add: {
    readonly site: Site;
    readonly image: (lines: string, options?: Options) => Promise<FlatImage>;
    readonly fails: (lines: string, expected: { code: number; error: RegExp }, options?: Options) => Promise<void>;
  }) => Promise<void>,
  bytes: Uint8Array = CONTENT,
): Promise<void> {
  await using server = await startArchiveServer(bytes);
  await using site = await startSite({ local: "local\n", "local.tgz": ARCHIVE });
  const write = (lines: string): Promise<void> =>
    site.write({ Dockerfile: `FROM scratch\n${lines.replaceAll("{URL}", `http://${server.host}`)}\n` });
  await body(server, {
    site,
    async image(lines, options = {}): Promise<FlatImage> {
      await write(lines);
      const { code, stderr } = await buildFrom(site, site.context, options);
      assert.equal(code, 0, stderr);
      await site.assertNothingLeft();
      return await flatten(join(site.path, "image"));
    },
    async fails(lines, expected, options = {}): Promise<void> {
      await write(lines);
      await assertContextFails(site, site.context, { ...options, ...expected });
    },
  });
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

Deno.test("ADD of a URL [3.4], is a file 0600 of root's, named by the URL, of the server's time", () =>
  withServer(async (server, add) => {
    const dated: Misbehaviour = (_request, response) => {
      response.setHeader("last-modified", "Sun, 09 Sep 2001 01:46:40 GMT");
      response.end(CONTENT);
    };
    server.next(dated);
    const { files, config } = await add.image(
      "ADD {URL}/a/file%20name.txt?token=x /d/\nADD --chown=5:6 --chmod=0755 {URL}/other /named\nWORKDIR /d\n" +
        'ADD ["{URL}/", "{URL}/x/", "./"]',
    );
    const file = files.get("/d/file name.txt");
    assert.deepEqual([file?.mode, file?.uid, file?.gid, file?.mtime], ["0600", 0, 0, "1000000000.000000000"]);
    assert.equal(file?.sha256, sha256(CONTENT));
    const named = files.get("/named");
    assert.deepEqual([named?.mode, named?.uid, named?.gid, named?.mtime], ["0755", 5, 6, "0.000000000"]);
    assert.deepEqual([...files.keys()].filter((path) => path.startsWith("/d/")).sort(), [
      "/d/__unnamed__",
      "/d/file name.txt",
      "/d/x",
    ]);
    assert.deepEqual(config.history?.map((entry) => entry.created_by), [
      `ADD http://${server.host}/a/file%20name.txt?token=x /d/ # buildkit`,
      `ADD --chown=5:6 --chmod=0755 http://${server.host}/other /named # buildkit`,
      "WORKDIR /d",
      `ADD http://${server.host}/ http://${server.host}/x/ ./ # buildkit`,
    ]);
    // One request for each URL, though the last two are fetched at the same time.
    assert.equal(server.seen.length, 4);
  }));

Deno.test("ADD of a URL [3.4], is copied in its place among other sources, and fetched once a build", () =>
  withServer(async (server, add) => {
    const { files } = await add.image(
      "ADD {URL}/local local /one\nADD local {URL}/local /two\nADD --link {URL}/local local /three/\n" +
        "ADD {URL}/local <<EOF /four/\nheredoc\nEOF",
    );
    assert.equal(files.get("/one")?.size, 6);
    assert.equal(files.get("/two")?.size, CONTENT.length);
    assert.equal(files.get("/three/local")?.size, 6);
    assert.deepEqual([...files.keys()].filter((path) => path.startsWith("/four/")), ["/four/EOF", "/four/local"]);
    assert.equal(server.seen.length, 1);
  }));

Deno.test("ADD --unpack [3.4], unpacks what is downloaded, and keeps local archives where it is false", () =>
  withServer(async (_server, add) => {
    const { files } = await add.image(
      "ADD {URL}/a.tgz /kept/\nADD --unpack=true {URL}/a.tgz /unpacked\nADD --unpack=false local.tgz /local/\n" +
        "ADD --unpack local /plain/",
    );
    assert.equal(files.get("/kept/a.tgz")?.sha256, sha256(ARCHIVE));
    assert.deepEqual([files.get("/unpacked/in")?.uid, files.get("/unpacked/in")?.gid], [3, 4]);
    assert.equal(files.get("/local/local.tgz")?.sha256, sha256(ARCHIVE));
    assert.equal(files.get("/plain/local")?.size, 6);
  }, ARCHIVE));

for (const algorithm of ["sha256", "sha384", "sha512"]) {
  Deno.test(`ADD --checksum [3.4], takes ${algorithm} of what is meant and nothing else`, () =>
    withServer(async (server, add) => {
      const digest = `${algorithm}:${createHash(algorithm).update(CONTENT).digest("hex")}`;
      await add.image(`ARG SUM=${digest}\nADD --checksum=$SUM {URL}/f /`);
      server.served.bytes = CONTENT.slice(1);
      await Deno.remove(join(add.site.path, "image"), { recursive: true });
      await add.fails(`ADD --checksum=${digest} {URL}/f /`, {
        code: 78,
        error: new RegExp(`its digest is ${algorithm}:[0-9a-f]+, not that of --checksum$`),
      });
    }));
}

const REFUSED: readonly (readonly [shows: string, lines: string, error: RegExp])[] = [
  ["a checksum of several sources", "ADD --checksum=sha256:1 {URL}/a {URL}/b /d/", /there are several sources$/],
  ["a checksum of a local file", "ADD --checksum=sha256:1 local /d/", /"local" is not fetched$/],
  ["a checksum of a heredoc", "ADD --checksum=sha256:1 <<E /d/\nE", /a heredoc is what it says$/],
  ["a checksum that is none", "ADD --checksum=md5:1 {URL}/a /d/", /--checksum="md5:1": it is not a digest$/],
  ["a URL of COPY", "COPY {URL}/a /d/", /COPY does not fetch$/],
  ["a name of two dots", "ADD {URL}/a%2f.. /d/", /its path ends with ".."$/],
  ["a name with a NUL byte", "ADD {URL}/a%00b /d/", /a NUL byte is in it$/],
  ["a name with broken percent-encoding", "ADD {URL}/a%zz /d/", /its percent-encoding is wrong$/],
  ["a name that is too long", `ADD {URL}/${"n".repeat(256)} /d/`, /it is longer than 255 bytes$/],
  ["no URL", "ADD https://[ /d/", /it is not a URL$/],
];
for (const [shows, lines, error] of REFUSED) {
  Deno.test(`ADD of a URL [3.4], refuses ${shows}`, () =>
    withServer(async (server, add) => {
      await add.fails(lines, { code: 65, error });
      assert.equal(server.seen.length, 0);
    }));
}

Deno.test("ADD of a URL, gets its token, and neither log nor history nor excerpt shows a password", () =>
  withServer(async (server, add) => {
    const url = `http://me:pass-word-1@${server.host}`;
    await add.site.write({
      Dockerfile: `FROM scratch\nADD ${url}/f {URL}/g /\n`.replace("{URL}", `http://${server.host}`),
    });
    const args = ["--verbosity=trace", `--secret=id=HTTP_AUTH_TOKEN_${server.host},env=TOKEN`];
    const { code, stderr, stdout } = await buildFrom(add.site, add.site.context, { args, env: { TOKEN: "tok-12345" } });
    assert.equal(code, 0, stderr);
    const { config } = await flatten(join(add.site.path, "image"));
    assert.equal(
      config.history?.[0]?.created_by,
      `ADD http://xxxxx:xxxxx@${server.host}/f http://${server.host}/g / # buildkit`,
    );
    assert.doesNotMatch(stderr + stdout + JSON.stringify(config), /pass-word-1|tok-12345/);
    const sent = server.seen.map(({ path, headers }) => [path, headers.authorization]).sort();
    assert.deepEqual(sent, [["/f", `Basic ${btoa("me:pass-word-1")}`], ["/g", "Bearer tok-12345"]]);
    server.next(answer(403));
    await Deno.remove(join(add.site.path, "image"), { recursive: true });
    const failed = await buildFrom(add.site, add.site.context, { args, env: { TOKEN: "tok-12345" } });
    assert.equal(failed.code, 77, failed.stderr);
    assert.match(failed.stderr, />>> ADD/);
    assert.doesNotMatch(failed.stderr, /pass-word-1|tok-12345/);
  }));

Deno.test("ADD of a URL, that breaks is taken up where it broke", () =>
  withServer(async (server, add) => {
    server.next(breakAfter(server.served, 200_000));
    const { files } = await add.image("ADD {URL}/f /");
    assert.equal(files.get("/f")?.sha256, sha256(CONTENT));
    assert.equal(server.seen.length, 2);
  }));

Deno.test("S41 ADD of a URL, is named by the URL whatever the server says", () =>
  withServer(async (server, add) => {
    server.next(
      answer(302, { location: "/%2e%2e/%2e%2e/elsewhere" }),
      (_request, response) => {
        response.setHeader("content-disposition", 'attachment; filename="../../x"');
        response.end("content");
      },
    );
    const { files } = await add.image("ADD {URL}/%2e%2e/%2e%2e/named /d/");
    assert.deepEqual([...files.keys()].filter((path) => path !== "/").sort(), ["/d", "/d/named"]);
    assert.equal(files.get("/d/named")?.size, 7);
  }));

Deno.test("S41 ADD of a URL, keeps a body as it is sent, whatever its encoding is said to be", () =>
  withServer(async (server, add) => {
    server.next((request, response) => {
      assert.equal(request.headers["accept-encoding"], "identity");
      response.setHeader("content-encoding", "gzip");
      response.end(ARCHIVE);
    });
    const { files } = await add.image("ADD {URL}/f /");
    assert.equal(files.get("/f")?.sha256, sha256(ARCHIVE));
  }));

const HOPS: readonly (readonly [location: string, code: number, error: RegExp])[] = [
  ["file:///etc/passwd", 78, /it redirects where it may not: it is neither https nor http$/],
  ["http://169.254.169.254/latest/meta-data", 69, /it has a link-local or reserved address/],
  ["http://[::ffff:169.254.169.254]/", 69, /it has a link-local or reserved address/],
];
for (const [location, code, error] of HOPS) {
  Deno.test(`S41 ADD of a URL, redirected to ${location} is refused`, () =>
    withServer(async (server, add) => {
      server.next(answer(302, { location }));
      await add.fails("ADD {URL}/f /", { code, error });
    }));
}

Deno.test("S41 ADD of a URL, that never ends is cut off at the limit", () =>
  withServer(async (server, add) => {
    server.next((_request, response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(65536)));
      };
      response.on("drain", more);
      more();
    });
    await add.fails("ADD {URL}/f /", { code: 66, error: /it has more than 2097152 bytes$/ }, {
      args: ["--context-size-limit=2m"],
    });
  }));

Deno.test("S41 ADD of a URL, sent as a part that was not asked for is refused", () =>
  withServer(async (server, add) => {
    server.next((_request, response) =>
      void response.writeHead(206, { "content-range": "bytes 0-99/100" }).end("x".repeat(100))
    );
    await add.fails("ADD {URL}/f /", { code: 78, error: /a part was sent that was not asked for$/ });
  }));

Deno.test("S41 ADD --unpack of a URL, refuses an archive that leads out and one that expands too far", () =>
  withServer(async (server, add) => {
    server.served.bytes = archive(entry({ name: "../../out" }, "x"));
    await add.fails("ADD --unpack {URL}/f /d/", { code: 78, error: /".." component|\.\./ });
    server.served.bytes = new Uint8Array(gzipSync(archive(entry({ name: "big" }, new Uint8Array(3_000_000)))));
    await add.fails("ADD --unpack {URL}/f /d/", { code: 78, error: /expand|larger/ }, {
      args: ["--expanded-size-limit=2m"],
    });
  }));

Deno.test("ADD of several URLs, of which one fails, fails with that and leaves nothing", () =>
  withServer(async (server, add) => {
    // Both are asked for at once, in either order.
    const byPath: Misbehaviour = (request, response) => {
      if (!request.path.startsWith("/hangs")) return answer(404)(request, response);
      response.writeHead(200, { "content-length": "9999999" });
      response.write("x");
    };
    server.next(byPath, byPath);
    await add.fails("ADD {URL}/hangs {URL}/missing /d/", {
      code: 66,
      error: /missing": "[^"]+" answered 404 Not Found$/,
    });
  }));
